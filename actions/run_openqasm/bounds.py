"""How much a program may ask for, and the words for what goes beyond it."""

from __future__ import annotations

from core.errors import InputError

#: Characters of a program. OpenQASM 3 is parsed at about ten of them a millisecond.
MAX_CHARACTERS = 16_000
#: Qubits and classical bits that a program may declare.
MAX_QUBITS = 127
MAX_CLBITS = 127
#: Gates, measurements and so on when all gate definitions are expanded and all loops unrolled; a gate on two
#: qubits or more counts for about what it is made of.
MAX_SIZE = 5_000
#: The longest chain of them.
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


def refused(message: str, line: int | None = None, column: int | None = None) -> InputError:
    """What is wrong with the program, and where; line and column count from 1.

    Args:
        message: a sentence without its full stop.
        line: of the program.
        column: of the line.
    """
    place = "" if line is None else f"line {line}" + ("" if column is None else f", column {column}") + ": "
    text = f"{place}{message}."
    details: dict[str, object] = {"errors": [{"field": "program", "message": text}]}
    if line is not None:
        details |= {"line": line, "column": column}
    return InputError(f"program: {text}", **details)


def weight(qubits: int) -> int:
    """About how many basic gates a gate without a definition of its own is made of."""
    return 1 if qubits < 3 else int(4**qubits // 4)
