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
        return qasm2.loads(
            program,
            include_path=(),
            custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )
    except qasm2.QASM2ParseError as error:
        message = error.message
        place = _PLACE.match(message)
        text = _PLACE.sub("", message).rstrip(".")
        if place is None:
            raise refused(text) from None
        raise refused(text, int(place[1]), int(place[2]) + 1) from None
