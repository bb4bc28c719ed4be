"""The exact distribution of a circuit's outcomes, from its whole state.

Measurements at the end are read from the state. Each other one splits the state in two, as does a reset, so
that what follows may depend on the outcome.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, IfElseOp
from qiskit.circuit.classical import expr

from actions.run_openqasm.costs import Seconds, TooCostlyError
from actions.run_openqasm.dependencies import Part, touched

#: Qubits of a state at most: one of 2^20 amplitudes takes 16 MB.
MAX_QUBITS = 20
#: Seconds that a gate takes for an amplitude, for each of the rows of its matrix, and however small it is.
_AMPLITUDE = 4e-9
_GATE = 2.5e-5
#: Qubits of a gate up to which its matrix is used and not its definition.
_MATRIX_QUBITS = 5
#: Probabilities below this are rounding.
_NOTHING = 1e-11

State = NDArray[np.complex128]


def distribution(part: Part, seconds: Seconds) -> dict[int, float]:
    """Return the probabilities of a part's outcomes.

    Args:
        part: of gates, measurements, resets, assignments and branches.
        seconds: what is left of the time.

    Returns:
        The probabilities; the lowest bit of an outcome is the first bit of the part.

    Raises:
        TooCostlyError: they would take too long.
    """
    return _Distribution(part, seconds).outcomes()


def is_feasible(part: Part, seconds: Seconds) -> bool:
    """Tell whether the time suffices, of a part without branches."""
    if part.width > MAX_QUBITS:
        return False
    gates = (item.operation for item in part.items if item.operation.name != "measure")
    return sum(_seconds(gate, part.width) for gate in gates) < seconds.left


def _seconds(operation: Any, width: int) -> float:
    """Return about how long a gate takes."""
    definition = _definition(operation)
    if definition is None or operation.name == "unitary":
        amplitudes: int = 2 ** (width + min(operation.num_qubits, _MATRIX_QUBITS))
        return _GATE + amplitudes * _AMPLITUDE
    return sum(_seconds(item.operation, width) for item in definition.data)


def _definition(operation: Any) -> QuantumCircuit | None:
    """Return a gate's definition if it is used and not its matrix."""
    standard = getattr(operation, "_standard_gate", None) is not None
    definition = None if standard else getattr(operation, "definition", None)
    if operation.num_qubits > _MATRIX_QUBITS and definition is None:
        definition = operation.definition
    return definition


class _Branch:
    """A state, not normalised, and the classical bits that go with it."""

    def __init__(self, state: State, bits: dict[Any, int]) -> None:
        self.state = state
        self.bits = bits


class _Distribution:
    def __init__(self, part: Part, seconds: Seconds) -> None:
        self._part = part
        # Qubits that nothing is done with are 0.
        idle = ("barrier", "delay", "measure", "reset")
        active = {bit for item in part.items if item.operation.name not in idle for bit in item.qubits}
        used = [bit for bit in part.qubits if bit in active]
        self._places = {bit: place for place, bit in enumerate(used)}
        if len(self._places) > MAX_QUBITS:
            raise TooCostlyError
        self._spend = seconds.spend
        self._matrices: dict[tuple[Any, ...], State] = {}
        #: Measurements whose outcome nothing depends on: the qubit of each classical bit.
        self._last: dict[Any, int] = {}

    def outcomes(self) -> dict[int, float]:
        """Return the probabilities of the outcomes."""
        last = self._final_measurements()
        state = np.zeros(2 ** len(self._places), dtype=complex)
        state[0] = 1
        # The bits of an assignment are in its expressions alone.
        bits = {bit for item in self._part.items for bit in (*touched(item), *item.qubits, *item.clbits)}
        same = {bit: bit for bit in bits}
        branches = [_Branch(state, {})]
        for place, item in enumerate(self._part.items):
            if place in last:
                for branch in branches:
                    branch.bits.pop(item.clbits[0], None)
                if item.qubits[0] in self._places:
                    self._last[item.clbits[0]] = self._places[item.qubits[0]]
            else:
                branches = list(self._apply(item, branches, same, same))
        found: dict[int, float] = defaultdict(float)
        for branch in branches:
            for outcome, share in self._outcomes(branch, self._part.bits):
                found[outcome] += share
        return {outcome: share for outcome, share in found.items() if share > _NOTHING}

    def _final_measurements(self) -> set[int]:
        """Return the places of measurements after which nothing is done with the qubit or the bit."""
        used: set[Any] = set()
        places = set()
        for place in range(len(self._part.items) - 1, -1, -1):
            item = self._part.items[place]
            if item.operation.name in ("barrier", "delay"):
                continue
            if item.operation.name == "measure" and used.isdisjoint((*item.qubits, *item.clbits)):
                places.add(place)
                used.update(item.clbits)
            else:
                used.update((*item.qubits, *item.clbits, *touched(item)))
        return places

    def _outcomes(self, branch: _Branch, bits: Sequence[Any]) -> Iterator[tuple[int, float]]:
        open_qubits = sorted({self._last[bit] for bit in bits if bit in self._last})
        width = len(self._places)
        self._spend(2**width * 4 * _AMPLITUDE)
        parts = (np.abs(branch.state) ** 2).reshape((2,) * width)
        other = tuple(width - 1 - qubit for qubit in range(width) if qubit not in open_qubits)
        marginal = np.asarray(parts.sum(axis=other)).reshape(-1)
        likely = np.flatnonzero(marginal > _NOTHING)
        self._spend(len(likely) * 3e-7 * (3 + len(bits)))
        rank = {qubit: place for place, qubit in enumerate(open_qubits)}
        known = sum(
            branch.bits.get(bit, 0) << place for place, bit in enumerate(bits) if bit not in self._last
        )
        read = [(rank[self._last[bit]], place) for place, bit in enumerate(bits) if bit in self._last]
        for index, share in zip(likely.tolist(), marginal[likely].tolist(), strict=True):
            yield known + sum((index >> source & 1) << place for source, place in read), share

    def _apply(
        self,
        item: CircuitInstruction,
        branches: list[_Branch],
        qubits: Mapping[Any, Any],
        clbits: Mapping[Any, Any],
    ) -> Iterator[_Branch]:
        operation = item.operation
        name = operation.name
        on = [self._places.get(qubits[bit], -1) for bit in item.qubits]
        for branch in branches:
            if name in ("barrier", "delay"):
                yield branch
            elif name == "measure":
                for outcome, state in self._split(branch.state, on[0]):
                    yield _Branch(state, branch.bits | {clbits[item.clbits[0]]: outcome})
            elif name == "reset":
                for outcome, state in self._split(branch.state, on[0]):
                    yield _Branch(self._flipped(state, on[0]) if outcome else state, branch.bits)
            elif name == "store":
                value = self._value(operation.rvalue, branch, clbits)
                yield _Branch(branch.state, branch.bits | {clbits[operation.lvalue.var]: int(value)})
            elif isinstance(operation, IfElseOp):
                yield from self._branch(item, branch, qubits, clbits)
            else:
                self._gate(operation, on, branch)
                yield branch

    def _branch(
        self, item: CircuitInstruction, branch: _Branch, qubits: Mapping[Any, Any], clbits: Mapping[Any, Any]
    ) -> Iterator[_Branch]:
        self._spend(_GATE)
        yes, no = item.operation.params
        block = yes if self._holds(item.operation.condition, branch, clbits) else no
        if block is None:
            yield branch
            return
        inner_qubits = {bit: qubits[outer] for bit, outer in zip(block.qubits, item.qubits, strict=True)}
        inner_clbits = {bit: clbits[outer] for bit, outer in zip(block.clbits, item.clbits, strict=True)}
        found = [branch]
        for inner in block.data:
            found = list(self._apply(inner, found, inner_qubits, inner_clbits))
        yield from found

    def _holds(self, condition: Any, branch: _Branch, clbits: Mapping[Any, Any]) -> bool:
        if isinstance(condition, expr.Expr):
            return bool(self._value(condition, branch, clbits))
        target, value = condition
        if isinstance(target, Clbit):
            return branch.bits.get(clbits[target], 0) == int(value)
        return sum(branch.bits.get(clbits[bit], 0) << place for place, bit in enumerate(target)) == int(value)

    def _value(self, node: Any, branch: _Branch, clbits: Mapping[Any, Any]) -> int:
        self._spend(1e-6)
        if isinstance(node, expr.Value):
            return int(node.value)
        if isinstance(node, expr.Var):
            return branch.bits.get(clbits[node.var], 0)
        if isinstance(node, expr.Unary):
            return 1 - self._value(node.operand, branch, clbits)
        if isinstance(node, expr.Cast):
            return self._value(node.operand, branch, clbits)
        left, right = self._value(node.left, branch, clbits), self._value(node.right, branch, clbits)
        kind = node.op.name
        return left & right if "AND" in kind else left ^ right if "XOR" in kind else left | right

    def _split(self, state: State, qubit: int) -> Iterator[tuple[int, State]]:
        self._spend(len(state) * 8 * _AMPLITUDE + _GATE)
        if qubit < 0:
            yield 0, state
            return
        parts = state.reshape(-1, 2, 2**qubit)
        for outcome in (0, 1):
            if float((np.abs(parts[:, outcome]) ** 2).sum()) > _NOTHING:
                after = np.zeros_like(parts)
                after[:, outcome] = parts[:, outcome]
                yield outcome, after.reshape(-1)

    def _flipped(self, state: State, qubit: int) -> State:
        return np.ascontiguousarray(state.reshape(-1, 2, 2**qubit)[:, ::-1]).reshape(-1)

    def _gate(self, operation: Any, on: Sequence[int], branch: _Branch) -> None:
        definition = _definition(operation)
        if definition is not None and operation.name != "unitary":
            inner = {bit: on[place] for place, bit in enumerate(definition.qubits)}
            if definition.global_phase:
                branch.state = branch.state * np.exp(1j * float(definition.global_phase))
            for item in definition.data:
                if item.operation.name != "barrier":
                    self._gate(item.operation, [inner[bit] for bit in item.qubits], branch)
            return
        size = operation.num_qubits
        self._spend(_GATE + len(branch.state) * 2**size * _AMPLITUDE)
        matrix = self._matrix(operation)
        width = len(self._places)
        # The highest qubit is the first axis; a matrix has its first qubit in the lowest bit of its index.
        axes = [width - 1 - qubit for qubit in reversed(on)]
        tensor = branch.state.reshape((2,) * width)
        moved = np.tensordot(matrix.reshape((2,) * (2 * size)), tensor, axes=(range(size, 2 * size), axes))
        branch.state = np.ascontiguousarray(np.moveaxis(moved, range(size), axes)).reshape(-1)

    def _matrix(self, operation: Any) -> State:
        key = operation.name, operation.num_qubits, tuple(map(str, operation.params))
        if operation.name == "unitary" or getattr(operation, "_standard_gate", None) is None:
            return np.asarray(operation.to_matrix(), dtype=complex)
        if key not in self._matrices:
            self._matrices[key] = np.asarray(operation.to_matrix(), dtype=complex)
        return self._matrices[key]
