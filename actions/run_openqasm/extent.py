"""The size of a circuit with its gates' definitions expanded, without expanding them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ControlFlowOp, Operation
from qiskit.exceptions import QiskitError

from actions.run_openqasm.bounds import MAX_NESTING, MAX_SIZE, program_error
from core.openqasm import PREFIX
from core.openqasm.modifiers import weight

#: Operations without a definition.
_PRIMITIVE = frozenset({"measure", "reset", "barrier", "unitary"})


class _WrongGateError(Exception):
    """A gate that cannot be run; the message says why."""


def check(circuit: QuantumCircuit, place: Callable[[str], tuple[int, int]]) -> None:
    """Refuse a circuit that is too large, or has a gate that nothing is known of.

    Args:
        circuit: of an OpenQASM 2 program.
        place: returns the line and column where a gate is applied first.

    Raises:
        InputError: it is; with the limit.
    """
    sizes = _Sizes()
    size = 0
    for item in circuit.data:
        try:
            size += sizes.instruction(item, 0)
            if size > MAX_SIZE:
                raise _WrongGateError(
                    f"the program comes to over {MAX_SIZE} gates, definitions written out; split it"
                )
            _check_angles([item])
        except _WrongGateError as error:
            raise program_error(str(error), *place(_applied(item.operation))) from None
        except Exception as error:
            # Qiskit writes a definition out when it is looked at, and finds then what is wrong in it for the
            # angles of this call.
            message = error.message if isinstance(error, QiskitError) else str(error)
            raise program_error(
                f"a gate cannot be written out ({message[:200]})", *place(_applied(item.operation))
            ) from None


def _applied(operation: Operation) -> str:
    """Return the name of the gate of a statement, whether or not it has a condition."""
    if isinstance(operation, ControlFlowOp):
        [item] = operation.blocks[0].data[:1] or [None]
        return str(item.operation.name) if item is not None else ""
    return str(operation.name)


class _Sizes:
    """Remembers each gate by its name: a definition is looked into once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], int] = {}

    def circuit(self, circuit: QuantumCircuit, nesting: int) -> int:
        """Return how many gates a circuit or a definition comes to; `MAX_SIZE` + 1 may stand for more."""
        size = 0
        for item in circuit.data:
            size += self.instruction(item, nesting)
            if size > MAX_SIZE:
                break
        return size

    def instruction(self, item: CircuitInstruction, nesting: int) -> int:
        """Return how many gates an instruction comes to."""
        operation = item.operation
        if operation.name == "barrier":
            return 0
        if operation.name == "delay":
            raise _WrongGateError("delays are not supported: timing is the backend's")
        if isinstance(operation, ControlFlowOp):
            return 1 + sum(self.circuit(block, nesting + 1) for block in operation.blocks)
        key = operation.name, operation.num_qubits
        if key not in self._known:
            self._known[key] = self._gate(item, nesting)
        return self._known[key]

    def _gate(self, item: CircuitInstruction, nesting: int) -> int:
        operation = item.operation
        if nesting > MAX_NESTING:
            raise _WrongGateError(f"gate definitions are over {MAX_NESTING} deep")
        if operation.name in _PRIMITIVE or item.is_standard_gate():
            return weight(operation.num_qubits)
        definition = operation.definition
        if definition is None:
            message = f"gate {_named(operation)} is opaque: it has no definition that could be run"
            raise _WrongGateError(message)
        # Writing a definition out takes its time too.
        return self.circuit(definition, nesting + 1) + 1


def _check_angles(items: Iterable[CircuitInstruction]) -> None:
    """Check every angle, also of the definitions, whose number is known to be small by now."""
    for item in items:
        operation = item.operation
        if isinstance(operation, ControlFlowOp):
            for block in operation.blocks:
                _check_angles(block.data)
            continue
        if operation.name == "unitary":
            continue
        for angle in operation.params:
            if isinstance(angle, int | float) and not isfinite(angle):
                raise _WrongGateError(f"an angle of gate {_named(operation)} is not a finite number")
        if operation.name not in _PRIMITIVE and not item.is_standard_gate():
            _check_angles(operation.definition.data)


def _named(operation: Operation) -> str:
    """The gate's name in the program."""
    return repr(str(operation.name).replace(PREFIX, "", 1))
