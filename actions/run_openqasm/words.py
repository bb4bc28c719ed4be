"""The check of a program's words before it is parsed: nothing in it may be large or deep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from actions.run_openqasm.bounds import (
    MAX_CLBITS,
    MAX_DIGITS,
    MAX_NESTING,
    MAX_QUBITS,
    MAX_SIZE,
    MAX_WORDS,
    program_error,
)

_WORD = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<string>"[^"\n]*"|'[^'\n]*')
    |(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
#: The files of standard gates, which the parsers have built in.
INCLUDES = {2: "qelib1.inc", 3: "stdgates.inc"}
_OPEN, _CLOSED = "([{", ")]}"


class Word(NamedTuple):
    """A word of a program."""

    kind: str
    text: str
    line: int
    column: int


def words(program: str) -> Iterator[Word]:
    """The program's words, without comments."""
    line, start = 1, 0
    for match in _WORD.finditer(program):
        kind, text = str(match.lastgroup), match[0]
        if kind != "space":
            yield Word(kind, text, line, match.start() - start + 1)
        if "\n" in text:
            line += text.count("\n")
            start = match.start() + text.rindex("\n") + 1


def version(tokens: list[Word]) -> int:
    """Return the version, 2 or 3: that of the first statement, else 2 if the program includes qelib1.inc."""
    if len(tokens) > 1 and tokens[0].text == "OPENQASM":
        number = tokens[1].text.split(".")[0]
        if number not in ("2", "3"):
            raise program_error("OPENQASM must be 2.0 or 3.0", tokens[1].line, tokens[1].column)
        return int(number)
    return 2 if any(word.text.strip("\"'") == INCLUDES[2] for word in tokens) else 3


def check(tokens: list[Word], number: int) -> None:
    """Reject words that could make a parser slow or make it read files.

    Raises:
        InputError: too long a number or statement, too deep a nesting, too large a register, an include of a
            file.
    """
    depth = length = 0
    for place, word in enumerate(tokens):
        length = 0 if word.text in (";", "{", "}") else length + 1
        if length > MAX_WORDS:
            raise program_error(f"a statement has over {MAX_WORDS} words; split it", word.line, word.column)
        if word.kind == "number" and re.match(rf"\d{{{MAX_DIGITS + 1}}}", word.text.replace("_", "")):
            raise program_error(f"a number has over {MAX_DIGITS} digits", word.line, word.column)
        if word.text in _OPEN:
            depth += 1
            if depth > MAX_NESTING:
                raise program_error(f"brackets are over {MAX_NESTING} deep", word.line, word.column)
        elif word.text in _CLOSED:
            depth -= 1
        elif word.text == "$":
            raise program_error(
                "physical qubits are not supported; declare qubits, which are placed on the backend",
                word.line,
                word.column,
            )
        elif word.text == "include" and word.kind == "name":
            _check_include(tokens, place, number)
    if number == 2:
        _check_registers(tokens)


def _check_include(tokens: list[Word], place: int, number: int) -> None:
    word = tokens[place]
    name = tokens[place + 1].text.strip("\"'") if place + 1 < len(tokens) else ""
    if name != INCLUDES[number]:
        raise program_error(
            f'only include "{INCLUDES[number]}" is possible in OpenQASM {number}; files are not read',
            word.line,
            word.column,
        )


def _check_registers(tokens: list[Word]) -> None:
    """Add up the registers of OpenQASM 2, whose sizes are numbers, and the gates on whole registers."""
    sizes: dict[str, dict[str, int]] = {"qreg": {}, "creg": {}}
    depth = size = width = 0
    for place, word in enumerate(tokens):
        following = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if word.text in sizes and place + 3 < len(tokens) and tokens[place + 3].text.isdecimal():
            sizes[word.text][following] = int(tokens[place + 3].text)
            check_totals(sum(sizes["qreg"].values()), sum(sizes["creg"].values()), word.line)
        elif word.text in "{}":
            depth += 1 if word.text == "{" else -1
        elif word.text == ";":
            size, width = size + width, 0
            if size > MAX_SIZE:
                raise program_error(f"the program comes to over {MAX_SIZE} gates", word.line, word.column)
        elif not depth and following != "[":
            # Inside a definition, names are the gate's own.
            width = max(width, sizes["qreg"].get(word.text, 0))


def check_totals(qubits: int, clbits: int, line: int) -> None:
    """Reject a program with more bits than a backend has."""
    if qubits > MAX_QUBITS:
        raise program_error(f"the program declares {qubits} qubits; at most {MAX_QUBITS} are possible", line)
    if clbits > MAX_CLBITS:
        raise program_error(
            f"the program declares {clbits} classical bits; at most {MAX_CLBITS} are possible", line
        )
