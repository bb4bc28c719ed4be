"""The circuit that a program is lowered to, and its classical bits."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from openqasm3 import ast
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Qubit
from qiskit.circuit.classical import expr

from core.openqasm.budget import BRANCH, MAX_CLBITS, MAX_QUBITS, OPERATION, PATH, STORE, ProgramBudget
from core.openqasm.errors import error_at
from core.openqasm.logic import Node, Operation, Vector, bits_of, expression, path_of, size_of

_SIMPLE = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)
#: Names that a result's container of registers has for itself.
_TAKEN = frozenset({"keys", "items", "values", "shape", "ndim", "size", "hidden", "physical"})


class Register(NamedTuple):
    """A classical register of the program.

    Attributes:
        name: its name in the circuit.
        written: its name in the program.
        bits: its size.
    """

    name: str
    written: str
    bits: int


def is_safe(name: str) -> bool:
    """Tell whether a register can have this name in a circuit and in its result."""
    return bool(_SIMPLE.fullmatch(name)) and name not in _TAKEN and not keyword.iskeyword(name)


class Output:
    """The circuit under construction.

    Args:
        budget: what is left of the bounds.
    """

    def __init__(self, budget: ProgramBudget) -> None:
        self.circuit = QuantumCircuit()
        self.registers: list[Register] = []
        #: Bits that are measured or assigned.
        self._written: set[Clbit] = set()
        self._budget = budget
        self._names: set[str] = set()
        self._hidden: list[Clbit] = []
        self._free: list[Clbit] = []
        self._scopes: list[list[Clbit]] = [[]]
        #: Whether the circuit is the definition of a gate, which has gates only.
        self.in_gate = False
        #: The qubit that was measured last; something depends on a measurement only after one.
        self._measured: Qubit | None = None
        #: Branches open that depend on a measurement.
        self.branches = 0

    def name(self, written: str) -> str:
        """Return a name for a register that nothing else in the circuit has."""
        name = written if is_safe(written) else "r_" + "".join(re.findall(r"\w", written, re.ASCII))[:40]
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def add_qubits(self, written: str, size: int, node: ast.QASMNode) -> list[Qubit]:
        """Add a quantum register.

        Raises:
            ProgramError: the circuit has too many qubits.
        """
        if self.circuit.num_qubits + size > MAX_QUBITS:
            raise error_at(
                node,
                f"the program declares {self.circuit.num_qubits + size} qubits; at most {MAX_QUBITS} are "
                "possible",
            )
        register = QuantumRegister(size, self.name(written))
        self.circuit.add_register(register)
        return list(register)

    def add_bits(self, written: str, size: int, node: ast.QASMNode) -> list[Clbit]:
        """Add a classical register of the program.

        Raises:
            ProgramError: the circuit has too many classical bits.
        """
        self._check_clbits(size, node)
        register = ClassicalRegister(size, self.name(written))
        self.circuit.add_register(register)
        self.registers.append(Register(register.name, written, size))
        return list(register)

    def _check_clbits(self, size: int, node: ast.QASMNode) -> None:
        total = self.circuit.num_clbits + size
        if total > MAX_CLBITS:
            raise error_at(
                node,
                f"the program needs {total} classical bits, with those for its variables; at most "
                f"{MAX_CLBITS} are possible",
            )

    def check_gate(self, node: ast.QASMNode) -> None:
        """Raise `ProgramError` if the circuit is the definition of a gate."""
        if self.in_gate:
            raise error_at(node, "a gate has nothing in it but gates")

    def fresh(self, size: int, node: ast.QASMNode) -> list[Clbit]:
        """Return bits that are no part of the answer and that nothing has been written into."""
        self.check_gate(node)
        self._check_clbits(size, node)
        bits = [Clbit() for _ in range(size)]
        self.circuit.add_bits(bits)
        self._hidden += bits
        return bits

    def name_bits(self, bits: Sequence[Clbit], written: str) -> Register:
        """Make a register of the program of bits that were none of it."""
        named = set(bits)
        self._hidden = [bit for bit in self._hidden if bit not in named]
        register = ClassicalRegister(bits=bits, name=self.name(written))
        self.circuit.add_register(register)
        self.registers.append(Register(register.name, written, len(bits)))
        return self.registers[-1]

    def temporary(self, size: int, node: ast.QASMNode) -> list[Clbit]:
        """Return bits for the time of the innermost block; they may have any value."""
        bits, self._free = self._free[:size], self._free[size:]
        bits += self.fresh(size - len(bits), node)
        self._scopes[-1] += bits
        return bits

    @contextmanager
    def block(self) -> Iterator[None]:
        """Open a block, at whose end its bits become free."""
        self._scopes.append([])
        try:
            yield
        finally:
            self._free += self._scopes.pop()

    def spill(self, node: ast.QASMNode) -> Callable[[Node], Node]:
        """Return what stores a function in a bit of its own."""

        def store(function: Node) -> Node:
            [bit] = self.temporary(1, node)
            self.store([bit], (function,), node)
            return bit

        return store

    def store(self, bits: Sequence[Clbit], nodes: Vector, node: ast.QASMNode) -> None:
        """Assign functions to bits, all at once."""
        pairs = [(bit, value) for bit, value in zip(bits, nodes, strict=True) if bit is not value]
        needed: set[Clbit] = set()
        for bit, value in reversed(pairs):
            if bit in needed:
                # A later function still needs the old value of this bit. The intermediate bits are added all
                # at once, since Qiskit looks at all bits each time.
                values = self.temporary(len(pairs), node)
                self.store(values, tuple(value for _, value in pairs), node)
                pairs = [(bit, value) for (bit, _), value in zip(pairs, values, strict=True)]
                break
            needed |= bits_of(value)
        self._budget.gates(len(pairs), node)
        self._budget.steps(sum(STORE + _steps(value) for _, value in pairs), node)
        for bit, value in pairs:
            self._written.add(bit)
            self.circuit.store(bit, expression(value))

    def store_first(self, bits: Sequence[Clbit], nodes: Vector, node: ast.QASMNode) -> None:
        """Assign functions to the bits of a new variable."""
        # Bits that were not written into are 0 already.
        pairs = [
            (bit, value)
            for bit, value in zip(bits, nodes, strict=True)
            if value is not False or bit in self._written
        ]
        self.store([bit for bit, _ in pairs], tuple(value for _, value in pairs), node)

    def measure(self, qubits: Sequence[Qubit], bits: Sequence[Clbit], node: ast.QASMNode) -> None:
        """Measure qubits into bits."""
        self.check_gate(node)
        self._budget.gates(len(qubits), node)
        for qubit, bit in zip(qubits, bits, strict=True):
            self._written.add(bit)
            self._measured = qubit
            self.circuit.measure(qubit, bit)

    def reset(self, qubits: Sequence[Qubit], node: ast.QASMNode) -> None:
        """Reset qubits."""
        self.check_gate(node)
        self._budget.gates(len(qubits), node)
        for qubit in qubits:
            self.circuit.reset(qubit)

    @contextmanager
    def branch(self, condition: Node, node: ast.QASMNode) -> Iterator[Callable[[], Any]]:
        """Open a branch; what the context gives opens the other one, after this is closed."""
        self.check_gate(node)
        if not self.circuit.qubits:
            raise error_at(node, "nothing is measured yet that could decide this")
        self._budget.gates(BRANCH, node)
        self._budget.steps(_steps(condition), node)
        self.branches += 1
        try:
            with self.circuit.if_test(_test(condition)) as otherwise:
                # Aer carries out a branch without qubits whatever its condition is (0.18.2).
                self.circuit.barrier(self._measured or self.circuit.qubits[0])
                yield lambda: otherwise
        finally:
            self.branches -= 1

    @contextmanager
    def otherwise(self, other: Callable[[], Any]) -> Iterator[None]:
        """Open the other branch of one that is closed."""
        self.branches += 1
        try:
            with other():
                self.circuit.barrier(self._measured or self.circuit.qubits[0])
                yield
        finally:
            self.branches -= 1

    def finish(self) -> QuantumCircuit:
        """Return the circuit; each of its classical bits is in one register, in the order of the registers.

        Aer finds the bits of assignments in another order otherwise (0.18.2).
        """
        registers = list(self.circuit.cregs)
        if self._hidden:
            registers.append(ClassicalRegister(bits=self._hidden, name="hidden"))
        circuit = QuantumCircuit(*self.circuit.qregs, *registers, global_phase=self.circuit.global_phase)
        for item in self.circuit.data:
            circuit._append(item)
        return circuit


def _steps(function: Node) -> int:
    """Return the steps that it takes to write a function down."""
    return OPERATION * size_of(function) + path_of(function) // PATH


def _test(condition: Node) -> tuple[Clbit, bool] | expr.Expr:
    """Return a condition in the form that most backends take."""
    if isinstance(condition, Clbit):
        return condition, True
    if isinstance(condition, Operation) and condition.kind == "not" and isinstance(condition.left, Clbit):
        return condition.left, False
    return expression(condition)
