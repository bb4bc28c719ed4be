"""From text to a syntax tree, by the reference parser, in a time that grows with the text.

The reference parser takes some 40 microseconds a character. A program is therefore split into statements, and
of statements that differ in names and numbers alone one is parsed: the others get a copy of its tree with
their own names, numbers and places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from openqasm3 import ast

from core.openqasm.errors import ProgramError
from core.openqasm.shapes import KEYWORDS, StatementContext, StatementShape
from core.openqasm.tokens import Token
from core.openqasm.trees import BLOCK, Builder

#: Characters that the reference parser is given for one program, statements of one shape once. It takes the
#: longer for them the deeper brackets are: a statement counts again for each `BRACKETS` of its depth.
MAX_PARSED = 20_000
BRACKETS = 4
#: Characters of one statement, without its blocks; the parser goes deeper for each operator.
MAX_STATEMENT = 12_000
#: Statements of a program, those in blocks included. Each takes some 20 microseconds to be read.
MAX_STATEMENTS = 40_000
#: Signs in front of one number.
MAX_SIGNS = 30
#: Brackets and blocks inside one another.
MAX_NESTING = 40
#: Signs of the parser's lexer.
_SIGNS = KEYWORDS | {
    *("+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", "&=", "|=", "^=", "~="),
    *("==", "!=", "<", ">", "<=", ">=", "<<", ">>"),
}
_BITSTRING = re.compile(r'"[01](?:_?[01])*"')
_OPEN = {"(": ")", "[": "]", "{": "}"}
_CLOSED = frozenset(_OPEN.values())
#: Before a brace that opens a set or an array, not a block.
_BEFORE_SET = frozenset({"=", "in", "return", ","})
_UNARY = frozenset({"-", "!", "~"})
#: First words of statements that may have statements in them.
_COMPOUND = frozenset({"for", "while", "if", "else", "switch", "box", "gate", "def", "{"})
#: Kinds of tokens, and signs with the change of depth, that every statement may have.
_PLAIN = frozenset({"name", "number", "literal", "hardware"})
_SIMPLE = dict.fromkeys((",", "=", "->", "@", "+", "*", "/", ":", "=="), 0)
_SIMPLE |= {"(": 1, "[": 1, ")": -1, "]": -1}
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
        self._builders: dict[tuple[str, StatementContext], Builder] = {}
        self._parsed = 0
        self._count = 0

    def program(self) -> Tree:
        self._version()
        statements = self._statements(StatementContext(), 0)
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

    def _statements(self, context: StatementContext, depth: int) -> list[ast.Statement]:
        statements: list[ast.Statement] = []
        while self._place < len(self._tokens) and self._tokens[self._place].text != "}":
            if self._tokens[self._place].text == ";":
                # An empty statement, which some programs write after a block.
                self._place += 1
                continue
            statements.extend(self._statement(context, depth))
        return statements

    def _statement(self, context: StatementContext, depth: int) -> list[ast.Statement]:
        found, begin = self._tokens, self._place
        first = found[begin]
        self._count += 1
        if self._count > MAX_STATEMENTS:
            raise ProgramError(
                f"the program has over {MAX_STATEMENTS} statements; use loops or split it",
                first.line,
                first.column,
            )
        if first.text in _CALIBRATION:
            raise ProgramError("calibrations of pulses are not supported", first.line, first.column)
        end = self._simple_end(begin)
        if end is not None:
            self._place = end + 1
            return self._tree(found[begin : end + 1], [], context)
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
                    inner = StatementContext(
                        context.gate or first.text == "gate",
                        context.subroutine or first.text == "def",
                        loop,
                        True,
                    )
                    blocks.append(self._statements(inner, depth + len(stack) + 1))
                    if self._place >= len(found):
                        raise self._unexpected()
                    self._place += 1
                    name = token._replace(kind="block", text=f"{BLOCK}{len(blocks) - 1}")
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

    def _simple_end(self, begin: int) -> int | None:
        """Return the place of the semicolon of a statement in which there is nothing to check; else None."""
        depth, found = 0, self._tokens
        if found[begin].text in _COMPOUND:
            return None
        for place in range(begin, len(found)):
            kind, text, _, _ = found[place]
            if kind in _PLAIN:
                continue
            if text == ";":
                return None if depth else place
            change = _SIMPLE.get(text)
            if change is None or kind != "sign":
                return None
            depth += change
            if not 0 <= depth < MAX_NESTING // 2:
                return None
        return None

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
        self, found: list[Token], blocks: list[list[ast.Statement]], context: StatementContext
    ) -> list[ast.Statement]:
        shape = StatementShape(found, context)
        if len(shape.text) > MAX_STATEMENT:
            raise ProgramError(
                f"a statement has over {MAX_STATEMENT} characters; split it", found[0].line, found[0].column
            )
        key = shape.text, context
        builder = self._builders.get(key)
        if builder is None:
            self._parsed += len(shape.text) * (1 + _depth(shape.text) // BRACKETS)
            if self._parsed > MAX_PARSED:
                raise ProgramError(
                    f"statements of different shapes have over {MAX_PARSED} characters; write shorter "
                    "statements, or more of them in the same way",
                    found[0].line,
                    found[0].column,
                )
            builder = self._builders[key] = shape.builder()
        return shape.statements(builder, blocks)


def _depth(text: str) -> int:
    """Return how many brackets are open at once at most."""
    depth = deepest = 0
    for sign in text:
        depth += (sign in _OPEN) - (sign in _CLOSED)
        deepest = max(deepest, depth)
    return deepest
