"""OpenQASM 3 programs, lowered to circuits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actions.run_openqasm.bounds import program_error
from core.openqasm.errors import ProgramError
from core.openqasm.lowering import Lowered, lower
from core.openqasm.tokens import Token


def load(found: Sequence[Token], inputs: Mapping[str, Any]) -> Lowered:
    """Return the program as a circuit.

    Args:
        found: its tokens.
        inputs: values of its inputs.

    Raises:
        InputError: with the line and the column.
    """
    try:
        return lower(found, inputs)
    except ProgramError as error:
        raise program_error(error.message[:400], error.line, error.column) from None
