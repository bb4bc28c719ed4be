"""Gates with modifiers: `ctrl`, `negctrl`, `inv` and `pow`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from openqasm3 import ast
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import PhaseGate, UnitaryGate

from core.openqasm.budget import ProgramBudget
from core.openqasm.definitions import (
    PowerError,
    exponent_of,
    in_standard_gates,
    loses_phase,
    own_gate,
    principal_phase,
    principal_power,
    wrapped_gate,
)
from core.openqasm.errors import error_at, not_finite_at
from core.openqasm.expressions import Expressions
from core.openqasm.names import OwnNames

#: Controls that modifiers may add to one gate, and qubits of a gate of which a power is taken that is no
#: repetition of it.
MAX_CONTROLS = 8
MAX_POWER_QUBITS = 3
#: Repetitions of a gate that a power is written out as; a power with more is a matrix.
MAX_REPEATED = 64
#: Gates that a general gate with so many controls is made of.
_CONTROLLED = (1, 7, 50, 140, 250, 400, 620, 960, 1_350)
#: Steps that it takes to write out the inverse of a gate, for each gate that it is made of.
_INVERSE = 10
#: Steps that a power that is not whole takes, and a control of a gate that is wrapped first.
_ROOT = 150
_WRAPPED = 600

_CTRL = (ast.GateModifierName.ctrl, ast.GateModifierName.negctrl)


@dataclass(frozen=True)
class Sized:
    """A gate, and the number of basic gates that it is made of."""

    gate: Gate
    size: int


def weight(qubits: int) -> int:
    """Return about how many basic gates a gate without a definition of its own is made of."""
    return 1 if qubits < 3 else int(4**qubits // 4)


class Modifiers:
    """Applies modifiers.

    Args:
        expressions: works out their arguments.
        names: of the program's own gates.
        budget: what is left of the bounds.
    """

    def __init__(self, expressions: Expressions, names: OwnNames, budget: ProgramBudget) -> None:
        self._expressions = expressions
        self._names = names
        self._budget = budget

    def controls(self, modifiers: Sequence[ast.QuantumGateModifier]) -> int:
        """Return how many qubits the modifiers add.

        Raises:
            ProgramError: they are too many, or fewer than one.
        """
        total = 0
        for modifier in modifiers:
            if modifier.modifier in _CTRL:
                total += self._number(modifier)
                if total > MAX_CONTROLS:
                    raise error_at(modifier, f"a gate may have 1 to {MAX_CONTROLS} controls added")
        return total

    def _number(self, modifier: ast.QuantumGateModifier) -> int:
        if modifier.argument is None:
            return 1
        number = self._expressions.integer(modifier.argument, "the number of controls")
        if not 1 <= number <= MAX_CONTROLS:
            raise error_at(modifier, f"a gate may have 1 to {MAX_CONTROLS} controls added")
        return number

    def apply(self, base: Sized, modifiers: Sequence[ast.QuantumGateModifier]) -> Sized:
        """Return a gate with modifiers, the last of which is the first to be applied.

        Raises:
            ProgramError: it would be too large, or a modifier's argument is wrong.
        """
        gate, size = base.gate, base.size
        place = len(modifiers) - 1
        while place >= 0:
            modifier = modifiers[place]
            kind = modifier.modifier
            first = place
            while first and _group(modifiers[first - 1].modifier) == _group(kind) != "pow":
                first -= 1
            run = modifiers[first : place + 1]
            place = first - 1
            if kind in _CTRL:
                gate, size = self._controlled(gate, size, run)
            elif kind is ast.GateModifierName.inv:
                if len(run) % 2:
                    self._budget.steps(_INVERSE * size, modifier)
                    gate = gate.inverse()
            else:
                gate, size = self._power(gate, size, self._exponent(modifier), modifier)
        return Sized(gate, size)

    def _controlled(self, gate: Gate, size: int, run: Sequence[ast.QuantumGateModifier]) -> tuple[Gate, int]:
        """Add the controls of successive modifiers at once; the first modifier has the first qubits."""
        states: list[int] = []
        for modifier in run:
            positive = modifier.modifier is ast.GateModifierName.ctrl
            states += [int(positive)] * self._number(modifier)
        size *= 1 if size == gate.num_qubits == len(states) == 1 else _CONTROLLED[len(states)]
        self._budget.check_gates(size, run[0])
        state = sum(bit << place for place, bit in enumerate(states))
        if loses_phase(gate):
            self._budget.steps(_WRAPPED, run[0])
            gate = wrapped_gate(self._names.number("cu"), gate)
        return gate.control(len(states), ctrl_state=state, annotated=False), size

    def _exponent(self, modifier: ast.QuantumGateModifier) -> float:
        """Return the argument of `pow`, an `int` if it is whole."""
        assert modifier.argument is not None
        exponent = self._expressions.real(modifier.argument, "a power")
        if not math.isfinite(exponent):
            # In a definition it may be finite for other arguments.
            raise not_finite_at(modifier, "a power")
        try:
            return exponent_of(exponent)
        except PowerError as error:
            raise error_at(modifier, str(error)) from None

    def _power(self, gate: Gate, size: int, exponent: float, node: ast.QASMNode) -> tuple[Gate, int]:
        times = abs(exponent) if isinstance(exponent, int) and abs(exponent) <= MAX_REPEATED else None
        if gate.num_qubits <= MAX_POWER_QUBITS:
            self._budget.steps(size * 10 + (_ROOT if times is None else 0), node)
            try:
                power = principal_power(gate, exponent)
            except PowerError as error:
                raise error_at(node, str(error)) from None
            if not isinstance(power, UnitaryGate):
                return power, max(1, size)
            definition = in_standard_gates(power.definition)
            size = 4**gate.num_qubits
        elif times is not None:
            size *= times
            self._budget.check_gates(size, node)
            repeated = gate if exponent > 0 else gate.inverse()
            definition = QuantumCircuit(gate.num_qubits)
            for _ in range(times):
                definition.append(repeated, definition.qubits)
        else:
            raise error_at(
                node,
                f"this power is for gates on up to {MAX_POWER_QUBITS} qubits; a whole one up to "
                f"{MAX_REPEATED} is for all",
            )
        return own_gate(self._names.number("pow"), definition), size + 1

    def phase(self, angle: float, modifiers: Sequence[ast.QuantumGateModifier]) -> Sized | float:
        """Return a global phase with modifiers: still a phase, or a gate if it has controls."""
        place = len(modifiers)
        while place and modifiers[place - 1].modifier not in _CTRL:
            place -= 1
            modifier = modifiers[place]
            if modifier.modifier is ast.GateModifierName.inv:
                angle = -angle
            else:
                exponent = self._exponent(modifier)
                if not isinstance(exponent, int):
                    # The principal root, as for any other gate.
                    angle = principal_phase(angle)
                angle *= exponent
                if not math.isfinite(angle):
                    raise not_finite_at(modifier, "this phase")
        if not place:
            return angle
        modifier = modifiers[place - 1]
        base = Sized(PhaseGate(angle), 1)
        if modifier.modifier is ast.GateModifierName.negctrl:
            definition = QuantumCircuit(1)
            definition.x(0)
            definition.p(angle, 0)
            definition.x(0)
            base = Sized(own_gate(self._names.number("phase"), definition), 3)
        more = self._number(modifier) - 1
        if more:
            kind = ast.QuantumGateModifier(modifier.modifier, ast.IntegerLiteral(more))
            kind.span = modifier.span
            base = self.apply(base, [kind])
        return self.apply(base, modifiers[: place - 1])


def _group(kind: ast.GateModifierName) -> str:
    return "ctrl" if kind in _CTRL else str(kind.name)
