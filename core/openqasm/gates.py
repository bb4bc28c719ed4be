"""The gates that a program can apply: those that it defines, and those that need no definition."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from openqasm3 import ast
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Qubit

from core.openqasm import stdgates
from core.openqasm.budget import DEFINITION, MAX_DEPTH, ProgramBudget
from core.openqasm.definitions import MAX_ANGLE, PROBE
from core.openqasm.errors import NotFiniteError, error_at, not_finite_at
from core.openqasm.known_gates import OTHERS, STANDARD, KnownGate, U
from core.openqasm.modifiers import Sized, weight
from core.openqasm.names import OwnNames
from core.openqasm.notes import Notes
from core.openqasm.scope import Qubits, Scopes, Variable
from core.openqasm.values import Const, Type

#: Carries out the body of a gate's definition in a circuit, and returns how many gates it comes to.
Body = Callable[[Sequence[ast.Statement], QuantumCircuit], int]


class Definition:
    """A gate that the program defines, written out for each set of arguments that it is applied with.

    Args:
        node: the definition.
        name: its name in the circuit.
    """

    def __init__(self, node: ast.QuantumGateDefinition, name: str) -> None:
        self.node = node
        self.name = name
        self.written: dict[tuple[float, ...], Sized] = {}


class Gates:
    """The gates of a program.

    Args:
        scopes: the names.
        budget: what is left of the bounds.
        names: of the program's own gates.
        notes: gets remarks on the program.
    """

    def __init__(self, scopes: Scopes, budget: ProgramBudget, names: OwnNames, notes: Notes) -> None:
        self._scopes = scopes
        self._budget = budget
        self._names = names
        self._notes = notes
        #: Carries out a definition; set by what carries out statements.
        self.body: Body
        #: Lines of the definitions that are still to come, by the names of their gates.
        self.later: dict[str, int] = {}
        #: The program's names of the gates that it defines, by their names in the circuit.
        self.own: dict[str, str] = {}
        self._definitions: dict[str, Definition] = {}
        #: Names under which the program defines the gates of `stdgates.inc` as that file does.
        self._same = {"U"}
        self._known: dict[str, KnownGate] = {"U": U}
        self._included = False
        self._depth = 0

    def include(self) -> None:
        """Include `stdgates.inc`.

        Raises:
            ProgramError: the program has defined a gate of it already.
        """
        for name in self._definitions.keys() & STANDARD.keys():
            node = self._definitions[name].node
            raise error_at(node, f"gate {name!r} is already defined by stdgates.inc, which is included later")
        self._included = True
        self._known |= STANDARD

    def define(self, node: ast.QuantumGateDefinition) -> None:
        """Define a gate.

        Raises:
            ProgramError: its name is taken, or there is something wrong in its body.
        """
        name = node.name.name
        if name in self._definitions or name in self._known:
            raise error_at(node.name, f"gate {name!r} is already defined")
        formal = [identifier.name for identifier in (*node.arguments, *node.qubits)]
        for place, operand in enumerate(formal):
            if operand in formal[:place]:
                raise error_at(node, f"{operand!r} is already declared in gate {name!r}")
        definition = Definition(node, self._names.add(name))
        # What is wrong in it is found now, while the gate itself is not defined yet.
        try:
            self._write(definition, [PROBE + place for place in range(len(node.arguments))])
        except NotFiniteError:
            # For other arguments it may be finite.
            if not node.arguments:
                raise
        self.later.pop(name, None)
        if stdgates.defines(node, self._same):
            self._same.add(name)
            self._known[name] = STANDARD[name]
            return
        self._definitions[name] = definition
        self.own[definition.name] = name

    def angles(self, node: ast.QuantumGate) -> int | None:
        """Return how many angles a gate takes; None if it is not known."""
        name = node.name.name
        if name in self._definitions:
            return len(self._definitions[name].node.arguments)
        known = self._known.get(name) or OTHERS.get(name)
        return known.angles if known is not None else None

    def gate(self, node: ast.QuantumGate, angles: Sequence[float], qubits: int) -> Sized:
        """Return the gate that a statement applies, without its modifiers.

        Args:
            node: the statement.
            angles: its arguments.
            qubits: number of qubits that it is applied to.

        Raises:
            ProgramError: there is no such gate, or it takes other arguments.
        """
        name = node.name.name
        for angle in angles:
            if not math.isfinite(angle):
                raise not_finite_at(node, f"an angle of gate {name!r}")
            if abs(angle) > MAX_ANGLE:
                raise error_at(node, f"an angle of gate {name!r} is over {MAX_ANGLE:g}")
        definition = self._definitions.get(name)
        if definition is not None:
            formal = definition.node
            self._check(node, len(angles), qubits, len(formal.arguments), len(formal.qubits))
            return self._written(definition, tuple(angles))
        known = self._known.get(name) or self._undefined(node)
        self._check(node, len(angles), qubits, known.angles, known.qubits)
        gate = known.make(*angles)
        return Sized(gate, weight(known.qubits))

    def _undefined(self, node: ast.QuantumGate) -> KnownGate:
        name = node.name.name
        if name in self.later:
            raise error_at(
                node.name, f"gate {name!r} is not defined yet; its definition is in line {self.later[name]}"
            )
        if name in STANDARD:
            self._notes.add_at(node, "the program uses gates of stdgates.inc, which it does not include")
            return STANDARD[name]
        if name in OTHERS:
            self._notes.add_at(
                node, f"gate {name!r} is not defined by the program; its usual definition is used"
            )
            return OTHERS[name]
        raise error_at(node.name, f"gate {name!r} is not defined")

    def _check(self, node: ast.QuantumGate, angles: int, qubits: int, wanted: int, width: int) -> None:
        name = node.name.name
        if angles != wanted:
            raise error_at(node, f"gate {name!r} takes {wanted} parameters, not {angles}")
        if qubits != width:
            raise error_at(node, f"gate {name!r} is for {width} qubits, not {qubits}")

    def _written(self, definition: Definition, angles: tuple[float, ...]) -> Sized:
        known = definition.written.get(angles)
        if known is None:
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise error_at(definition.node, f"gate definitions are over {MAX_DEPTH} deep")
            try:
                known = self._write(definition, angles)
            finally:
                self._depth -= 1
            definition.written[angles] = known
        return known

    def _write(self, definition: Definition, angles: Sequence[float]) -> Sized:
        node = definition.node
        self._budget.steps(DEFINITION, node)
        circuit = QuantumCircuit(len(node.qubits))
        with self._scopes.definition(constants_only=True):
            for formal, angle in zip(node.arguments, angles, strict=True):
                value = Const(float(angle), Type("angle"))
                self._scopes.declare(formal.name, Variable(value, value.type, constant=True), node)
            for operand, qubit in zip(node.qubits, circuit.qubits, strict=True):
                self._scopes.declare(operand.name, Qubits([qubit], single=True), node)
            size = self.body(node.body, circuit)
        gate = Gate(definition.name, len(node.qubits), list(angles))
        gate.definition = circuit
        return Sized(gate, size + 1)


def broadcast(
    operands: Sequence[Qubits], node: ast.QASMNode, what: str = "registers"
) -> list[tuple[Qubit, ...]]:
    """Return the qubits of each application of a gate to registers and qubits.

    Raises:
        ProgramError: the registers have different sizes, or a qubit occurs twice.
    """
    sizes = {len(operand.bits) for operand in operands if not operand.single}
    if len(sizes) > 1:
        listed = " and ".join(map(str, sorted(sizes)))
        raise error_at(node, f"{what} of different sizes, {listed}, are used together")
    times = sizes.pop() if sizes else 1
    applied = [
        tuple(operand.bits[0] if operand.single else operand.bits[turn] for operand in operands)
        for turn in range(times)
    ]
    for qubits in applied:
        if len(set(qubits)) < len(qubits):
            raise error_at(node, "a gate is applied to the same qubit twice")
    return applied
