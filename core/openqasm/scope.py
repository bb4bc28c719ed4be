"""What the names of a program stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from openqasm3 import ast
from qiskit.circuit import Clbit, Qubit

from core.openqasm.errors import ProgramError, error_at
from core.openqasm.values import Type, Value


@dataclass
class Qubits:
    """A quantum register, a qubit, or an alias.

    Attributes:
        bits: its qubits.
        single: whether it is one qubit without an index.
    """

    bits: list[Qubit]
    single: bool = False


@dataclass
class Stored:
    """A variable whose bits are in the circuit.

    Attributes:
        bits: its classical bits, the lowest first.
        type: its type.
    """

    bits: list[Clbit]
    type: Type


@dataclass
class Variable:
    """A variable whose value is known before the circuit runs; of an array, a list.

    Attributes:
        value: its value; None before the first assignment.
        type: its type, of an array that of its elements.
        constant: whether it cannot be assigned.
        is_array: whether it is an array.
        branches: how many branches that depend on a measurement were open at its declaration.
    """

    value: Value | None
    type: Type
    constant: bool = False
    is_array: bool = False
    branches: int = 0


Symbol = Qubits | Stored | Variable


class Scopes:
    """The names that are visible, those of inner blocks before those of outer ones.

    Gates and functions have names of their own: a register may be called like a gate.
    """

    def __init__(self) -> None:
        self._tables: list[dict[str, Symbol]] = [{}]
        self._constants_only = False

    @property
    def is_global(self) -> bool:
        """Whether no block is open."""
        return len(self._tables) == 1

    @property
    def in_gate(self) -> bool:
        """Whether the body of a gate is open, also one that calls a subroutine."""
        return self._constants_only

    def undeclared(self, node: ast.Identifier) -> ProgramError:
        """Return the error of a name that stands for nothing."""
        if self._constants_only and node.name in self._tables[0]:
            return error_at(
                node,
                f"{node.name!r} is not declared in this gate; a gate has its own qubits and parameters, and "
                "global constants",
            )
        return error_at(node, f"{node.name!r} is not declared")

    def find(self, name: str) -> Symbol | None:
        """Return what a name stands for; None if it is not declared."""
        for place in range(len(self._tables) - 1, -1, -1):
            symbol = self._tables[place].get(name)
            if symbol is not None:
                if not place and self._constants_only:
                    return symbol if isinstance(symbol, Variable) and symbol.constant else None
                return symbol
        return None

    def declare(self, name: str, symbol: Symbol, node: ast.QASMNode) -> None:
        """Add a name to the innermost block.

        Raises:
            ProgramError: the block has the name already.
        """
        if name in self._tables[-1]:
            raise error_at(node, f"{name!r} is already declared")
        self._tables[-1][name] = symbol

    def replace(self, name: str, symbol: Symbol) -> None:
        """Let a visible name stand for something else."""
        for table in reversed(self._tables):
            if name in table:
                table[name] = symbol
                return

    @contextmanager
    def block(self) -> Iterator[None]:
        """Open a block for the time of the context."""
        self._tables.append({})
        try:
            yield
        finally:
            self._tables.pop()

    @contextmanager
    def definition(self, constants_only: bool = False) -> Iterator[None]:
        """Open the body of a gate or subroutine, which sees no block around its call.

        Args:
            constants_only: whether it sees nothing global but constants, as a gate does. So does a subroutine
                that a gate calls.
        """
        hidden, self._tables[1:] = self._tables[1:], [{}]
        before, self._constants_only = self._constants_only, self._constants_only or constants_only
        try:
            yield
        finally:
            self._tables[1:] = hidden
            self._constants_only = before


def assigned_names(statements: Sequence[ast.QASMNode]) -> set[str]:
    """Return the names that statements assign values to, also in blocks inside them."""
    names: set[str] = set()
    pending: list[object] = list(statements)
    while pending:
        node = pending.pop()
        if isinstance(node, list | tuple):
            pending.extend(node)
        elif isinstance(node, ast.ClassicalAssignment):
            names.add(_base_name(node.lvalue))
        elif isinstance(node, ast.QuantumMeasurementStatement) and node.target is not None:
            names.add(_base_name(node.target))
        elif isinstance(node, ast.BranchingStatement):
            pending += [node.if_block, node.else_block]
        elif isinstance(node, ast.ForInLoop | ast.WhileLoop):
            pending.append(node.block)
        elif isinstance(node, ast.CompoundStatement):
            pending.append(node.statements)
        elif isinstance(node, ast.Box):
            pending.append(node.body)
        elif isinstance(node, ast.SwitchStatement):
            pending += [block for _, block in node.cases]
            pending.append(node.default)
    return names


def _base_name(node: ast.Identifier | ast.IndexedIdentifier) -> str:
    return node.name.name if isinstance(node, ast.IndexedIdentifier) else node.name
