"""How much a program may ask for, and the words for what goes beyond it.

What costs is bounded: the text, gates with definitions written out, qubits, and the size of the counts.
"""

from __future__ import annotations

from core.errors import InputError
from core.openqasm.budget import MAX_CLBITS, MAX_GATES, MAX_QUBITS

#: Characters of a program, as many as a request's text may have. Each takes some 4 microseconds to be read.
MAX_CHARACTERS = 262_144
#: Gates, measurements and so on when all gate definitions are expanded and all loops unrolled; a gate on two
#: qubits or more counts for about what it is made of.
MAX_SIZE = MAX_GATES
#: Gate definitions inside one another, and brackets inside one another.
MAX_NESTING = 40
#: Operators of one statement of OpenQASM 2, and signs in front of one number: its parser goes a level deeper
#: for each.
MAX_OPERATORS = 400
MAX_SIGNS = 50
#: Gate definitions of OpenQASM 2. Each takes some 80 microseconds.
MAX_DEFINITIONS = 5_000
#: Digits of an index or a size.
MAX_DIGITS = 9
#: Bytes that the counts of all registers may take at worst; results travel in messages of under 1 MB.
MAX_COUNTS = 600_000


def program_error(message: str, line: int | None = None, column: int | None = None) -> InputError:
    """Return what is wrong with the program, and where; line and column count from 1.

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


def check_totals(qubits: int, clbits: int, line: int, column: int) -> None:
    """Refuse a program with more bits than a backend has.

    Raises:
        InputError: with the bound.
    """
    if qubits > MAX_QUBITS:
        raise program_error(
            f"the program declares {qubits} qubits; at most {MAX_QUBITS} are possible", line, column
        )
    if clbits > MAX_CLBITS:
        raise program_error(
            f"the program declares {clbits} classical bits; at most {MAX_CLBITS} are possible", line, column
        )
