"""Gates that a circuit defines under the names of a backend's instructions.

Aer identifies gates by name only, and would run its own gate of that name. So such a gate is replaced by the
backend's gate if its definition is the same, and otherwise rejected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    BreakLoopOp,
    CircuitInstruction,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    Gate,
    Measure,
    Operation,
    Parameter,
    ParameterExpression,
    Reset,
    Store,
)
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator

from .errors import InvalidJob

#: The gates that backends can have, by name.
STANDARD = {name: gate for name, gate in get_standard_gate_name_mapping().items() if isinstance(gate, Gate)}
#: Instructions that are not gates.
OTHERS = (Barrier, BreakLoopOp, ContinueLoopOp, ControlFlowOp, Delay, Measure, Reset, Store)
#: Their names.
RESERVED = frozenset(
    {"barrier", "break_loop", "continue_loop", "delay", "measure", "reset", "store"}
    | {"if_else", "for_loop", "while_loop", "switch_case", "box"}
)
#: Maximum number of gates in the definitions of a circuit's own gates, and of nested definitions.
MAX_GATES = 10_000
MAX_DEPTH = 20
#: Values of free parameters when definitions are compared: two sets without special angles.
TRIALS = ((0.347, 0.713), (1.194, 0.291))


def native(circuit: QuantumCircuit, names: Mapping[str, str] | None = None) -> QuantumCircuit:
    """Return a circuit without gates of its own.

    Args:
        circuit: The circuit.
        names: The original names of its own gates, by their names in the circuit, if those differ.

    Raises:
        InvalidJob: If one of its own gates differs from the backend's gate of that name.
    """
    return _Natives(names or {}).circuit(circuit)


class _Natives:
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._left = MAX_GATES

    def circuit(self, circuit: QuantumCircuit) -> QuantumCircuit:
        if all(_plain(item) for item in circuit.data):
            return circuit
        out = circuit.copy_empty_like()
        for item in circuit.data:
            operation = item.operation
            if item.is_standard_gate():
                out._append(item)
            elif isinstance(operation, ControlFlowOp):
                blocks = [self.circuit(block) for block in operation.blocks]
                replaced = operation.replace_blocks(blocks)
                out._append(CircuitInstruction(replaced, item.qubits, item.clbits))
            elif isinstance(operation, OTHERS):
                out._append(item)
            else:
                out._append(CircuitInstruction(self._native(operation), item.qubits, item.clbits))
        return out

    def _native(self, operation: Operation) -> Operation:
        name = self._names.get(operation.name, operation.name)
        if name not in STANDARD and name not in RESERVED and operation.name not in self._names:
            # No backend has an instruction of that name. The check of instructions rejects it.
            return operation
        if name in STANDARD and isinstance(operation, Gate) and self._same(operation, STANDARD[name]):
            return STANDARD[name].base_class(*operation.params)
        raise InvalidJob(
            f"The instruction {name} is not supported by the target system: it is a gate of the circuit's "
            f"own, and not what the target's instruction {name} is, if it has one. Transpile the circuit, so "
            "that it defines no gates.",
            code=1517,
        )

    def _same(self, gate: Gate, standard: Gate) -> bool:
        """Return whether a gate's definition equals that of the standard gate, up to the global phase."""
        if gate.num_qubits != standard.num_qubits or len(gate.params) != len(standard.params):
            return False
        definition = gate.definition
        # A damaged circuit may define a gate of one qubit by many, whose matrix would fill the memory.
        if definition is None or definition.num_qubits != gate.num_qubits:
            return False
        for _ in _gates(definition, 0):
            self._left -= 1
            if self._left < 0:
                raise InvalidJob(
                    f"The definitions of the circuit's own gates come to more than {MAX_GATES} gates. "
                    "Transpile the circuit.",
                    code=1517,
                )
        free = sorted({*definition.parameters, *_free(gate)}, key=lambda parameter: parameter.name)
        for start, step in TRIALS if free else TRIALS[:1]:
            values = {parameter: start + step * place for place, parameter in enumerate(free)}
            bound = {parameter: values[parameter] for parameter in definition.parameters}
            try:
                defined = Operator(definition.assign_parameters(bound))
                expected = Operator(standard.base_class(*(_value(angle, values) for angle in gate.params)))
                if not defined.equiv(expected):
                    return False
            except (QiskitError, TypeError, ValueError):
                # It has gates without a definition, or is not a unitary operation.
                return False
        return True


def _plain(item: CircuitInstruction) -> bool:
    if item.is_standard_gate():
        return True
    operation = item.operation
    if isinstance(operation, ControlFlowOp):
        return all(_plain(inner) for block in operation.blocks for inner in block.data)
    return isinstance(operation, OTHERS)


def _gates(definition: QuantumCircuit, depth: int) -> Iterator[None]:
    """Yield once for each gate of a definition."""
    if depth > MAX_DEPTH:
        raise InvalidJob(
            f"Definitions of gates are more than {MAX_DEPTH} deep. Transpile the circuit.", code=1517
        )
    for item in definition.data:
        yield
        inner = None if item.is_standard_gate() else getattr(item.operation, "definition", None)
        if inner is not None:
            yield from _gates(inner, depth + 1)


def _free(gate: Gate) -> set[Parameter]:
    return {
        parameter
        for angle in gate.params
        if isinstance(angle, ParameterExpression)
        for parameter in angle.parameters
    }


def _value(angle: object, values: Mapping[Parameter, float]) -> float:
    if isinstance(angle, ParameterExpression):
        return float(angle.bind({parameter: values[parameter] for parameter in angle.parameters}))
    return float(angle)  # type: ignore[arg-type]
