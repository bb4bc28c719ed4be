"""Operators: of numbers the outcome now, of values that depend on a measurement as functions of bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openqasm3 import ast

from core.openqasm import logic
from core.openqasm.budget import NODE, ProgramBudget
from core.openqasm.errors import error_at
from core.openqasm.logic import Node, Vector
from core.openqasm.notes import Notes
from core.openqasm.output import Output
from core.openqasm.values import (
    BIT,
    BOOL,
    INT,
    MAX_WIDTH,
    BitValues,
    Const,
    Type,
    Value,
    arithmetic,
    constant_bits,
    convert,
    is_integer,
    is_wide,
    joined,
    wrapped,
)

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_BITWISE: dict[str, Callable[[int, int], int]] = {
    "&": lambda left, right: left & right,
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
}
#: Bits of a product that depends on a measurement.
MAX_PRODUCT = 64


class Operators:
    """Applies operators.

    Args:
        output: the circuit.
        budget: what is left of the bounds.
        notes: gets remarks on the program.
    """

    def __init__(self, output: Output, budget: ProgramBudget, notes: Notes) -> None:
        self._output = output
        self._budget = budget
        self._notes = notes

    def unary(self, operator: str, value: Value, node: ast.QASMNode) -> Value:
        """Return the outcome of `!`, `~` or `-`.

        Raises:
            ProgramError: the value has none.
        """
        if operator == "!":
            return as_bool(logic.invert(truth(value, node)))
        if isinstance(value, BitValues):
            if operator == "~":
                return BitValues(tuple(map(logic.invert, value.nodes)), value.type, is_wide(value))
            sized = value.type.kind in ("int", "uint") and value.type.width is not None
            # Without a size there is room for the outcome of any value.
            room = len(value.nodes) + (0 if sized else 1)
            self._budget.steps(NODE * room, node)
            zero = logic.constant(0, room)
            outcome = logic.subtract(zero, _vector(value, room), self._output.spill(node))
            return BitValues(outcome, value.type if sized else INT, is_wide(value))
        if isinstance(value.value, list):
            raise error_at(node, "arrays have no arithmetic")
        if operator == "-":
            kind = INT if value.type.kind in ("bool", "bit", "bits") else value.type
            if is_integer(value):
                kind = Type("int", None) if value.type.width is None else kind
                return Const(wrapped(-int(value.value), kind, node), kind, value.literal)
            # Converted, since an angle with a size is less than a full turn.
            return convert(Const(-value.value, value.type, value.literal), value.type, node)
        if not is_integer(value):
            raise error_at(node, f"~ is for bits and whole numbers, not for {value.type}")
        if value.type.kind in ("bool", "bit"):
            return Const(not value.value, value.type)
        width = value.type.width or (len(constant_bits(value, node)) if value.type.kind == "uint" else None)
        inverse = ~value.value if width is None else ~value.value & ((1 << width) - 1)
        kind = value.type if value.type.width or value.type.kind != "uint" else Type("uint", width)
        return Const(wrapped(inverse, kind, node), kind)

    def combined(
        self, operator: str, left: Value, right: Value, node: ast.QASMNode, real: bool = False
    ) -> Value:
        """Return the outcome of an operator between two values.

        Args:
            operator: the operator, but not `&&` and `||`.
            left: the first operand.
            right: the second.
            node: where it stands.
            real: whether a real number is wanted.

        Raises:
            ProgramError: there is none.
        """
        if isinstance(left, BitValues) or isinstance(right, BitValues):
            return self._of_bits(operator, left, right, node)
        if isinstance(left.value, list) or isinstance(right.value, list):
            raise error_at(node, "arrays have no arithmetic")
        if operator in _COMPARISONS:
            try:
                return Const(_COMPARISONS[operator](left.value, right.value), BOOL)
            except TypeError:
                raise error_at(node, "these values cannot be compared") from None
        if operator in _BITWISE or operator in ("<<", ">>"):
            return _bitwise(operator, left, right, node)
        if real and operator == "/" and is_integer(left) and is_integer(right):
            self._note_division(left, right, node)
        return arithmetic(operator, left, right, node, real)

    def _note_division(self, left: Const, right: Const, node: ast.QASMNode) -> None:
        if not right.value or not left.value % right.value:
            return
        if left.literal and right.literal:
            self._notes.add_at(node, f"{left.value}/{right.value} is calculated as a real number")
        else:
            text = "a division of whole numbers gives a whole number, as the language has it"
            self._notes.add_at(node, text)

    def _of_bits(self, operator: str, left: Value, right: Value, node: ast.QASMNode) -> Value:
        for operand in (left, right):
            if isinstance(operand, Const) and not is_integer(operand):
                raise error_at(
                    node, f"{operand.type} and a value that depends on a measurement cannot be combined"
                )
        wide = is_wide(left) or is_wide(right)
        widths = [_width(operand) for operand in (left, right)]
        bits = widths[0] * widths[1] if operator == "*" else max(widths)
        self._budget.steps(NODE * bits, node)
        if operator in ("<<", ">>"):
            if isinstance(right, BitValues) or isinstance(left, Const):
                raise error_at(node, "the distance of a shift cannot depend on a measurement")
            return BitValues(_shifted(operator, left, int(right.value), node), left.type, is_wide(left))
        if operator in ("/", "%", "**"):
            raise error_at(node, f"{operator} is not supported for values that depend on a measurement")
        if operator in _COMPARISONS:
            kind, one, other = _common(left, right)
            return as_bool(_compared(operator, one, other, signed=kind.kind == "int"))
        if operator in _BITWISE:
            kind, one, other = _common(left, right)
            combine = {"&": logic.both, "|": logic.either, "^": logic.differ}[operator]
            return BitValues(tuple(map(combine, one, other)), kind, wide)
        kind, one, other = _widened(operator, left, right, node)
        combine_all = {"+": logic.add, "-": logic.subtract, "*": logic.multiply}[operator]
        return BitValues(combine_all(one, other, self._output.spill(node)), kind, wide)


def truth(value: Value, node: ast.QASMNode) -> Node:
    """Return whether a value is true, as a function of bits."""
    if isinstance(value, BitValues):
        return logic.any_of(value.nodes)
    return bool(convert(value, BOOL, node).value)


def as_bool(node: Node) -> Value:
    """Return a function of bits as a value."""
    return Const(node, BOOL) if isinstance(node, bool) else BitValues((node,), BOOL)


def _bitwise(operator: str, left: Const, right: Const, node: ast.QASMNode) -> Const:
    if not is_integer(left) or not is_integer(right):
        raise error_at(node, f"{operator} is for bits and whole numbers")
    one, other = int(left.value), int(right.value)
    if operator in _BITWISE:
        kind, _ = _common_type(left, right)
        outcome = wrapped(_BITWISE[operator](one, other), kind, node)
        return Const(outcome, kind, left.literal and right.literal)
    if other < 0 or other > MAX_WIDTH:
        raise error_at(node, f"a shift by {other} is not possible")
    if operator == ">>":
        return Const(one >> other, left.type)
    return Const(wrapped(one << other, left.type, node), left.type)


def _shifted(operator: str, value: BitValues, distance: int, node: ast.QASMNode) -> Vector:
    if distance < 0:
        raise error_at(node, f"a shift by {distance} is not possible")
    width = len(value.nodes)
    distance = min(distance, width)
    if operator == "<<":
        return (*[False] * distance, *value.nodes)[:width]
    filler = value.nodes[-1] if value.signed else False
    return (*value.nodes[distance:], *[filler] * distance)


def _common_type(left: Value, right: Value) -> tuple[Type, int]:
    """Return the type of what a bitwise operator makes of two values, and a width that has room for both.

    The type has no size if neither operand has one.
    """
    both = (left, right)
    # A number in the program's text has the type of the other operand.
    kinds = {value.type.kind for value in both if not _is_number(value)} or {"int"}
    signed = any(map(_is_signed, both))
    width = max(
        max(_width(value), value.type.width or 1) + int(signed and not _has_sign(value)) for value in both
    )
    sized = any(value.type.width is not None for value in both)
    if signed:
        return Type("int", width if sized else None), width
    if kinds <= {"bool", "bit"} and width == 1 and not any(map(_is_number, both)):
        return BOOL if "bool" in kinds else BIT, width
    kind = "bits" if kinds <= {"bits", "bit", "bool", "int"} and "bits" in kinds else "uint"
    if not sized:
        # Without a negative operand, the highest of bits is no sign; of a number that is known it may be one.
        known = isinstance(left, Const) and isinstance(right, Const)
        return (INT if known and kinds != {"uint"} else Type("uint")), width
    return Type(kind, width), width


def _is_number(value: Value) -> bool:
    """Tell whether a value is a whole number in the program's text."""
    return isinstance(value, Const) and value.literal and value.type.width is None


def _has_sign(value: Value) -> bool:
    """Tell whether the highest bit of a value's type is the sign."""
    sized = isinstance(value, BitValues) or value.type.width is not None
    return value.type.kind == "int" and sized


def _is_signed(value: Value) -> bool:
    return _has_sign(value) or (isinstance(value, Const) and value.value < 0)


def _common(left: Value, right: Value) -> tuple[Type, Vector, Vector]:
    """Return two values as vectors of one width, and the type of a bitwise operator's outcome."""
    kind, width = _common_type(left, right)
    return kind, _vector(left, width), _vector(right, width)


def _vector(value: Value, width: int) -> Vector:
    """Return a value as so many bits."""
    if isinstance(value, BitValues):
        return logic.resize(value.nodes, width, value.signed)
    return logic.constant(int(value.value), width)


def _width(value: Value) -> int:
    if isinstance(value, BitValues):
        return len(value.nodes)
    return max(1, int(value.value).bit_length(), value.type.width or 1 if value.type.kind == "bits" else 1)


def _widened(operator: str, left: Value, right: Value, node: ast.QASMNode) -> tuple[Type, Vector, Vector]:
    """Return the operands of arithmetic as vectors that have room for its outcome, and the outcome's type.

    Raises:
        ProgramError: the outcome is too large.
    """
    kind = joined(left.type, right.type)
    width = kind.width
    signed = kind.kind == "int" and (
        operator == "-"
        or any(value.signed if isinstance(value, BitValues) else value.value < 0 for value in (left, right))
        or width is not None
    )
    if width is None:
        sizes = [_width(value) + (1 if signed else 0) for value in (left, right)]
        width = sum(sizes) if operator == "*" else max(sizes) + 1
        if operator == "*" and width > MAX_PRODUCT:
            raise error_at(node, f"a product that depends on a measurement has over {MAX_PRODUCT} bits")
        kind = Type("int" if signed else "uint")
    return kind, _vector(left, width), _vector(right, width)


def _compared(operator: str, left: Vector, right: Vector, signed: bool) -> Node:
    if operator in ("==", "!="):
        same = logic.equal(left, right)
        return same if operator == "==" else logic.invert(same)
    if operator in ("<", ">="):
        smaller = logic.less(left, right, signed)
        return smaller if operator == "<" else logic.invert(smaller)
    larger = logic.less(right, left, signed)
    return larger if operator == ">" else logic.invert(larger)
