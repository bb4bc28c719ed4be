"""From text to a syntax tree, by the reference parser, in a time that grows with the text.

The reference parser takes some 40 microseconds a character. A program is therefore split into statements, and
of statements that differ in names and numbers alone one is parsed: the others get a copy of its tree with
their own names, numbers and places.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
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

#: Characters that the reference parser is given for one program, statements of one shape once. It takes the
#: longer for them the deeper brackets are: a statement counts again for each `BRACKETS` of its depth.
MAX_PARSED = 20_000
BRACKETS = 4
#: Characters of one statement, without its blocks; the parser goes deeper for each operator.
MAX_STATEMENT = 12_000
#: Signs in front of one number.
MAX_SIGNS = 30
#: Brackets and blocks inside one another.
MAX_NESTING = 40
#: Shapes of statements that are kept between programs, and the characters of the longest of them.
KEPT_SHAPES = 2_000
KEPT_CHARACTERS = 300

KEYWORDS = frozenset(name.strip("'") for name in qasm3Lexer.literalNames) | {
    *("true", "false", "sizeof", "pragma", "im"),
}
_SIGNS = (
    KEYWORDS
    | frozenset(["+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", "&=", "|=", "^=", "~="])
    | {
        *("==", "!=", "<", ">", "<=", ">=", "<<", ">>"),
    }
)
_BITSTRING = re.compile(r'"[01](?:_?[01])*"')
_OPEN = {"(": ")", "[": "]", "{": "}"}
_CLOSED = frozenset(_OPEN.values())
#: Before a brace that opens a set or an array, not a block.
_BEFORE_SET = frozenset({"=", "in", "return", ","})
_BLOCK = "__block"
_UNARY = frozenset({"-", "!", "~"})
_CALIBRATION = frozenset({"cal", "defcal"})


class Tree(NamedTuple):
    """A parsed program.

    Attributes:
        statements: without pragmas, annotations and the version.
        pragmas: places of the pragmas.
        annotations: places of the annotations.
    """

    statements: list[ast.Statement]
    pragmas: list[Token]
    annotations: list[Token]


class _Context(NamedTuple):
    """Where a statement stands, as far as the parser looks at it."""

    gate: bool = False
    subroutine: bool = False
    loop: bool = False
    inner: bool = False


def parse(found: Sequence[Token]) -> Tree:
    """Return the syntax tree of a program in OpenQASM 3.

    Args:
        found: its tokens.

    Raises:
        ProgramError: the program is not OpenQASM 3, or too large to be parsed in time.
    """
    return _Reader(found).program()


class _Reader:
    def __init__(self, found: Sequence[Token]) -> None:
        self._tokens = [token for token in found if token.kind != "line"]
        lines = [token for token in found if token.kind == "line"]
        self._notes = (
            [token for token in lines if not token.text.startswith("@")],
            [token for token in lines if token.text.startswith("@")],
        )
        self._place = 0
        self._shapes: set[tuple[str, _Context]] = set()
        self._parsed = 0

    def program(self) -> Tree:
        self._version()
        statements = self._statements(_Context(), 0)
        if self._place < len(self._tokens):
            raise self._unexpected()
        return Tree(statements, *self._notes)

    def _version(self) -> None:
        found = self._tokens
        if found and found[0].text == "OPENQASM":
            if len(found) < 3 or found[2].text != ";":
                self._place = min(2, len(found))
                raise self._unexpected()
            self._place = 3

    def _unexpected(self, place: int | None = None) -> ProgramError:
        place = self._place if place is None else place
        if place < len(self._tokens):
            token = self._tokens[place]
            return ProgramError(f"{token.text[:40]!r} is not expected here", token.line, token.column)
        line, column = 1, 1
        if self._tokens:
            last = self._tokens[-1]
            line, column = last.line, last.column + len(last.text)
        return ProgramError("the end of the program is not expected here", line, column)

    def _statements(self, context: _Context, depth: int) -> list[ast.Statement]:
        statements: list[ast.Statement] = []
        while self._place < len(self._tokens) and self._tokens[self._place].text != "}":
            if self._tokens[self._place].text == ";":
                # An empty statement, which some programs write after a block.
                self._place += 1
                continue
            statements.extend(self._statement(context, depth))
        return statements

    def _statement(self, context: _Context, depth: int) -> list[ast.Statement]:
        found, begin = self._tokens, self._place
        first = found[begin]
        if first.text in _CALIBRATION:
            raise ProgramError("calibrations of pulses are not supported", first.line, first.column)
        shape: list[Token] = []
        blocks: list[list[ast.Statement]] = []
        stack: list[str] = []
        loop, switch = context.loop, False
        while True:
            if self._place >= len(found):
                raise self._unexpected()
            token = found[self._place]
            text = token.text if token.kind != "string" else ""
            self._check_token(token, shape)
            self._place += 1
            if text == "in" and len(shape) > 1 and shape[-2].text == "for":
                # Older programs write no type of a loop's variable.
                shape.insert(-1, token._replace(text="int"))
            if text in ("for", "while"):
                loop = True
            if text in _OPEN:
                if depth + len(stack) >= MAX_NESTING:
                    raise ProgramError(
                        f"brackets and blocks are over {MAX_NESTING} deep", token.line, token.column
                    )
                if text != "{" or self._is_set(stack, shape):
                    stack.append(_OPEN[text])
                elif first.text == "switch" and not switch:
                    switch = True
                    stack.append("switch")
                else:
                    inner = _Context(
                        context.gate or first.text == "gate",
                        context.subroutine or first.text == "def",
                        loop,
                        True,
                    )
                    blocks.append(self._statements(inner, depth + len(stack) + 1))
                    if self._place >= len(found):
                        raise self._unexpected()
                    self._place += 1
                    name = token._replace(kind="block", text=f"{_BLOCK}{len(blocks) - 1}")
                    shape += [token, name, name._replace(kind="sign", text="q"), token._replace(text=";")]
                    shape.append(token._replace(text="}"))
                    if not stack and self._next() != "else":
                        break
                    continue
            elif text in _CLOSED:
                expected = stack.pop() if stack else ""
                if text != ("}" if expected == "switch" else expected):
                    raise self._unexpected(self._place - 1)
                shape.append(token)
                if not stack and text == "}" and expected == "switch":
                    break
                continue
            shape.append(token)
            if text == ";" and not stack and not (first.text == "if" and self._next() == "else"):
                break
        return self._tree(shape, blocks, context)

    def _check_token(self, token: Token, shape: list[Token]) -> None:
        """Raise what the parser's lexer would not accept, since it sees no more than shapes."""
        wrong = token.kind == "sign" and token.text not in _SIGNS
        if token.kind == "string" and not (shape and shape[-1].text == "include"):
            wrong = not _BITSTRING.fullmatch(token.text)
        if wrong:
            raise self._unexpected()
        if token.text not in _UNARY or len(shape) < MAX_SIGNS:
            return
        if all(before.text in _UNARY for before in shape[-MAX_SIGNS:]):
            raise ProgramError(f"there are over {MAX_SIGNS} signs in a row", token.line, token.column)

    def _next(self) -> str:
        return self._tokens[self._place].text if self._place < len(self._tokens) else ""

    def _is_set(self, stack: list[str], shape: list[Token]) -> bool:
        if stack and stack[-1] != "switch":
            return True
        return bool(shape) and shape[-1].text in _BEFORE_SET

    def _tree(
        self, shape: list[Token], blocks: list[list[ast.Statement]], context: _Context
    ) -> list[ast.Statement]:
        texts = [_general(token, place) for place, token in enumerate(shape)]
        text = " ".join(texts)
        if len(text) > MAX_STATEMENT:
            raise ProgramError(
                f"a statement has over {MAX_STATEMENT} characters; split it", shape[0].line, shape[0].column
            )
        key = text, context
        if key not in self._shapes:
            self._shapes.add(key)
            self._parsed += len(text) * (1 + _depth(text) // BRACKETS)
            if self._parsed > MAX_PARSED:
                raise ProgramError(
                    f"statements of different shapes have over {MAX_PARSED} characters; write shorter "
                    "statements, or more of them in the same way",
                    shape[0].line,
                    shape[0].column,
                )
        before, after = _wrapping(context)
        columns: dict[int, Token] = {}
        column = len(before)
        for token, general in zip(shape, texts, strict=True):
            columns[column] = token
            column += len(general) + 1
        try:
            parse_shape = _kept if len(text) <= KEPT_CHARACTERS else _parsed
            statements = parse_shape(before + text + after, context)
        except _ShapeError as error:
            raise self._syntax_error(error, columns, shape) from None
        copied = _Copy(shape, columns, blocks).block(statements)
        assert isinstance(copied, list)
        return copied

    def _syntax_error(
        self, error: _ShapeError, columns: dict[int, Token], shape: list[Token]
    ) -> ProgramError:
        token = columns.get(error.column if error.column is not None else -1)
        if error.message:
            where = token or shape[0]
            return ProgramError(error.message, where.line, where.column)
        if token is None:
            # The error is what follows the statement: its end came too early.
            token = shape[-1]
        if token.kind == "block":
            return ProgramError("a block is not expected here", token.line, token.column)
        return ProgramError(f"{token.text[:40]!r} is not expected here", token.line, token.column)


def _depth(text: str) -> int:
    """Return how many brackets are open at once at most."""
    depth = deepest = 0
    for sign in text:
        depth += (sign in _OPEN) - (sign in _CLOSED)
        deepest = max(deepest, depth)
    return deepest


def _general(token: Token, place: int) -> str:
    """Return what stands for a token in the shape of its statement; it tells the token's place in it."""
    if token.kind == "name":
        return token.text if token.text in KEYWORDS else f"n{place}"
    if token.kind == "number":
        return str(place + 1) if token.text.replace("_", "").isdecimal() else f"{place + 1}.0"
    if token.kind == "hardware":
        return f"${place}"
    return token.text


def _wrapping(context: _Context) -> tuple[str, str]:
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


def _parsed(text: str, context: _Context) -> list[Any]:
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
                if name.startswith(_BLOCK):
                    return self._blocks[int(name[len(_BLOCK) :])]
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
