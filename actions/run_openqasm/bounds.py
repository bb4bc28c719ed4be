"""The limits of a program, and the error for a program outside of them."""

from __future__ import annotations

from core.errors import InputError

#: Maximum characters of a program. The OpenQASM 3 parser reads about ten of them in a millisecond.
MAX_CHARACTERS = 16_000
#: Maximum number of declared qubits and classical bits.
MAX_QUBITS = 127
MAX_CLBITS = 127
#: Gates, measurements and so on when all gate definitions are expanded and all loops unrolled; a gate on two
#: qubits or more counts as its approximate number of basic gates.
MAX_SIZE = 5_000
#: The longest chain of these.
MAX_DEPTH = 2_000
#: Gate definitions inside one another, brackets inside one another, words of one statement, digits of an
#: integer.
MAX_NESTING = 20
MAX_WORDS = 600
MAX_DIGITS = 9
#: Controls that modifiers may add to a gate, and qubits of a gate that is raised to a power.
MAX_CONTROLS = 4
MAX_POWER_QUBITS = 3
#: Bytes that the counts of all registers may take at worst; results travel in messages of under 1 MB.
MAX_COUNTS = 600_000


def program_error(message: str, line: int | None = None, column: int | None = None) -> InputError:
    """Return the error of a program, with its place; line and column count from 1.

    Args:
        message: a sentence without its full stop.
        line: the line of the program.
        column: the column of the line.
    """
    place = "" if line is None else f"line {line}" + ("" if column is None else f", column {column}") + ": "
    text = f"{place}{message}."
    details: dict[str, object] = {"errors": [{"field": "program", "message": text}]}
    if line is not None:
        details |= {"line": line, "column": column}
    return InputError(f"program: {text}", **details)


def weight(qubits: int) -> int:
    """Return the approximate number of basic gates in a gate without a definition."""
    return 1 if qubits < 3 else int(4**qubits // 4)
