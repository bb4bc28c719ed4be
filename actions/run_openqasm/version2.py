"""OpenQASM 2 by Qiskit's own parser."""

from __future__ import annotations

import re

from qiskit import QuantumCircuit, qasm2

from actions.run_openqasm.bounds import refused

_PLACE = re.compile(r"^<input>:(\d+),(\d+): ")


def load(program: str) -> QuantumCircuit:
    """The program as a circuit; its words have been checked already.

    Raises:
        InputError: with the line and the column.
    """
    try:
        return _loads(program)
    except qasm2.QASM2ParseError as error:
        message = error.message
        place = _PLACE.match(message)
        text = _PLACE.sub("", message).rstrip(".")
        if place is None:
            raise refused(text) from None
        raise refused(text, int(place[1]), int(place[2]) + 1) from None
    except Exception as error:
        # Qiskit's parser takes a gate without its angles, and Qiskit's gate then refuses to be made.
        raise refused(f"this cannot be made a circuit ({str(error)[:200]})", _line_of(program)) from None


def _loads(program: str) -> QuantumCircuit:
    return qasm2.loads(
        program,
        include_path=(),
        custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
        custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
    )


def _line_of(program: str) -> int:
    """The first line with which the program fails otherwise than by its syntax."""
    lines = program.split("\n")
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _loads("\n".join(lines[:middle]))
        except qasm2.QASM2ParseError:
            low = middle
        except Exception:
            high = middle
        else:
            low = middle
    return high
