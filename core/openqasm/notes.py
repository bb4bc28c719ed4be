"""Remarks on a program: what was left out or assumed."""

from __future__ import annotations

from openqasm3 import ast

#: Remarks on one program.
MAX_NOTES = 8


class Notes:
    """The remarks on a program, each once, with the line where it applied first."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def add(self, text: str, line: int = 0) -> None:
        """Add a remark; without a line it is on the whole program."""
        if len(self._lines) < MAX_NOTES:
            self._lines.setdefault(text, line)

    def add_at(self, node: ast.QASMNode, text: str) -> None:
        """Add a remark on a part of the syntax tree."""
        self.add(text, node.span.start_line if node.span is not None else 0)

    def texts(self) -> list[str]:
        """Return the remarks."""
        return [f"line {line}: {text}" if line else text for text, line in self._lines.items()]
