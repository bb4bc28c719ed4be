"""What is wrong with an OpenQASM program, and where."""

from __future__ import annotations

from openqasm3 import ast


class ProgramError(Exception):
    """A program that cannot be run.

    Args:
        message: a sentence without its full stop, in the language's own words.
        line: of the program, from 1.
        column: of the line, from 1.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class NotFiniteError(ProgramError):
    """A number is infinite or undefined; with other arguments of a gate it may be finite."""


def error_at(node: ast.QASMNode, message: str) -> ProgramError:
    """Return an error at the start of a part of the syntax tree.

    Args:
        node: the part.
        message: a sentence without its full stop.
    """
    return ProgramError(message, *_place(node))


def not_finite_at(node: ast.QASMNode, what: str = "this") -> NotFiniteError:
    """Return the error of a number that is not finite.

    Args:
        node: where it stands.
        what: the number.
    """
    return NotFiniteError(f"{what} is not a finite number", *_place(node))


def _place(node: ast.QASMNode) -> tuple[int | None, int | None]:
    if node.span is None:
        return None, None
    return node.span.start_line, node.span.start_column + 1
