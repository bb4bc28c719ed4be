"""Shapes of statements: one of those that differ in names and numbers alone is parsed, the others copy it."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any, NamedTuple

from antlr4 import CommonTokenStream, InputStream
from antlr4.error.Errors import ParseCancellationException
from antlr4.error.ErrorStrategy import BailErrorStrategy
from openqasm3 import ast
from openqasm3._antlr.qasm3Lexer import qasm3Lexer  # type: ignore[import-not-found]
from openqasm3._antlr.qasm3Parser import qasm3Parser  # type: ignore[import-not-found]
from openqasm3.parser import QASM3ParsingError, QASMNodeVisitor

from core.openqasm.errors import ProgramError
from core.openqasm.tokens import Token

#: Shapes of statements that are kept between programs, and the characters of the longest of them.
KEPT_SHAPES = 2_000
KEPT_CHARACTERS = 300

#: Words and signs of the language.
KEYWORDS = frozenset(name.strip("'") for name in qasm3Lexer.literalNames) | {
    *("true", "false", "sizeof", "pragma", "im"),
}
#: What the name of a block's placeholder in a shape begins with; the block's number follows.
BLOCK = "__block"


class Context(NamedTuple):
    """Where a statement stands, as far as the parser looks at it."""

    gate: bool = False
    subroutine: bool = False
    loop: bool = False
    inner: bool = False


class Shape:
    """The shape of a statement.

    Args:
        found: the statement's tokens, with a placeholder for each of its blocks.
        context: where it stands.
    """

    def __init__(self, found: list[Token], context: Context) -> None:
        self._tokens = found
        self._context = context
        self._texts = [_general(token, place) for place, token in enumerate(found)]
        self.text = " ".join(self._texts)

    def statements(self, blocks: list[list[ast.Statement]]) -> list[ast.Statement]:
        """Return the statement's tree, with its own names, numbers and places.

        Args:
            blocks: the statements of its blocks.

        Raises:
            ProgramError: it is not OpenQASM 3.
        """
        before, after = _wrapping(self._context)
        columns: dict[int, Token] = {}
        column = len(before)
        for token, general in zip(self._tokens, self._texts, strict=True):
            columns[column] = token
            column += len(general) + 1
        try:
            parse_shape = _kept if len(self.text) <= KEPT_CHARACTERS else _parsed
            statements = parse_shape(before + self.text + after, self._context)
        except _ShapeError as error:
            raise self._syntax_error(error, columns) from None
        copied = _Copy(self._tokens, columns, blocks).block(statements)
        assert isinstance(copied, list)
        return copied

    def _syntax_error(self, error: _ShapeError, columns: dict[int, Token]) -> ProgramError:
        token = columns.get(error.column if error.column is not None else -1)
        if error.message:
            where = token or self._tokens[0]
            return ProgramError(error.message, where.line, where.column)
        if token is None:
            # The error is what follows the statement: its end came too early.
            token = self._tokens[-1]
        if token.kind == "block":
            return ProgramError("a block is not expected here", token.line, token.column)
        return ProgramError(f"{token.text[:40]!r} is not expected here", token.line, token.column)


def _general(token: Token, place: int) -> str:
    """Return what stands for a token in the shape of its statement; it tells the token's place in it."""
    if token.kind == "name":
        return token.text if token.text in KEYWORDS else f"n{place}"
    if token.kind == "number":
        return str(place + 1) if token.text.replace("_", "").isdecimal() else f"{place + 1}.0"
    if token.kind == "hardware":
        return f"${place}"
    return token.text


def _wrapping(context: Context) -> tuple[str, str]:
    """Return what stands before and after a statement, so that the parser sees where it stands."""
    before, after = "", ""
    if context.subroutine:
        before, after = "def n ( ) { ", " }"
    elif context.gate:
        before, after = "gate n n { ", " }"
    if context.loop:
        before, after = before + "while ( n ) { ", " }" + after
    elif context.inner and not before:
        before, after = "if ( n ) { ", " }"
    return before, after


class _ShapeError(Exception):
    """The parser does not accept a shape.

    Args:
        column: of the text, from 0.
        message: what the parser says; empty if the token there is not expected.
    """

    def __init__(self, column: int | None, message: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.message = message


def _parsed(text: str, context: Context) -> list[Any]:
    lexer = qasm3Lexer(InputStream(text))
    parser = qasm3Parser(CommonTokenStream(lexer))
    parser._errHandler = BailErrorStrategy()
    # What is wrong is in the exceptions; the listeners that are there print it.
    lexer.removeErrorListeners()
    parser.removeErrorListeners()
    try:
        visitor = QASMNodeVisitor()  # type: ignore[no-untyped-call]
        statements: list[Any] = visitor.visitProgram(parser.program()).statements
    except ParseCancellationException as error:
        token = getattr(error.args[0] if error.args else None, "offendingToken", None)
        raise _ShapeError(None if token is None else token.column) from None
    except QASM3ParsingError as error:
        place, _, message = str(error).partition(": ")
        raise _ShapeError(int(place.partition(":C")[2] or 0), message[:200]) from None
    except RecursionError:
        raise _ShapeError(None, "this statement is too deep; make it simpler") from None
    if context.subroutine or context.gate:
        statements = statements[0].body
    if context.loop:
        statements = statements[0].block
    elif context.inner and not (context.subroutine or context.gate):
        statements = statements[0].if_block
    return statements


_kept = lru_cache(maxsize=KEPT_SHAPES)(_parsed)


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(kind: type[Any]) -> tuple[str, ...]:
    if kind not in _FIELDS:
        omitted = ("span", "annotations")
        _FIELDS[kind] = tuple(item.name for item in dataclasses.fields(kind) if item.name not in omitted)
    return _FIELDS[kind]


class _Copy:
    """Copies a tree, with the names, numbers and places of a statement."""

    def __init__(
        self, shape: list[Token], columns: dict[int, Token], blocks: list[list[ast.Statement]]
    ) -> None:
        self._shape = shape
        self._columns = columns
        self._blocks = blocks

    def block(self, value: Any) -> Any:
        """Return a copy of a tree or of a list of trees."""
        if isinstance(value, list):
            if len(value) == 1 and type(value[0]) is ast.QuantumGate:
                name = value[0].name.name
                if name.startswith(BLOCK):
                    return self._blocks[int(name[len(BLOCK) :])]
            return [self.block(item) for item in value]
        if isinstance(value, ast.QASMNode):
            return self._node(value)
        if isinstance(value, tuple):
            return tuple(self.block(item) for item in value)
        return value

    def _node(self, node: Any) -> Any:
        kind = type(node)
        token = self._columns.get(node.span.start_column) if node.span is not None else None
        if kind is ast.Identifier:
            token = self._shape[int(node.name[1:])]
            copied: Any = ast.Identifier(token.text)
        elif kind is ast.IntegerLiteral and self._is_number(node.value):
            token = self._shape[node.value - 1]
            copied = ast.IntegerLiteral(int(token.text.replace("_", "")))
        elif kind is ast.FloatLiteral:
            token = self._shape[round(node.value) - 1]
            copied = ast.FloatLiteral(float(token.text.replace("_", "")))
        else:
            copied = object.__new__(kind)
            for name in _fields(kind):
                value = getattr(node, name)
                if isinstance(value, list | ast.QASMNode | tuple):
                    value = self.block(value)
                setattr(copied, name, value)
            if isinstance(copied, ast.Statement):
                copied.annotations = []
        if token is not None:
            copied.span = ast.Span(token.line, token.column - 1, token.line, token.column - 1)
        else:
            copied.span = None
        return copied

    def _is_number(self, value: int) -> bool:
        """Tell a decimal number from one in another base, which is itself in the shape."""
        return 0 < value <= len(self._shape) and self._shape[value - 1].kind == "number"
