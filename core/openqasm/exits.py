"""Ways out of a block before its end, which a measurement may decide on.

`break`, `continue`, `return` and `end` in a branch that depends on a measurement set a bit. What would follow
is carried out under the condition that the bit is not set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from openqasm3 import ast
from qiskit.circuit import Clbit

from core.openqasm.logic import Node, any_of
from core.openqasm.output import Output


@dataclass(frozen=True)
class Left:
    """How a block was left.

    Attributes:
        kind: of the statement that surely leaves it; None if none does.
        maybe: bits that are set if a statement has left it.
    """

    kind: str | None = None
    maybe: tuple[Clbit, ...] = ()

    def __bool__(self) -> bool:
        return self.kind is not None or bool(self.maybe)

    def condition(self) -> Node:
        """Return whether the block was left."""
        return any_of(self.maybe)


#: The block was carried out to its end.
STAYED = Left()


@dataclass
class Frame:
    """What a statement leaves: a loop, a subroutine or the program.

    Attributes:
        kinds: the statements that leave it.
        branches: how many branches that depend on a measurement were open at its start.
        flags: the bits that are set when it is left, by the kind of statement.
    """

    kinds: frozenset[str]
    branches: int
    flags: dict[str, Clbit] = field(default_factory=dict)


class Frames:
    """The loops and subroutines that are open, and the program around them.

    Args:
        output: the circuit.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._frames = [Frame(frozenset({"end"}), 0)]

    @contextmanager
    def open(self, *kinds: str) -> Iterator[Frame]:
        """Open a loop or a subroutine for the time of the context."""
        self._frames.append(Frame(frozenset(kinds), self._output.branches))
        try:
            yield self._frames[-1]
        finally:
            self._frames.pop()

    def _left_by(self, kind: str) -> Frame:
        """Return the innermost that such a statement leaves."""
        return next(frame for frame in reversed(self._frames) if kind in frame.kinds)

    def ends(self, left: Left) -> bool:
        """Tell whether the program may have been ended."""
        flag = self._frames[0].flags.get("end")
        return left.kind == "end" or any(bit is flag for bit in left.maybe)

    def is_decided(self, kind: str) -> bool:
        """Tell whether a measurement decides if such a statement is reached."""
        return self._left_by(kind).branches != self._output.branches

    def leave(self, kind: str, node: ast.QASMNode) -> Left:
        """Carry out a statement that leaves a block."""
        if not self.is_decided(kind):
            return Left(kind)
        frame = self._left_by(kind)
        if kind not in frame.flags:
            # Nothing was written into it: it is false wherever this branch is not taken.
            [frame.flags[kind]] = self._output.fresh(1, node)
        flag = frame.flags[kind]
        self._output.store([flag], (True,), node)
        return Left(kind, (flag,))
