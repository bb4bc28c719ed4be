"""Subroutines, which are inlined at each call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openqasm3 import ast
from qiskit.circuit import Clbit

from core.openqasm.budget import MAX_DEPTH
from core.openqasm.errors import error_at
from core.openqasm.exits import Frames, Left
from core.openqasm.expressions import Expressions
from core.openqasm.operands import Operands
from core.openqasm.output import Output
from core.openqasm.scope import Qubits, Scopes, Stored, Symbol, Variable
from core.openqasm.values import BitValues, Const, Type, Value, without_literal

VOID = Type("void")


class _Call:
    """A call that is carried out.

    Args:
        kind: the type of what it returns.
    """

    def __init__(self, kind: Type) -> None:
        self.kind = kind
        self.value: Value | None = None
        #: Where the value is if a measurement decides which one is returned.
        self.bits: list[Clbit] = []


class Subroutines:
    """The subroutines of a program.

    Args:
        scopes: the names.
        expressions: works out arguments.
        operands: finds the qubits of arguments.
        output: the circuit.
        frames: the loops and calls that are open.
        statements: carries out a body.
    """

    def __init__(
        self,
        scopes: Scopes,
        expressions: Expressions,
        operands: Operands,
        output: Output,
        frames: Frames,
        statements: Callable[[Sequence[ast.QASMNode]], Left],
    ) -> None:
        self._scopes = scopes
        self._expressions = expressions
        self._operands = operands
        self._output = output
        self._frames = frames
        self._statements = statements
        self._definitions: dict[str, ast.SubroutineDefinition] = {}
        self._calls: list[_Call] = []

    def define(self, node: ast.SubroutineDefinition) -> None:
        """Define a subroutine.

        Raises:
            ProgramError: its name is taken.
        """
        name = node.name.name
        if name in self._definitions:
            raise error_at(node.name, f"subroutine {name!r} is already defined")
        self._definitions[name] = node

    def call(self, node: ast.FunctionCall) -> Value:
        """Carry out a subroutine, and return its value; of type `void` if it has none.

        Raises:
            ProgramError: there is no such subroutine, or it takes other arguments.
        """
        definition = self._definitions.get(node.name.name)
        if definition is None:
            raise error_at(node.name, f"function {node.name.name!r} is not defined")
        if len(self._calls) >= MAX_DEPTH:
            raise error_at(node, f"calls of subroutines are over {MAX_DEPTH} deep")
        if len(node.arguments) != len(definition.arguments):
            raise error_at(
                node,
                f"subroutine {node.name.name!r} takes {len(definition.arguments)} arguments, "
                f"not {len(node.arguments)}",
            )
        symbols = [
            self._argument(formal, actual)
            for formal, actual in zip(definition.arguments, node.arguments, strict=True)
        ]
        kind = VOID if definition.return_type is None else self._expressions.type(definition.return_type)
        call = _Call(kind)
        self._calls.append(call)
        try:
            with self._frames.open("return"), self._scopes.definition():
                for formal, symbol in zip(definition.arguments, symbols, strict=True):
                    self._scopes.declare(formal.name.name, symbol, formal)
                left = self._statements(definition.body)
        finally:
            self._calls.pop()
        if self._frames.ends(left):
            raise error_at(node, "end in a subroutine is not supported")
        if call.bits:
            return BitValues(tuple(call.bits), kind)
        if call.value is not None:
            return call.value
        if kind is not VOID:
            raise error_at(node, f"subroutine {node.name.name!r} returns no value")
        return Const(0, VOID)

    def _argument(self, formal: ast.QASMNode, actual: ast.Expression) -> Symbol:
        if isinstance(formal, ast.QuantumArgument):
            found = self._operands.alias(actual)
            size = None if formal.size is None else self._expressions.size(formal.size, "a register")
            if not isinstance(found, Qubits) or len(found.bits) != (size or 1):
                wanted = "1 qubit is" if size in (None, 1) else f"{size} qubits are"
                raise error_at(actual, f"{wanted} expected here")
            return Qubits(found.bits, single=size is None)
        assert isinstance(formal, ast.ClassicalArgument)
        if isinstance(formal.type, ast.ArrayReferenceType):
            symbol = self._scopes.find(actual.name) if isinstance(actual, ast.Identifier) else None
            if not isinstance(symbol, Variable) or not symbol.is_array:
                raise error_at(actual, "an array is expected here")
            read_only = formal.access is not ast.AccessControl.mutable
            return Variable(symbol.value, symbol.type, read_only, True, symbol.branches)
        kind = self._expressions.type(formal.type)
        value = self._expressions.value(actual, kind.is_real)
        value = self._expressions.converted(value, kind, actual)
        if isinstance(value, BitValues) or kind.kind in ("bit", "bits"):
            nodes = self._expressions.vector(value, kind, actual)
            bits = self._output.temporary(len(nodes), actual)
            self._output.store(bits, nodes, actual)
            return Stored(bits, kind)
        return Variable(value, kind, branches=self._output.branches)

    def give_back(self, node: ast.ReturnStatement) -> Left:
        """Carry out `return`."""
        call = self._calls[-1]
        value: Value | None = None
        if node.expression is not None:
            if call.kind is VOID:
                raise error_at(node, "this subroutine returns no value")
            value = self._expressions.value(node.expression, call.kind.is_real)
            value = self._expressions.converted(value, call.kind, node)
        elif call.kind is not VOID:
            raise error_at(node, f"a value of type {call.kind} is to be returned")
        # A branch that a measurement decides on, or one after such a return.
        decided = self._frames.is_decided("return")
        if value is not None and (decided or isinstance(value, BitValues)):
            nodes = self._expressions.vector(value, call.kind, node)
            if not call.bits:
                call.bits = self._output.fresh(len(nodes), node)
            self._output.store(call.bits, nodes, node)
        else:
            call.value = None if value is None else without_literal(value)
        return self._frames.leave("return", node)
