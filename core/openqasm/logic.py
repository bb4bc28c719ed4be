"""Boolean functions of classical bits, whose values are known only when the circuit runs.

Numbers are vectors of such functions, the lowest bit first. Backends evaluate and, or, exclusive or and not
on single bits; arithmetic is reduced to these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

from qiskit.circuit import Clbit
from qiskit.circuit.classical import expr

#: Operations of a function beyond which `add` and `multiply` store an intermediate result in a bit.
LARGE = 24


@dataclass(frozen=True, eq=False)
class Operation:
    """A function of two others, or the negation of one.

    Attributes:
        kind: `and`, `or`, `xor` or `not`.
        left: the first argument.
        right: the second; for `not` the same as the first.
        size: number of operations in it.
        path: sum of the depths of its operations, which is what Qiskit's visitors of expressions take.
    """

    kind: str
    left: Node
    right: Node
    size: int
    path: int


#: A function: a constant, a bit, or an operation.
Node: TypeAlias = "bool | Clbit | Operation"
Vector: TypeAlias = "tuple[Node, ...]"
#: Stores a function in a bit and returns the bit.
Spill: TypeAlias = "Callable[[Node], Node]"


def size_of(node: Node) -> int:
    """Return the number of operations of a function."""
    return node.size if isinstance(node, Operation) else 0


def path_of(node: Node) -> int:
    """Return the sum of the depths of the operations of a function."""
    return node.path if isinstance(node, Operation) else 0


def _operation(kind: str, left: Node, right: Node) -> Node:
    size = size_of(left) + size_of(right) + 1
    return Operation(kind, left, right, size, path_of(left) + path_of(right) + size)


def invert(node: Node) -> Node:
    """Return the negation."""
    if isinstance(node, bool):
        return not node
    if isinstance(node, Operation) and node.kind == "not":
        return node.left
    size = size_of(node) + 1
    return Operation("not", node, node, size, path_of(node) + size)


def both(left: Node, right: Node) -> Node:
    """Return the conjunction."""
    if isinstance(left, bool):
        return right if left else False
    if isinstance(right, bool):
        return left if right else False
    return left if left is right else _operation("and", left, right)


def either(left: Node, right: Node) -> Node:
    """Return the disjunction."""
    if isinstance(left, bool):
        return True if left else right
    if isinstance(right, bool):
        return True if right else left
    return left if left is right else _operation("or", left, right)


def differ(left: Node, right: Node) -> Node:
    """Return the exclusive or."""
    if isinstance(left, bool):
        return invert(right) if left else right
    if isinstance(right, bool):
        return invert(left) if right else left
    return False if left is right else _operation("xor", left, right)


def _balanced(combine: Callable[[Node, Node], Node], nodes: Sequence[Node], empty: bool) -> Node:
    """Combine nodes pairwise: a chain would be as deep as it is long."""
    level = list(nodes) or [empty]
    while len(level) > 1:
        level = [reduce(combine, level[place : place + 2]) for place in range(0, len(level), 2)]
    return level[0]


def any_of(nodes: Sequence[Node]) -> Node:
    """Return whether one of several functions is true."""
    return _balanced(either, nodes, False)


def constant(value: int, width: int) -> Vector:
    """Return a number in two's complement."""
    return tuple(bool(value >> place & 1) for place in range(width))


def resize(vector: Vector, width: int, signed: bool) -> Vector:
    """Return a number with another width."""
    filler = vector[-1] if signed and vector else False
    return (*vector[:width], *[filler] * (width - len(vector)))


def equal(left: Vector, right: Vector) -> Node:
    """Return whether two vectors of one width are the same."""
    return invert(any_of([differ(one, other) for one, other in zip(left, right, strict=True)]))


def less(left: Vector, right: Vector, signed: bool) -> Node:
    """Return whether the first of two numbers of one width is smaller."""
    if signed:
        left = (*left[:-1], invert(left[-1]))
        right = (*right[:-1], invert(right[-1]))
    # Whether the first is smaller, and whether they are equal, of successive bits: halves are joined, since a
    # chain would be as deep as it is long.
    level: list[tuple[Node, Node]] = [
        (both(invert(one), other), invert(differ(one, other))) for one, other in zip(left, right, strict=True)
    ]
    while len(level) > 1:
        joined = [
            (either(high[0], both(high[1], low[0])), both(high[1], low[1]))
            for low, high in zip(level[::2], level[1::2], strict=False)
        ]
        level = joined + level[len(level) // 2 * 2 :]
    return level[0][0] if level else False


def add(left: Vector, right: Vector, spill: Spill, carry: Node = False) -> Vector:
    """Return the sum of two numbers of one width, modulo its range."""
    total: list[Node] = []
    for one, other in zip(left, right, strict=True):
        half = differ(one, other)
        total.append(differ(half, carry))
        carry = either(both(one, other), both(half, carry))
        if size_of(carry) > LARGE:
            carry = spill(carry)
    return tuple(total)


def subtract(left: Vector, right: Vector, spill: Spill) -> Vector:
    """Return the difference of two numbers of one width, modulo its range."""
    return add(left, tuple(map(invert, right)), spill, carry=True)


def multiply(left: Vector, right: Vector, spill: Spill) -> Vector:
    """Return the product of two numbers of one width, modulo its range."""
    width = len(left)
    total: Vector = constant(0, width)
    for place, digit in enumerate(right):
        if digit is not False:
            shifted = (*[False] * place, *left)[:width]
            total = add(total, tuple(both(digit, bit) for bit in shifted), spill)
            total = tuple(spill(bit) if size_of(bit) > LARGE else bit for bit in total)
    return total


def bits_of(node: Node) -> set[Clbit]:
    """Return the classical bits that a function depends on."""
    bits: set[Clbit] = set()
    # Parts occur several times, the argument of a negation in any case: each is looked at once.
    seen: set[int] = set()
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, Operation):
            if id(part) not in seen:
                seen.add(id(part))
                todo += (part.left, part.right)
        elif not isinstance(part, bool):
            bits.add(part)
    return bits


def expression(node: Node) -> expr.Expr:
    """Return a function as Qiskit's expression."""
    if not isinstance(node, Operation):
        return expr.lift(node)
    if node.kind == "not":
        return expr.logic_not(expression(node.left))
    combine = {"and": expr.logic_and, "or": expr.logic_or, "xor": expr.bit_xor}[node.kind]
    return combine(expression(node.left), expression(node.right))
