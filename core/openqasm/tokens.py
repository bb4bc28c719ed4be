"""The tokens of an OpenQASM program, of version 2 or 3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from core.openqasm.errors import ProgramError

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>"[^"\n]*"|'[^'\n]*')
    |(?P<literal>0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?:ns|us|µs|μs|ms|s|dt|im)(?!\w))
    |(?P<number>(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
    |(?P<hardware>\$\d+)
    |(?P<name>[^\W\d]\w*)
    |(?P<line>\#\s*pragma\b[^\n]*)
    |(?P<sign>\*\*=|<<=|>>=|->|\+\+|\*\*|&&|\|\||<<|>>|==|!=|<=|>=|[-+*/%&|^~]=|\#dim|.)""",
    re.VERBOSE | re.DOTALL,
)
_LINE_KEYWORDS = re.compile(r"pragma\b[^\n]*|@\s*[^\W\d][\w.]*[^\n]*")
#: Digits of a number.
MAX_DIGITS = 1_000


class Token(NamedTuple):
    """A token of a program.

    Attributes:
        kind: `string`, `literal` (a number with a unit or in another base), `number`, `hardware` (a physical
            qubit), `name`, `line` (a pragma or an annotation, to the end of its line) or `sign`.
        text: its text.
        line: its line, from 1.
        column: its column, from 1.
    """

    kind: str
    text: str
    line: int
    column: int


def tokens(program: str) -> Iterator[Token]:
    """Yield the program's tokens, without comments.

    Args:
        program: the text.

    Raises:
        ProgramError: a number has over `MAX_DIGITS` digits, or a comment has no end.
    """
    line, start, place, size = 1, 0, 0, len(program)
    at_start = True
    match_token, new = _TOKEN.match, tuple.__new__
    while place < size:
        match = None
        if at_start and program[place] in "p@":
            match = _LINE_KEYWORDS.match(program, place)
        kind = "line"
        if match is None:
            match = match_token(program, place)
            assert match is not None
            kind = str(match.lastgroup)
        text = match[0]
        if kind == "space":
            if text.startswith("/*") and (len(text) < 4 or not text.endswith("*/")):
                raise ProgramError("this comment has no end", line, place - start + 1)
            if "\n" in text:
                line += text.count("\n")
                start = place + text.rindex("\n") + 1
        else:
            column = place - start + 1
            if len(text) > MAX_DIGITS and kind in ("number", "literal", "hardware"):
                raise ProgramError(f"a number has over {MAX_DIGITS} digits", line, column)
            # Faster than `Token()`: a program has up to 262,144 tokens.
            yield new(Token, (kind, text, line, column))
            at_start = kind == "line" or text in ";{}"
        place = match.end()
