"""The size of a circuit with its gates' definitions expanded, without expanding them."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ControlFlowOp, ForLoopOp, Operation
from qiskit.exceptions import QiskitError

from actions.run_openqasm.bounds import MAX_DEPTH, MAX_NESTING, MAX_SIZE, program_error, weight
from core.errors import InputError
from core.openqasm import PREFIX

#: Operations without a definition.
_PRIMITIVE = frozenset({"measure", "reset", "barrier", "unitary"})


class Extent(NamedTuple):
    """The number of gates, and the length of their longest chain."""

    size: int
    depth: int


def check(circuit: QuantumCircuit) -> None:
    """Check that a circuit is not too large or too deep, and that all of its gates are defined.

    Raises:
        InputError: it is; with the limit.
    """
    try:
        _check(circuit)
    except InputError:
        raise
    except Exception as error:
        # Qiskit expands a definition of OpenQASM 2 on access, and detects only then what is wrong in it for
        # the angles of this call.
        message = error.message if isinstance(error, QiskitError) else str(error)
        raise program_error(f"a gate cannot be written out ({message[:200]})") from None


def _check(circuit: QuantumCircuit) -> None:
    size, depth = _Extents().circuit(circuit, 0)
    if size > MAX_SIZE:
        raise program_error(
            f"the program comes to {size} gates, definitions written out; at most {MAX_SIZE} are run"
        )
    if depth > MAX_DEPTH:
        raise program_error(
            f"the program is {depth} gates deep, definitions written out; at most {MAX_DEPTH} are possible"
        )
    _check_angles(circuit)


class _Extents:
    """Measures each gate once and keeps the result by its name."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Extent] = {}

    def circuit(self, circuit: QuantumCircuit, nesting: int) -> Extent:
        """Return the extent of a circuit or of a definition."""
        size = 0
        # Bits on which something happens are taken as far as the latest of them has come.
        depths: dict[object, int] = {}
        for item in circuit.data:
            one = self._instruction(item, nesting)
            size += one.size
            if size > MAX_SIZE:
                return Extent(size, max(depths.values(), default=0))
            bits = (*item.qubits, *item.clbits)
            depth = max((depths.get(bit, 0) for bit in bits), default=0) + one.depth
            depths.update(dict.fromkeys(bits, depth))
        return Extent(size, max(depths.values(), default=0))

    def _instruction(self, item: CircuitInstruction, nesting: int) -> Extent:
        operation = item.operation
        if operation.name == "barrier":
            return Extent(0, 0)
        if operation.name == "delay":
            raise program_error("delays are not supported: timing is the backend's")
        if isinstance(operation, ControlFlowOp):
            return self._control_flow(operation, nesting)
        key = operation.name, operation.num_qubits
        if key not in self._known:
            self._known[key] = self._gate(item, nesting)
        return self._known[key]

    def _gate(self, item: CircuitInstruction, nesting: int) -> Extent:
        operation = item.operation
        if nesting > MAX_NESTING:
            raise program_error(f"gate definitions are over {MAX_NESTING} deep")
        if operation.name in _PRIMITIVE or item.is_standard_gate():
            about = weight(operation.num_qubits)
            return Extent(about, about)
        definition = operation.definition
        if definition is None:
            raise program_error(f"gate {_named(operation)} is opaque: it has no definition that could be run")
        size, depth = self.circuit(definition, nesting + 1)
        # Writing a definition out takes its time too.
        return Extent(size + 1, depth)

    def _control_flow(self, operation: ControlFlowOp, nesting: int) -> Extent:
        if nesting > MAX_NESTING:
            raise program_error(f"blocks are over {MAX_NESTING} deep")
        result = [self.circuit(block, nesting + 1) for block in operation.blocks]
        size, depth = sum(one.size for one in result), max(one.depth for one in result)
        if isinstance(operation, ForLoopOp):
            turns = len(operation.params[0])
            return Extent(turns * size, turns * depth)
        return Extent(size + 1, depth + 1)


def _check_angles(circuit: QuantumCircuit) -> None:
    """Every angle, also of the definitions, whose number is known to be small by now."""
    for item in circuit.data:
        operation = item.operation
        if isinstance(operation, ControlFlowOp):
            for block in operation.blocks:
                _check_angles(block)
            continue
        if operation.name == "unitary":
            continue
        for angle in operation.params:
            if isinstance(angle, int | float) and not isfinite(angle):
                raise program_error(f"an angle of gate {_named(operation)} is not a finite number")
        if operation.name not in _PRIMITIVE and not item.is_standard_gate():
            _check_angles(operation.definition)


def _named(operation: Operation) -> str:
    """The gate's name in the program."""
    return repr(str(operation.name).replace(PREFIX, "", 1))
