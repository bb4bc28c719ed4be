"""A first look at a program's tokens: which version it is, and what its parser must not be given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from actions.run_openqasm.bounds import (
    MAX_DEFINITIONS,
    MAX_DIGITS,
    MAX_NESTING,
    MAX_OPERATORS,
    MAX_SIGNS,
    MAX_SIZE,
    check_totals,
    program_error,
)
from core.openqasm.budget import BRANCH
from core.openqasm.errors import ProgramError
from core.openqasm.tokens import Token, tokens

#: The file of standard gates of OpenQASM 2, which its parser knows without reading it.
INCLUDE = "qelib1.inc"
_OPEN, _CLOSED = frozenset("([{"), frozenset(")]}")
_OPERATORS = frozenset("+-*/^")
#: Kinds of tokens that OpenQASM 3 has and version 2 has not.
_VERSION_3 = frozenset({"hardware", "line"})


def split(program: str) -> list[Token]:
    """Return the program's tokens.

    Raises:
        InputError: there is none, or a number is too long.
    """
    try:
        found = list(tokens(program))
    except ProgramError as error:
        raise program_error(error.message, error.line, error.column) from None
    if not found:
        raise program_error("there is no statement in it", 1, 1)
    return found


def version(found: Sequence[Token]) -> int:
    """Return 2 or 3: as the program's first statement says, else as it includes qelib1.inc or not.

    Raises:
        InputError: it says something else.
    """
    if len(found) > 1 and found[0].text == "OPENQASM":
        number = found[1].text
        if not re.fullmatch(r"[23](\.\d{1,3})?", number):
            raise program_error("OPENQASM must be 2.0 or 3.0", found[1].line, found[1].column)
        return int(number[0])
    return 2 if any(token.text.strip("\"'") == INCLUDE for token in found) else 3


def check_version_2(found: Sequence[Token]) -> None:
    """Refuse what could make the parser of OpenQASM 2 slow or fail, or have it read files.

    Raises:
        InputError: too deep a nesting, too large a register, an include of a file.
    """
    depth = operators = signs = 0
    for place, token in enumerate(found):
        if token.kind in _VERSION_3:
            raise program_error(f"{token.text[:40]!r} is not expected here", token.line, token.column)
        if token.text in (";", "{", "}"):
            operators = signs = 0
        signs = signs + 1 if token.text in ("+", "-") else 0
        operators += token.text in _OPERATORS
        if operators > MAX_OPERATORS or signs > MAX_SIGNS:
            raise program_error(
                f"an expression has over {MAX_OPERATORS} operators, or {MAX_SIGNS} signs in a row; make it "
                "simpler",
                token.line,
                token.column,
            )
        if token.text in _OPEN:
            depth += 1
            if depth > MAX_NESTING:
                raise program_error(f"brackets are over {MAX_NESTING} deep", token.line, token.column)
            following = found[place + 1] if place + 1 < len(found) else token
            if token.text == "[" and following.text.isdecimal() and len(following.text) > MAX_DIGITS:
                raise program_error(
                    f"an index or a size has over {MAX_DIGITS} digits", following.line, following.column
                )
        elif token.text in _CLOSED:
            depth -= 1
        elif token.text == "include" and token.kind == "name":
            _check_include(found, place)
    _check_registers(found)


def _check_include(found: Sequence[Token], place: int) -> None:
    token = found[place]
    name = found[place + 1].text.strip("\"'") if place + 1 < len(found) else ""
    if name != INCLUDE:
        raise program_error(
            f'only include "{INCLUDE}" is possible in OpenQASM 2; files are not read',
            token.line,
            token.column,
        )


def _check_registers(found: Sequence[Token]) -> None:
    """Add up the registers, whose sizes are plain numbers, and what is applied to all of one."""
    sizes: dict[str, dict[str, int]] = {"qreg": {}, "creg": {}}
    depth = size = width = definitions = 0
    for place, token in enumerate(found):
        following = found[place + 1].text if place + 1 < len(found) else ""
        if token.text in sizes and place + 3 < len(found) and found[place + 3].text.isdecimal():
            number = int(found[place + 3].text)
            if number < 1:
                raise program_error(
                    f"register {following[:40]!r} has the size 0; a register has 1 bit or more",
                    found[place + 3].line,
                    found[place + 3].column,
                )
            sizes[token.text][following] = number
            qubits, clbits = (sum(sizes[kind].values()) for kind in ("qreg", "creg"))
            check_totals(qubits, clbits, token.line, token.column)
        elif token.text == "gate":
            definitions += 1
            if definitions > MAX_DEFINITIONS:
                raise program_error(
                    f"the program defines over {MAX_DEFINITIONS} gates; split it", token.line, token.column
                )
        elif token.text in "{}":
            depth += 1 if token.text == "{" else -1
        elif token.text == ";":
            size, width = size + width, 0
            if size > MAX_SIZE:
                raise program_error(
                    f"the program comes to over {MAX_SIZE} gates; split it", token.line, token.column
                )
        elif token.text == "if":
            size += BRANCH
        elif not depth and following != "[":
            # Inside a definition, names are the gate's own.
            width = max(width, sizes["qreg"].get(token.text, 0))
