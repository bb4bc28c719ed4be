"""Names for the gates that a program defines, which no library has.

Qiskit and Aer know gates by their names: the transpiler replaces a gate called `h` by what its own `h` is
made of, whatever the program's definition says, and the number of parameters and qubits does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: What the names of a program's own gates begin with.
PREFIX = "own_"
#: What Qiskit appends to the names of inverse and of negatively controlled gates.
_APPENDED = re.compile(r"_(dg|o\d+)\Z")
_NOT_ASCII = re.compile(r"[^\w]", re.ASCII)


class OwnNames:
    """Names for a program's own gates.

    Args:
        taken: names that must not be given.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        #: Names given to gates that the program does not name, which are numbered.
        self._numbered = 0

    def add(self, name: str) -> str:
        """Return a name that neither a library nor another of the program's gates has, also with modifiers.

        Args:
            name: the gate's name in the program.
        """
        own = PREFIX + _NOT_ASCII.sub("_", name)[:200]
        while own in self._taken or _APPENDED.search(own):
            own += "_"
        self._taken.add(own)
        return own

    def number(self, begin: str) -> str:
        """Return a name that no other gate has, for a gate that has no name in the program.

        Args:
            begin: what the gate is, at the start of its name.
        """
        self._numbered += 1
        return self.add(f"{begin}{self._numbered}")
