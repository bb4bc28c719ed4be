"""Control flow on no more qubits than it acts on.

Aer puts a block without qubits, and an assignment, on all qubits of its circuit, and counts every qubit of a
control-flow instruction as active. On a device with 156 qubits an empty block, or a barrier in a block, would
need a state of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    BreakLoopOp,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ContinueLoopOp,
    ControlFlowOp,
    ForLoopOp,
    Qubit,
    Store,
)
from qiskit.circuit.classical import expr

#: Instructions that make no qubit active.
PASSIVE = frozenset({"barrier", "delay", "break_loop", "continue_loop", "store"})


def narrowed(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit whose control flow is on active qubits only, or on one if it has none.

    Barriers and delays of idle qubits have no effect and are removed.
    """
    active = _active(circuit)
    anchors = [qubit for qubit in circuit.qubits if qubit in active] or circuit.qubits[:1]
    result = circuit.copy_empty_like()
    _copy(circuit, result, active, anchors[:1])
    return result


def _active(circuit: QuantumCircuit) -> set[Qubit]:
    """Return the qubits that a circuit or its blocks act on."""
    active: set[Qubit] = set()
    for item in circuit.data:
        if item.is_control_flow():
            for block in item.operation.blocks:
                inner = _active(block)
                pairs = zip(block.qubits, item.qubits, strict=True)
                active.update(outer for own, outer in pairs if own in inner)
        elif item.name not in PASSIVE:
            active.update(item.qubits)
    return active


def _copy(circuit: QuantumCircuit, result: QuantumCircuit, active: set[Qubit], anchors: list[Qubit]) -> None:
    """Append a circuit's instructions to another circuit.

    Args:
        circuit: The circuit.
        result: The circuit to append to, with the active qubits or more.
        active: The active qubits.
        anchors: The qubit of instructions without active qubits.
    """
    for item in circuit.data:
        operation = item.operation
        places = [place for place, qubit in enumerate(item.qubits) if qubit in active]
        on = [item.qubits[place] for place in places]
        if isinstance(operation, ForLoopOp) and operation.params[1] is None:
            # Aer names each pass after its value, and fails if two are equal.
            operation = ForLoopOp(range(len(operation.params[0])), None, operation.params[2])
        if isinstance(operation, ControlFlowOp):
            blocks = [_block(block, places) for block in operation.blocks]
            _append(result, operation.replace_blocks(blocks), on or anchors, item.clbits)
        elif isinstance(operation, BreakLoopOp | ContinueLoopOp):
            jump = type(operation)(len(on or anchors), len(item.clbits))
            _append(result, jump, on or anchors, item.clbits)
        elif item.name == "barrier":
            if on:
                _append(result, Barrier(len(on)), on, ())
        elif isinstance(operation, Store):
            _append_assignment(result, operation, anchors)
        elif on:
            result._append(item)


def _append(
    result: QuantumCircuit, operation: object, qubits: Iterable[Qubit], clbits: Iterable[object]
) -> None:
    result._append(CircuitInstruction(operation, qubits, clbits))


def _append_assignment(result: QuantumCircuit, operation: Store, anchors: list[Qubit]) -> None:
    """Append an assignment, on one qubit: that of a block which is executed once."""
    bits = bits_of(operation)
    body = QuantumCircuit([Qubit()], bits)
    body._append(CircuitInstruction(operation, (), ()))
    _append(result, ForLoopOp((0,), None, body), anchors, bits)


def bits_of(operation: Store) -> list[Clbit]:
    """Return the bits that an assignment reads and writes."""
    bits: dict[Clbit, None] = {}
    for variable in [*expr.iter_vars(operation.rvalue), *expr.iter_vars(operation.lvalue)]:
        read = variable.var
        bits.update(dict.fromkeys(read if isinstance(read, ClassicalRegister) else [read]))
    return list(bits)


def _block(block: QuantumCircuit, places: list[int]) -> QuantumCircuit:
    """Return a block on some of its qubits; on a new one if there are none."""
    kept = [block.qubits[place] for place in places]
    qubits = kept or [Qubit()]
    result = QuantumCircuit(
        qubits, block.clbits, *block.cregs, name=block.name, global_phase=block.global_phase
    )
    _copy(block, result, set(kept), qubits[:1])
    return result
