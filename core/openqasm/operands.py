"""Registers, single bits and aliases, and the parts of them that statements name."""

from __future__ import annotations

from collections.abc import Sequence

from openqasm3 import ast
from qiskit.circuit import Clbit, Qubit

from core.openqasm.budget import INDICES
from core.openqasm.errors import error_at
from core.openqasm.expressions import Expressions
from core.openqasm.output import Output
from core.openqasm.scope import Qubits, Scopes, Stored
from core.openqasm.values import BIT, Type


class Operands:
    """Finds the bits that a program names.

    Args:
        scopes: the names.
        expressions: works out indices.
        output: the circuit.
    """

    def __init__(self, scopes: Scopes, expressions: Expressions, output: Output) -> None:
        self._scopes = scopes
        self._expressions = expressions
        self._output = output
        self._physical: dict[int, Qubit] = {}

    def declare_physical(self, numbers: Sequence[int], node: ast.QASMNode) -> None:
        """Add qubits for the physical qubits that the program names, in their order."""
        if numbers:
            self._physical = dict(
                zip(numbers, self._output.add_qubits("physical", len(numbers), node), strict=True)
            )

    def qubits(self, node: ast.QASMNode) -> Qubits:
        """Return the qubits of an operand.

        Raises:
            ProgramError: it names none.
        """
        found = self._bits(node)
        if not isinstance(found, Qubits):
            raise error_at(node, "qubits are expected here, not classical bits or numbers")
        return found

    def stored(self, node: ast.QASMNode) -> Stored:
        """Return the classical bits of an operand.

        Raises:
            ProgramError: it names none.
        """
        found = self._bits(node)
        if not isinstance(found, Stored):
            raise error_at(node, "classical bits are expected here")
        return found

    def alias(self, node: ast.QASMNode) -> Qubits | Stored:
        """Return what an alias stands for: registers, parts of them, and concatenations."""
        if isinstance(node, ast.Concatenation):
            left, right = self.alias(node.lhs), self.alias(node.rhs)
            self._expressions.budget.steps((len(left.bits) + len(right.bits)) // INDICES, node)
            if isinstance(left, Qubits) and isinstance(right, Qubits):
                return Qubits(left.bits + right.bits)
            if isinstance(left, Stored) and isinstance(right, Stored):
                bits = left.bits + right.bits
                return Stored(bits, Type("bits", len(bits)))
            raise error_at(node, "only registers of one kind can be concatenated")
        return self._bits(node)

    def _bits(self, node: ast.QASMNode) -> Qubits | Stored:
        match node:
            case ast.Identifier() if node.name.startswith("$"):
                if self._scopes.in_gate:
                    raise error_at(node, f"{node.name} is a qubit of the backend; a gate has its own qubits")
                return Qubits([self._physical[int(node.name[1:])]], single=True)
            case ast.Identifier():
                symbol = self._scopes.find(node.name)
                if symbol is None:
                    raise self._scopes.undeclared(node)
                if not isinstance(symbol, Qubits | Stored):
                    raise error_at(node, f"{node.name!r} is not a register")
                return symbol
            case ast.IndexedIdentifier():
                symbol = self._bits(node.name)
                for index in node.indices:
                    symbol = self._part(symbol, index, node)
                return symbol
            case ast.IndexExpression():
                return self._part(self._bits(node.collection), node.index, node)
        raise error_at(node, "a register or a part of one is expected here")

    def _part(self, symbol: Qubits | Stored, index: object, node: ast.QASMNode) -> Qubits | Stored:
        if isinstance(symbol, Qubits) and symbol.single:
            raise error_at(node, "a single qubit has no index")
        if isinstance(symbol, Stored) and symbol.type.kind in ("bit", "bool"):
            raise error_at(node, f"a single {symbol.type.kind} has no index")
        places, single = self._expressions.indices(index, len(symbol.bits), node)
        if isinstance(symbol, Qubits):
            return Qubits([symbol.bits[place] for place in places], single)
        chosen: list[Clbit] = [symbol.bits[place] for place in places]
        return Stored(chosen, BIT if single else Type("bits", len(chosen)))
