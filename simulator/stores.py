"""Assignments in circuits with noise.

Aer's noise pass drops assignments (`store`). So the value is written to an additional qubit without noise,
which is then measured into the bit.
"""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import (
    CircuitInstruction,
    ControlFlowOp,
    IfElseOp,
    Measure,
    Qubit,
    Reset,
    Store,
)
from qiskit.circuit.classical import expr

from .narrow import bits_of


def as_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit whose assignments are measurements of an additional qubit, the last one.

    Args:
        circuit: A circuit whose assignments are of single bits (`variables.lower`).
    """
    if not _assigns(circuit):
        return circuit
    result = circuit.copy_empty_like()
    extra = Qubit()
    result.add_bits([extra])
    _copy(circuit, result, extra)
    return result


def _assigns(circuit: QuantumCircuit) -> bool:
    for item in circuit.data:
        if item.name == "store":
            return True
        if item.is_control_flow() and any(map(_assigns, item.operation.blocks)):
            return True
    return False


def _copy(circuit: QuantumCircuit, result: QuantumCircuit, extra: Qubit) -> None:
    for item in circuit.data:
        operation = item.operation
        if isinstance(operation, Store):
            _assign(operation, result, extra)
        elif isinstance(operation, ControlFlowOp) and any(map(_assigns, operation.blocks)):
            blocks = [_block(block) for block in operation.blocks]
            qubits = [*item.qubits, extra]
            result._append(CircuitInstruction(operation.replace_blocks(blocks), qubits, item.clbits))
        else:
            result._append(item)


def _block(block: QuantumCircuit) -> QuantumCircuit:
    result = block.copy_empty_like()
    extra = Qubit()
    result.add_bits([extra])
    _copy(block, result, extra)
    return result


def _assign(operation: Store, result: QuantumCircuit, extra: Qubit) -> None:
    assert isinstance(operation.lvalue, expr.Var)
    bits = bits_of(operation)
    flip = QuantumCircuit([Qubit()], bits)
    flip.x(0)
    result._append(CircuitInstruction(Reset(), [extra], ()))
    result._append(CircuitInstruction(IfElseOp(operation.rvalue, flip), [extra], bits))
    result._append(CircuitInstruction(Measure(), [extra], [operation.lvalue.var]))
