"""Ways out of a block before its end, which a measurement may decide on.

`break`, `continue`, `return` and `end` in a branch that depends on a measurement set a bit. What would follow
is carried out under the condition that the bit is not set.
"""

from __future__ import annotations

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

    def open(self, *kinds: str) -> Frame:
        """Open a loop or a subroutine."""
        frame = Frame(frozenset(kinds), self._output.branches)
        self._frames.append(frame)
        return frame

    def close(self) -> None:
        """Close the innermost."""
        self._frames.pop()

    def ends(self, left: Left) -> bool:
        """Tell whether the program may have been ended."""
        flag = self._frames[0].flags.get("end")
        return left.kind == "end" or any(bit is flag for bit in left.maybe)

    def is_decided(self, kind: str) -> bool:
        """Tell whether a measurement decides if such a statement is reached."""
        frame = next(frame for frame in reversed(self._frames) if kind in frame.kinds)
        return frame.branches != self._output.branches

    def leave(self, kind: str, node: ast.QASMNode) -> Left:
        """Carry out a statement that leaves a block."""
        frame = next(frame for frame in reversed(self._frames) if kind in frame.kinds)
        if frame.branches == self._output.branches:
            return Left(kind)
        if kind not in frame.flags:
            # Nothing was written into it: it is false wherever this branch is not taken.
            [frame.flags[kind]] = self._output.fresh(1, node)
        flag = frame.flags[kind]
        self._output.store([flag], (True,), node)
        return Left(kind, (flag,))
