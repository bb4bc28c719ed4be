"""How much a program may stand for; what it stands for is counted before it is built."""

from __future__ import annotations

from openqasm3 import ast

from core.openqasm.errors import error_at

#: Gates, measurements and so on, with loops unrolled and definitions written out. Each takes some 50
#: microseconds to be built and as many to be transpiled.
MAX_GATES = 20_000
#: Gates that a branch counts for: it takes some 250 microseconds to be built.
BRANCH = 6
#: Steps that working out the program takes: one for a part of an expression, which takes some 3 microseconds,
#: and STATEMENT for a statement.
MAX_STEPS = 400_000
STATEMENT = 5
#: Steps that an operation takes for each bit of values that depend on a measurement.
NODE = 10
#: Steps that an assignment of a bit takes, and each operation in what is assigned.
STORE = 10
OPERATION = 4
#: Indices of a range, or bits of a concatenation, that take a step.
INDICES = 2
#: Operations of a function that are as deep in it as to take a step, their depths added up.
PATH = 8
#: Steps that writing out a gate's definition takes, in addition to those of its statements.
DEFINITION = 20
#: Qubits that a program may use: as many as the backends have.
MAX_QUBITS = 127
#: Classical bits, those for intermediate values included. Each outcome of a register has as many characters.
MAX_CLBITS = 2_048
#: Calls of gates and subroutines, and blocks, inside one another.
MAX_DEPTH = 40
#: Turns of a loop whose end depends on a measurement.
WHILE_TURNS = 32


class ProgramBudget:
    """What is left of the bounds."""

    def __init__(self) -> None:
        self._gates = 0
        self._steps = 0

    def gates(self, number: int, node: ast.QASMNode) -> None:
        """Count gates.

        Raises:
            ProgramError: there are too many.
        """
        self._gates += number
        if self._gates > MAX_GATES:
            raise error_at(
                node,
                f"the program comes to over {MAX_GATES} gates, with loops and definitions written out; use "
                "fewer turns or split it",
            )

    def check_gates(self, number: int, node: ast.QASMNode) -> None:
        """Raise `ProgramError` if so many gates more would be too many, without counting them."""
        self.gates(number, node)
        self._gates -= number

    def steps(self, number: int, node: ast.QASMNode) -> None:
        """Count parts of expressions and statements that are worked out.

        Raises:
            ProgramError: there are too many.
        """
        self._steps += number
        if self._steps > MAX_STEPS:
            raise error_at(
                node, "the program takes too many steps to be worked out; use fewer turns or split it"
            )
