"""Qiskit's classical expressions as boolean functions of bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr, types

from core.openqasm import logic
from core.openqasm.logic import Node, Spill, Vector

from .errors import InvalidJob

#: Maximum width of a number, in bits.
MAX_WIDTH = 256


def unsupported(what: str) -> InvalidJob:
    """Return the error for a kind of expression that is not supported."""
    return InvalidJob(f"{what[:1].upper()}{what[1:]} is not supported.", code=1517)


def width_of(node: expr.Expr) -> int:
    """Return the number of bits of an expression's value.

    Raises:
        InvalidJob: If it is neither a boolean nor a number of few bits.
    """
    if isinstance(node.type, types.Bool):
        return 1
    if not isinstance(node.type, types.Uint):
        raise unsupported(f"an expression of type {type(node.type).__name__}")
    if node.type.width > MAX_WIDTH:
        raise unsupported(f"a number of {node.type.width} bits (at most {MAX_WIDTH})")
    return int(node.type.width)


def needs_lowering(circuit: QuantumCircuit, is_block: bool = False) -> bool:
    """Return whether Aer cannot run the variables, assignments or conditions of a circuit.

    Args:
        circuit: The circuit.
        is_block: Whether it is the block of a control-flow instruction.
    """
    if circuit.num_vars:
        return True
    for instruction in circuit.data:
        name = instruction.name
        if name == "store":
            # Aer may move an assignment out of a block without qubits.
            lvalue = instruction.operation.lvalue
            if (
                is_block
                or not (isinstance(lvalue, expr.Var) and isinstance(lvalue.var, Clbit))
                or _is_hard(instruction.operation.rvalue)
            ):
                return True
        elif instruction.is_control_flow():
            operation = instruction.operation
            condition = operation.target if name == "switch_case" else getattr(operation, "condition", None)
            if isinstance(condition, expr.Expr) and _is_hard(condition):
                return True
            if any(needs_lowering(block, is_block=True) for block in operation.blocks):
                return True
    return False


def _is_hard(node: expr.Expr) -> bool:
    """Return whether Aer cannot evaluate an expression of bits and registers."""
    if isinstance(node, expr.Var):
        return bool(node.standalone)
    if isinstance(node, expr.Value):
        return False
    if isinstance(node, expr.Binary):
        simple = node.op.name.startswith(("BIT_", "LOGIC_", "EQUAL", "NOT_EQUAL", "LESS", "GREATER"))
        return not simple or _is_hard(node.left) or _is_hard(node.right)
    if isinstance(node, expr.Unary | expr.Cast):
        return _is_hard(node.operand)
    return True


class BitExpressions:
    """Translates expressions.

    Args:
        clbits: The bits of the whole circuit, by those of the block that has the expressions.
        storage: Returns the bits of a variable.
        spill: Stores an intermediate result in a bit, and returns the bit.
    """

    def __init__(
        self, clbits: dict[Clbit, Clbit], storage: Callable[[expr.Var], Sequence[Clbit]], spill: Spill
    ) -> None:
        self._clbits = clbits
        self._storage = storage
        self._spill = spill

    def condition(self, value: object) -> Node:
        """Return a condition: an expression, or a bit or register and the value that it must have."""
        if isinstance(value, expr.Expr):
            return logic.any_of(self.vector(value))
        assert isinstance(value, tuple)
        target, wanted = value
        bits = self.vector(target)
        return logic.equal(bits, logic.constant(int(wanted), len(bits)))

    def target(self, node: expr.Expr) -> tuple[list[Clbit], Vector | None]:
        """Return the bits that an assignment is to.

        Returns:
            The bits, and which of them is assigned if that depends on an index.
        """
        if isinstance(node, expr.Var):
            return list(self._bits(node)), None
        if isinstance(node, expr.Index) and isinstance(node.target, expr.Var):
            bits = list(self._bits(node.target))
            index = self.vector(node.index)
            return bits, tuple(self._is(index, place) for place in range(len(bits)))
        raise unsupported("an assignment to this expression")

    def vector(self, node: object) -> Vector:
        """Return the bits of a value, the lowest first.

        Raises:
            InvalidJob: If the expression is not supported.
        """
        if isinstance(node, Clbit):
            return (self._clbits[node],)
        if isinstance(node, ClassicalRegister):
            return tuple(self._clbits[bit] for bit in node)
        if not isinstance(node, expr.Expr):
            raise unsupported(f"an expression of type {type(node).__name__}")
        width = width_of(node)
        if isinstance(node, expr.Var):
            return tuple(self._bits(node))
        if isinstance(node, expr.Value):
            return logic.constant(int(node.value), width)
        if isinstance(node, expr.Cast):
            inner = self.vector(node.operand)
            if isinstance(node.type, types.Bool):
                return (logic.any_of(inner),)
            return logic.resize(inner, width, signed=False)
        if isinstance(node, expr.Unary):
            # The negation of a number is bitwise, that of a boolean logical.
            return tuple(map(logic.invert, self.vector(node.operand)))
        if isinstance(node, expr.Index):
            bits, index = self.vector(node.target), self.vector(node.index)
            return (
                logic.any_of([logic.both(self._is(index, place), bit) for place, bit in enumerate(bits)]),
            )
        if isinstance(node, expr.Binary):
            return self._binary(node)
        raise unsupported(f"an expression with {type(node).__name__}")

    @staticmethod
    def _is(index: Vector, place: int) -> Node:
        """Return whether an index is a place."""
        if place >> len(index):
            return False
        return logic.equal(index, logic.constant(place, len(index)))

    def _bits(self, node: expr.Var) -> Sequence[Clbit]:
        if isinstance(node.var, Clbit):
            return [self._clbits[node.var]]
        if isinstance(node.var, ClassicalRegister):
            return [self._clbits[bit] for bit in node.var]
        width_of(node)
        return self._storage(node)

    def _binary(self, node: expr.Binary) -> Vector:
        left, right = self.vector(node.left), self.vector(node.right)
        name = node.op.name
        if name in ("SHIFT_LEFT", "SHIFT_RIGHT"):
            return self._shifted(left, right, name == "SHIFT_LEFT")
        if (bitwise := BITWISE.get(name)) is not None:
            return tuple(bitwise(one, other) for one, other in zip(left, right, strict=True))
        if (comparison := COMPARISONS.get(name)) is not None:
            return (comparison(left, right),)
        if (arithmetic := ARITHMETIC.get(name)) is not None:
            return arithmetic(left, right, self._spill)
        raise unsupported(f"the operation {name.lower()} in an expression")

    @staticmethod
    def _shifted(value: Vector, distance: Vector, left: bool) -> Vector:
        if not all(isinstance(bit, bool) for bit in distance):
            raise unsupported("a shift by a distance that is not constant")
        places = min(sum(1 << place for place, bit in enumerate(distance) if bit), len(value))
        if left:
            return (*[False] * places, *value[: len(value) - places])
        return (*value[places:], *[False] * places)


BITWISE: dict[str, Callable[[Node, Node], Node]] = {
    "BIT_AND": logic.both,
    "BIT_OR": logic.either,
    "BIT_XOR": logic.differ,
    "LOGIC_AND": logic.both,
    "LOGIC_OR": logic.either,
}


def _less(left: Vector, right: Vector) -> Node:
    return logic.less(left, right, signed=False)


COMPARISONS: dict[str, Callable[[Vector, Vector], Node]] = {
    "EQUAL": logic.equal,
    "NOT_EQUAL": lambda left, right: logic.invert(logic.equal(left, right)),
    "LESS": _less,
    "LESS_EQUAL": lambda left, right: logic.invert(_less(right, left)),
    "GREATER": lambda left, right: _less(right, left),
    "GREATER_EQUAL": lambda left, right: logic.invert(_less(left, right)),
}
ARITHMETIC: dict[str, Callable[[Vector, Vector, Spill], Vector]] = {
    "ADD": logic.add,
    "SUB": logic.subtract,
    "MUL": logic.multiply,
}
