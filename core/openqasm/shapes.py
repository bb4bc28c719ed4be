"""Shapes of statements: one of those that differ in names and numbers alone is parsed, the others copy it."""

from __future__ import annotations

from collections.abc import Sequence
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
from core.openqasm.trees import Builder, build, builder_of

#: Shapes of statements that are kept between programs, and the characters of the longest of them.
KEPT_SHAPES = 2_000
KEPT_CHARACTERS = 300

#: Words and signs of the language.
KEYWORDS = frozenset(name.strip("'") for name in qasm3Lexer.literalNames) | {
    *("true", "false", "sizeof", "pragma", "im"),
}


class StatementContext(NamedTuple):
    """Where a statement stands, as far as the parser looks at it."""

    gate: bool = False
    subroutine: bool = False
    loop: bool = False
    inner: bool = False


#: Signs after which `pow` is a modifier.
_BEFORE_MODIFIER = frozenset({")", "{", "}", ";", "@"})
#: What builds the trees of the shapes that are kept.
_kept: dict[tuple[str, StatementContext], Builder] = {}


class StatementShape:
    """The shape of a statement.

    Args:
        found: the statement's tokens, with a placeholder for each of its blocks.
        context: where it stands.
    """

    def __init__(self, found: list[Token], context: StatementContext) -> None:
        self._tokens = found
        self._context = context
        self._texts = [
            (text if text in KEYWORDS else f"n{place}") if kind == "name" else _general(kind, text, place)
            for place, (kind, text, _, _) in enumerate(found)
        ]
        if "pow" in self._texts:
            self._texts = [
                f"n{place}" if text == "pow" and _is_call(found, place) else text
                for place, text in enumerate(self._texts)
            ]
        self.text = " ".join(self._texts)

    def statements(self, builder: Builder, blocks: list[list[ast.Statement]]) -> list[ast.Statement]:
        """Return the statement's tree, with its own names, numbers and places.

        Args:
            builder: of the shape.
            blocks: the statements of its blocks.
        """
        return build(builder, self._tokens, blocks)

    def builder(self) -> Builder:
        """Return what builds the trees of the statements of this shape.

        Raises:
            ProgramError: it is not OpenQASM 3.
        """
        key = self.text, self._context
        builder = _kept.get(key)
        if builder is None:
            builder = self._builder()
            if len(self.text) <= KEPT_CHARACTERS:
                if len(_kept) >= KEPT_SHAPES:
                    _kept.clear()
                _kept[key] = builder
        return builder

    def _builder(self) -> Builder:
        before, after = _wrapping(self._context)
        places: dict[int, int] = {}
        column = len(before)
        for place, general in enumerate(self._texts):
            places[column] = place
            column += len(general) + 1
        try:
            statements = _parsed(before + self.text + after, self._context)
        except _ShapeError as error:
            raise self._syntax_error(error, places) from None
        return builder_of(statements, self._tokens, places)

    def _syntax_error(self, error: _ShapeError, places: dict[int, int]) -> ProgramError:
        place = places.get(error.column if error.column is not None else -1)
        token = None if place is None else self._tokens[place]
        if error.message:
            where = token or self._tokens[0]
            return ProgramError(error.message, where.line, where.column)
        if token is None:
            # The error is what follows the statement: its end came too early.
            token = self._tokens[-1]
        if token.kind == "block":
            return ProgramError("a block is not expected here", token.line, token.column)
        return ProgramError(f"{token.text[:40]!r} is not expected here", token.line, token.column)


def _is_call(found: Sequence[Token], place: int) -> bool:
    """Tell whether `pow` is the function, which the parser does not know, and not the modifier."""
    if not place:
        return False
    kind, text, _, _ = found[place - 1]
    return text == "return" if kind == "name" else kind == "sign" and text not in _BEFORE_MODIFIER


def _general(kind: str, text: str, place: int) -> str:
    """Return what stands for a token in the shape of its statement; it tells the token's place in it."""
    if kind == "number":
        return f"{place + 1}" if text.isdecimal() or text.replace("_", "").isdecimal() else f"{place + 1}.0"
    return f"${place}" if kind == "hardware" else text


def _wrapping(context: StatementContext) -> tuple[str, str]:
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


def _parsed(text: str, context: StatementContext) -> list[Any]:
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
