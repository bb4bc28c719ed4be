"""Which classical bits of a circuit are measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, ControlFlowOp, Instruction, Measure, Store


@dataclass(frozen=True)
class Coverage:
    """The classical bits of a circuit that something is written to.

    Args:
        measured: whether the circuit has a measurement.
        unwritten: the bits that no instruction writes to, in the circuit's order.
    """

    measured: bool
    unwritten: Sequence[Clbit]


def coverage(circuit: QuantumCircuit) -> Coverage:
    """Find the bits that a circuit leaves unmeasured.

    Measurements inside of control flow count: their condition may be true. The instructions are read from the
    end, where most circuits measure, so that a large circuit costs no more than a small one.

    Args:
        circuit: the circuit, not transpiled.
    """
    if not circuit.num_clbits:
        return Coverage(False, [])
    missing = set(circuit.clbits)
    measured = False
    for item in reversed(circuit.data):
        if measured and not missing:
            break
        if item.clbits or isinstance(item.operation, ControlFlowOp | Store):
            for bit, by_measurement in _writes(item):
                measured = measured or by_measurement
                missing.discard(bit)
    return Coverage(measured, [bit for bit in circuit.clbits if bit in missing])


def bit_name(bit: Clbit, circuit: QuantumCircuit) -> str:
    """The bit's name in the circuit, such as `meas[1]`."""
    location = circuit.find_bit(bit)
    if not location.registers:
        return f"bit {location.index}"
    register, index = location.registers[0]
    return f"{register.name}[{index}]"


def _writes(item: CircuitInstruction) -> Iterator[tuple[Clbit, bool]]:
    """The bits that an instruction writes to, and whether it does so by a measurement."""
    operation = item.operation
    if isinstance(operation, Measure):
        yield item.clbits[0], True
    elif isinstance(operation, Store):
        target = getattr(operation.lvalue, "var", None)
        if isinstance(target, Clbit):
            yield target, False
        elif isinstance(target, ClassicalRegister):
            yield from ((bit, False) for bit in target)
    else:
        for block in _blocks(operation):
            outer = dict(zip(block.clbits, item.clbits, strict=True))
            for inner in block.data:
                yield from ((outer.get(bit, bit), measures) for bit, measures in _writes(inner))


def _blocks(operation: Instruction) -> Sequence[QuantumCircuit]:
    if isinstance(operation, ControlFlowOp):
        return list(operation.blocks)
    definition = getattr(operation, "definition", None)
    return [] if definition is None else [definition]
