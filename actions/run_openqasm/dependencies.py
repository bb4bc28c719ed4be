"""What classical bits depend on in a circuit, in parts that are independent of one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, IfElseOp, Qubit
from qiskit.circuit.classical import expr

Bit: TypeAlias = "Qubit | Clbit"


@dataclass
class Part:
    """A part of a circuit that is independent of the others.

    Attributes:
        items: its instructions.
        bits: those of the register's bits that it decides.
        qubits: its qubits, in the circuit's order.
    """

    items: list[CircuitInstruction] = field(default_factory=list)
    bits: list[Clbit] = field(default_factory=list)
    qubits: list[Qubit] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Number of its qubits."""
        return len(self.qubits)

    @property
    def is_static(self) -> bool:
        """Whether it is gates, followed by one measurement of each bit."""
        measured: set[Bit] = set()
        for item in self.items:
            name = item.operation.name
            if name in ("reset", "store") or isinstance(item.operation, IfElseOp):
                return False
            if not measured.isdisjoint(item.qubits if name != "measure" else item.clbits):
                return False
            if name == "measure":
                measured.update((*item.qubits, *item.clbits))
        return True


def parts(circuit: QuantumCircuit, bits: Sequence[Clbit]) -> list[Part]:
    """Return the parts of a circuit that decide the values of classical bits."""
    items = _needed(circuit, bits)
    groups = _Groups()
    for item in items:
        groups.join(touched(item))
    found: dict[Bit, Part] = {}
    for qubit in circuit.qubits:
        if groups.has(qubit):
            found.setdefault(groups.find(qubit), Part()).qubits.append(qubit)
    for item in items:
        found.setdefault(groups.find(next(iter(touched(item)))), Part()).items.append(item)
    for bit in bits:
        # A bit that nothing is written into is 0 and in no part.
        if groups.has(bit):
            found[groups.find(bit)].bits.append(bit)
    return list(found.values())


def bits_read(item: CircuitInstruction) -> Iterator[Clbit]:
    """Yield the bits that an assignment or a condition reads."""
    operation = item.operation
    if operation.name == "store":
        for variable in expr.iter_vars(operation.rvalue):
            yield variable.var
    elif isinstance(operation, IfElseOp):
        condition = operation.condition
        if isinstance(condition, expr.Expr):
            for variable in expr.iter_vars(condition):
                yield from [variable.var] if isinstance(variable.var, Clbit) else variable.var
        else:
            yield from [condition[0]] if isinstance(condition[0], Clbit) else condition[0]


def _needed(circuit: QuantumCircuit, bits: Sequence[Clbit]) -> list[CircuitInstruction]:
    """Return the instructions that bits depend on."""
    needed: set[Bit] = set(bits)
    items = []
    for item in reversed(circuit.data):
        changed = _changed(item)
        if needed.isdisjoint(changed):
            continue
        items.append(item)
        match item.operation.name:
            # What a qubit was before its reset does not matter, nor what a bit was before it is written.
            case "reset":
                needed -= changed
            case "store":
                needed = (needed - changed) | set(bits_read(item))
            case "measure":
                needed = (needed - set(item.clbits)) | set(item.qubits)
            case _:
                needed |= touched(item)
    return items[::-1]


def _changed(item: CircuitInstruction) -> set[Bit]:
    """Return the bits and qubits whose state an instruction changes."""
    operation = item.operation
    if operation.name in ("barrier", "delay"):
        return set()
    if operation.name == "store":
        return {operation.lvalue.var}
    if not isinstance(operation, IfElseOp):
        return {*item.qubits, *item.clbits}
    changed: set[Bit] = set()
    for block in operation.blocks:
        outer: dict[Bit, Bit] = dict(zip(block.qubits, item.qubits, strict=True))
        outer |= dict(zip(block.clbits, item.clbits, strict=True))
        for inner in block.data:
            changed |= {outer[bit] for bit in _changed(inner)}
    return changed


def touched(item: CircuitInstruction) -> set[Bit]:
    """Return the bits and qubits that an instruction changes or reads."""
    bits = _changed(item) | set(bits_read(item))
    if isinstance(item.operation, IfElseOp):
        # Conditions inside read bits too.
        bits |= set(item.clbits)
    return bits


class _Groups:
    """Sets of bits and qubits that depend on one another."""

    def __init__(self) -> None:
        self._above: dict[Bit, Bit] = {}

    def has(self, bit: Bit) -> bool:
        """Tell whether a bit is in a group."""
        return bit in self._above

    def find(self, bit: Bit) -> Bit:
        """Return the member that stands for a bit's group."""
        while self._above[bit] is not bit:
            self._above[bit] = self._above[self._above[bit]]
            bit = self._above[bit]
        return bit

    def join(self, bits: set[Bit]) -> None:
        """Make one group of the groups of some bits."""
        first: Bit | None = None
        for bit in bits:
            self._above.setdefault(bit, bit)
            root = self.find(bit)
            if first is None:
                first = root
            self._above[root] = first
