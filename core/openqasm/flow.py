"""Branches and loops: chosen and unrolled now where that is possible, else left to the circuit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from openqasm3 import ast
from qiskit.circuit import Clbit

from core.openqasm import logic
from core.openqasm.budget import STATEMENT, WHILE_TURNS, ProgramBudget
from core.openqasm.errors import error_at
from core.openqasm.exits import STAYED, Frame, Frames, Left
from core.openqasm.expressions import Expressions
from core.openqasm.functions import calls_subroutine
from core.openqasm.logic import Node
from core.openqasm.operators import truth
from core.openqasm.output import Output
from core.openqasm.scope import Scopes, Stored, Variable, assigned_names
from core.openqasm.storage import Storage
from core.openqasm.values import BIT, INT, BitValues, Const, Type, Value

Statements = Sequence[ast.QASMNode]


class Flow:
    """Carries out blocks, branches and loops.

    Args:
        scopes: the names.
        expressions: works out conditions.
        storage: the variables.
        output: the circuit.
        frames: the loops that are open.
        budget: what is left of the bounds.
        statement: carries out one statement.
    """

    def __init__(
        self,
        scopes: Scopes,
        expressions: Expressions,
        storage: Storage,
        output: Output,
        frames: Frames,
        budget: ProgramBudget,
        statement: Callable[[ast.QASMNode], Left],
    ) -> None:
        self._scopes = scopes
        self._expressions = expressions
        self._storage = storage
        self._output = output
        self._frames = frames
        self._budget = budget
        self._statement = statement
        #: The bit that is set if a loop was still going on after its last turn.
        self.unfinished: Clbit | None = None

    def statements(self, statements: Statements) -> Left:
        """Carry out statements in the block that is open."""
        for place, node in enumerate(statements):
            self._budget.steps(STATEMENT, node)
            left = self._statement(node)
            if left.kind is not None:
                return left
            if left.maybe:
                rest = statements[place + 1 :]
                if not rest:
                    return left
                inner = self._under(logic.invert(left.condition()), rest[0], rest, new_block=False)
                return Left(None, left.maybe + inner.maybe)
        return STAYED

    def block(self, statements: Statements) -> Left:
        """Carry out statements in a block of their own."""
        with self._scopes.block(), self._output.block():
            return self.statements(statements)

    def _under(
        self, condition: Node, node: ast.QASMNode, statements: Statements, new_block: bool = True
    ) -> Left:
        """Carry out statements under a condition on classical bits."""
        self._storage.store_all(assigned_names(statements), node)
        with self._output.branch(condition, node):
            left = self.block(statements) if new_block else self.statements(statements)
        return Left(None, left.maybe)

    def branch(self, condition: Node, node: ast.QASMNode, yes: Statements, no: Statements) -> Left:
        """Carry out one of two blocks."""
        if isinstance(condition, bool):
            return self.block(yes if condition else no)
        self._storage.store_all(assigned_names([*yes, *no]), node)
        with self._output.branch(condition, node) as otherwise:
            left = self.block(yes)
        maybe = left.maybe
        if no:
            with self._output.otherwise(otherwise):
                maybe += self.block(no).maybe
        return Left(None, maybe)

    def switch(self, node: ast.SwitchStatement) -> Left:
        """Carry out the block of a case."""
        target = self._expressions.value(node.target)
        if isinstance(target, Const) and not isinstance(target.value, int):
            raise error_at(node.target, "the target of a switch must be a whole number or bits")
        cases: list[tuple[Node, Statements]] = []
        seen: set[int] = set()
        for labels, block in node.cases:
            matches: list[Node] = []
            for label in labels:
                number = self._expressions.integer(label, "the label of a case")
                if number in seen:
                    raise error_at(label, f"{number} is the label of two cases")
                seen.add(number)
                matches.append(self._equals(target, number, label))
            cases.append((logic.any_of(matches), block.statements))
        default = node.default.statements if node.default is not None else []
        return self._cases(cases, default, node)

    def _equals(self, target: Value, number: int, node: ast.QASMNode) -> Node:
        same = self._expressions.operators.combined("==", target, Const(number, INT), node)
        return truth(same, node)

    def _cases(self, cases: list[tuple[Node, Statements]], default: Statements, node: ast.QASMNode) -> Left:
        for place, (condition, block) in enumerate(cases):
            if condition is True:
                return self.block(block)
            if isinstance(condition, bool):
                continue
            rest = [statement for _, statements in cases[place:] for statement in statements]
            self._storage.store_all(assigned_names([*rest, *default]), node)
            with self._output.branch(condition, node) as otherwise:
                maybe = self.block(block).maybe
            with self._output.otherwise(otherwise):
                maybe += self._cases(cases[place + 1 :], default, node).maybe
            return Left(None, maybe)
        return self.block(default)

    def for_loop(self, node: ast.ForInLoop) -> Left:
        """Unroll a loop."""
        kind = self._expressions.type(node.type)
        maybe: tuple[Clbit, ...] = ()
        with self._frames.open("break", "continue") as frame:
            for value in self._items(node, kind):
                self._budget.steps(STATEMENT, node)
                variable = node.identifier.name, value, kind
                left = self._turn(frame, maybe, node, node.block, variable=variable)
                if left.kind in ("return", "end"):
                    return left
                maybe += left.maybe
                if left.kind == "break":
                    break
        return Left(None, self._outer(frame, maybe))

    def _items(self, node: ast.ForInLoop, kind: Type) -> Iterable[Value]:
        over = node.set_declaration
        if isinstance(over, ast.RangeDefinition):
            numbers = self._expressions.range(over)
            return (self._expressions.converted(Const(number, INT), kind, node) for number in numbers)
        if isinstance(over, ast.DiscreteSet):
            values = [self._expressions.value(item, kind.is_real) for item in over.values]
        else:
            source = self._expressions.value(over)
            if isinstance(source, BitValues):
                values = [BitValues((bit,), BIT) for bit in source.nodes]
            elif isinstance(source.value, list):
                values = [Const(item, source.type) for item in source.value]
            elif source.type.kind == "bits":
                width = source.type.width or 1
                values = [Const(bool(source.value >> place & 1), BIT) for place in range(width)]
            else:
                raise error_at(over, "a loop is over a range, a set, an array or a register of bits")
        return [self._expressions.converted(value, kind, node) for value in values]

    def _turn(
        self,
        frame: Frame,
        maybe: tuple[Clbit, ...],
        node: ast.QASMNode,
        block: Statements,
        condition: Node = True,
        variable: tuple[str, Value, Type] | None = None,
    ) -> Left:
        """Carry out a turn of a loop under a condition, if nothing has left the loop before."""
        condition = logic.both(self._stays(frame, maybe), condition)
        if condition is True:
            return self._body(frame, node, block, variable)
        self._storage.store_all(assigned_names(block), node)
        with self._output.branch(condition, node):
            left = self._body(frame, node, block, variable)
        return Left(None, left.maybe)

    def _stays(self, frame: Frame, maybe: tuple[Clbit, ...]) -> Node:
        """Return whether nothing has left a loop before."""
        leaving = [bit for bit in dict.fromkeys(maybe) if bit is not frame.flags.get("continue")]
        return logic.invert(logic.any_of(leaving))

    def _body(
        self, frame: Frame, node: ast.QASMNode, block: Statements, variable: tuple[str, Value, Type] | None
    ) -> Left:
        if "continue" in frame.flags:
            self._output.store([frame.flags["continue"]], (False,), node)
        with self._scopes.block(), self._output.block():
            if variable is not None:
                name, value, kind = variable
                symbol = (
                    Stored([*self._copied(value, node)], kind)
                    if isinstance(value, BitValues)
                    else Variable(value, kind, branches=self._output.branches)
                )
                self._scopes.declare(name, symbol, node)
            with self._scopes.block():
                return self.statements(block)

    def _copied(self, value: BitValues, node: ast.QASMNode) -> list[Clbit]:
        bits = self._output.temporary(len(value.nodes), node)
        self._output.store(bits, value.nodes, node)
        return bits

    def _outer(self, frame: Frame, maybe: tuple[Clbit, ...]) -> tuple[Clbit, ...]:
        """Return the bits that say that more than the loop was left."""
        inner = set(frame.flags.values())
        return tuple(bit for bit in dict.fromkeys(maybe) if bit not in inner)

    def while_loop(self, node: ast.WhileLoop) -> Left:
        """Unroll a loop; one whose condition depends on a measurement up to `WHILE_TURNS` times."""
        maybe: tuple[Clbit, ...] = ()
        turns = 0
        condition: Node = True
        calls = calls_subroutine(node.while_condition)
        with self._frames.open("break", "continue") as frame:
            while True:
                self._budget.steps(STATEMENT, node)
                if calls:
                    condition = self._call_condition(frame, maybe, node, condition)
                else:
                    condition = self._expressions.condition(node.while_condition)
                if turns and condition is True:
                    raise error_at(node, "this loop is not supported: its condition becomes always true")
                if condition is False:
                    break
                if condition is not True:
                    turns += 1
                if turns > WHILE_TURNS:
                    self._note_unfinished(condition, frame, maybe, node)
                    break
                left = self._turn(frame, maybe, node, node.block, condition)
                if left.kind in ("return", "end"):
                    return left
                maybe += left.maybe
                if left.kind == "break":
                    break
        return Left(None, self._outer(frame, maybe))

    def _call_condition(
        self, frame: Frame, maybe: tuple[Clbit, ...], node: ast.WhileLoop, before: Node
    ) -> Node:
        """Return a condition that calls a subroutine, which is called only if the turn is reached.

        Args:
            frame: the loop.
            maybe: bits that are set if a statement has left it.
            node: the loop.
            before: the condition of the turn before.
        """
        reached = logic.both(self._stays(frame, maybe), before)
        if reached is True:
            condition = self._expressions.condition(node.while_condition)
            if isinstance(condition, bool):
                return condition
            [going] = self._output.fresh(1, node)
            self._output.store([going], (condition,), node)
            return going
        [going] = [before] if isinstance(before, Clbit) else self._output.fresh(1, node)
        with self._output.branch(reached, node), self._output.block():
            condition = self._expressions.condition(node.while_condition)
            self._output.store([going], (condition,), node)
        return going if condition is not False else False

    def _note_unfinished(
        self, condition: Node, frame: Frame, maybe: tuple[Clbit, ...], node: ast.QASMNode
    ) -> None:
        going_on = logic.both(self._stays(frame, maybe), condition)
        if self.unfinished is None:
            [self.unfinished] = self._output.fresh(1, node)
        self._output.store([self.unfinished], (logic.either(self.unfinished, going_on),), node)
