"""Values of a program's expressions: numbers that are known now, and bits that are known when it runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from openqasm3 import ast

from core.openqasm.errors import ProgramError, error_at, not_finite_at
from core.openqasm.logic import Vector, constant

#: Bits of the largest integer that is worked out.
MAX_BITS = 4_096
#: Bits of a register or a type, and distance of a shift.
MAX_WIDTH = 4_096
#: Bits of `int` and `uint` without a size, where their bits matter.
DEFAULT_WIDTH = 32

_INTEGERS = frozenset({"bool", "bit", "bits", "int", "uint"})


@dataclass(frozen=True)
class Type:
    """A classical type.

    Attributes:
        kind: `bool`, `bit` (one), `bits` (a register), `int`, `uint`, `float`, `angle`, `complex`, `duration`
            or `void`.
        width: its bits; None if the program gives no size.
    """

    kind: str
    width: int | None = None

    @property
    def is_real(self) -> bool:
        """Whether its values are real or complex numbers, so that `1/2` is one half."""
        return self.kind in ("float", "angle", "complex")

    @property
    def named(self) -> str:
        """The type with its article."""
        return f"{'an' if self.kind[0] in 'ai' else 'a'} {self}"

    def __str__(self) -> str:
        name = "bit" if self.kind == "bits" else self.kind
        sized = self.width is not None and self.kind not in ("bool", "bit")
        return f"{name}[{self.width}]" if sized else name


BOOL = Type("bool", 1)
BIT = Type("bit", 1)
INT = Type("int")
FLOAT = Type("float")


@dataclass(frozen=True)
class Const:
    """A value that is known before the circuit runs.

    Attributes:
        value: a bool, int, float, complex, or a list of such.
        type: its type; of a list, the type of its elements.
        literal: whether only numbers in the program's text are in it, no variable.
    """

    value: Any
    type: Type
    literal: bool = False


@dataclass(frozen=True)
class BitValues:
    """A value that is known when the circuit runs.

    Attributes:
        nodes: its bits, the lowest first.
        type: its type.
        wide: whether an operand that it was calculated from has more bits than a type without a size.
    """

    nodes: Vector
    type: Type
    wide: bool = False

    @property
    def signed(self) -> bool:
        """Whether the highest bit is the sign."""
        return self.type.kind == "int"


Value = Const | BitValues


def without_literal(value: Value) -> Value:
    """Return what the value is of a variable or a call: a division of it by a whole number is whole."""
    return replace(value, literal=False) if isinstance(value, Const) and value.literal else value


def is_wide(value: Value) -> bool:
    """Tell whether a whole number has, or was calculated from, more bits than a type without a size."""
    if isinstance(value, Const):
        return int(value.value).bit_length() > DEFAULT_WIDTH
    return len(value.nodes) > DEFAULT_WIDTH and (value.wide or value.type.width is not None)


def is_integer(value: Const) -> bool:
    """Tell whether a value is a whole number or bits."""
    return value.type.kind in _INTEGERS and not isinstance(value.value, list)


def wrapped(value: int, kind: Type, node: ast.QASMNode) -> int:
    """Return an integer in the range of its type.

    Raises:
        ProgramError: a `uint` without a size is negative, or the number is too large.
    """
    if abs(value).bit_length() > MAX_BITS:
        raise error_at(node, f"a number has over {MAX_BITS} bits")
    if kind.width is None:
        if kind.kind == "uint" and value < 0:
            raise error_at(node, f"{value} is negative, and so not a uint")
        return value
    value &= (1 << kind.width) - 1
    if kind.kind == "int" and value >> (kind.width - 1):
        value -= 1 << kind.width
    return value


def too_wide_at(node: ast.QASMNode, what: str, kind: Type) -> ProgramError:
    """Return the error of what has more bits than a type without a size has where its bits matter."""
    return error_at(node, f"{what} does not fit in the {DEFAULT_WIDTH} bits of {kind}; give the type a size")


def constant_bits(value: Const, node: ast.QASMNode) -> Vector:
    """Return the bits of an integer that is known now.

    Raises:
        ProgramError: its type has no size, and it is too large.
    """
    number, width = int(value.value), value.type.width
    if width is None:
        width = DEFAULT_WIDTH
        least, end = (0, 1 << width) if value.type.kind == "uint" else (-1 << (width - 1), 1 << (width - 1))
        if not least <= number < end:
            raise too_wide_at(node, f"{number}", value.type)
    return constant(number, width)


def convert(value: Const, kind: Type, node: ast.QASMNode) -> Const:
    """Return a value as another type.

    Raises:
        ProgramError: it has no meaning there.
    """
    source = value.value
    if isinstance(source, list) or value.type.kind == "void":
        raise error_at(node, f"this is not {kind.named}")
    if (kind.kind == "duration") != (value.type.kind == "duration"):
        raise error_at(node, f"{value.type} cannot be converted to {kind}")
    if isinstance(source, complex):
        if kind.kind != "complex":
            raise error_at(node, f"a complex number is not {kind.named}")
        return replace(value, type=kind)
    if kind.kind in ("bool", "bit"):
        return Const(bool(source), kind, value.literal)
    if kind.kind in _INTEGERS:
        if isinstance(source, float):
            if not math.isfinite(source):
                raise not_finite_at(node)
            source = math.trunc(source)
        if kind.kind == "bits" and value.type.kind == "bits" and value.type.width != kind.width:
            raise error_at(node, f"{value.type} has another size than {kind}")
        if kind.kind == "bits" and source >= 0 and source.bit_length() > (kind.width or 0):
            raise error_at(node, f"{source} has more bits than {kind}")
        return Const(wrapped(int(source), kind, node), kind, value.literal)
    try:
        if kind.kind == "complex":
            return Const(complex(source), kind, value.literal)
        source = float(source)
    except OverflowError:
        raise not_finite_at(node) from None
    if kind.kind == "angle" and kind.width is not None and math.isfinite(source):
        # Full turns are removed first, since a large angle has more steps than a float can count.
        source = _turned(round(_steps(math.remainder(source, math.tau), kind)), kind)
    return Const(source, kind, value.literal)


def _steps(angle: float, kind: Type) -> float:
    """Return an angle in units of the smallest angle of a type with a size."""
    return angle / math.tau * (1 << min(kind.width or 0, 52))


def _turned(steps: int, kind: Type) -> float:
    """Return the angle of so many of a type's smallest ones, less than a full turn."""
    full = 1 << min(kind.width or 0, 52)
    return steps % full * math.tau / full


def arithmetic(operator: str, left: Const, right: Const, node: ast.QASMNode, real: bool) -> Const:
    """Return the outcome of `+ - * / % **`.

    Args:
        operator: the operator.
        left: the first operand.
        right: the second.
        node: where it stands.
        real: whether a real number is wanted: then `1/2` of two literals is 0.5.

    Raises:
        ProgramError: it cannot be worked out.
    """
    if isinstance(left.value, list) or isinstance(right.value, list):
        raise error_at(node, "arrays have no arithmetic")
    if operator == "%" and "complex" in (left.type.kind, right.type.kind):
        raise error_at(node, "% is for real numbers")
    literal = left.literal and right.literal
    try:
        if "duration" in (left.type.kind, right.type.kind):
            return _durations(operator, left, right, node)
        if (angle := _of_angles(operator, left, right)) is not None:
            return angle
        if is_integer(left) and is_integer(right):
            whole = _integers(operator, int(left.value), int(right.value), node, real and literal)
            if isinstance(whole, float):
                return Const(whole, FLOAT, literal)
            kind = joined(left.type, right.type)
            return Const(wrapped(whole, kind, node), kind, literal)
        number = _reals(operator, left.value, right.value)
    except ZeroDivisionError:
        raise error_at(node, "division by zero") from None
    except (OverflowError, ValueError):
        raise not_finite_at(node) from None
    if isinstance(number, complex):
        return Const(number, Type("complex"), literal)
    if not math.isfinite(number):
        raise not_finite_at(node)
    angles = "angle" in (left.type.kind, right.type.kind) and operator in ("+", "-", "*", "/")
    both = left.type.kind == right.type.kind == "angle"
    return Const(number, Type("angle") if angles and not (both and operator == "/") else FLOAT, literal)


def _of_angles(operator: str, left: Const, right: Const) -> Const | None:
    """Return the outcome of an operator for angles with a size, modulo a full turn; None for others."""
    types = [value.type for value in (left, right) if value.type.kind == "angle"]
    if not types or any(kind.width is None for kind in types):
        return None
    kind = max(types, key=lambda one: one.width or 0)
    one, other = (
        round(_steps(value.value, kind)) if value.type.kind == "angle" else value.value
        for value in (left, right)
    )
    if len(types) == 2 and operator in ("+", "-"):
        return Const(_turned(one + other if operator == "+" else one - other, kind), kind)
    if len(types) == 2 and operator == "/":
        return Const(one // other, Type("uint"))
    if not all(isinstance(steps, int) for steps in (one, other)):
        return None
    if len(types) == 1 and operator == "*":
        return Const(_turned(one * other, kind), kind)
    if len(types) == 1 and operator == "/" and left.type.kind == "angle" and other > 0:
        return Const(_turned(one // other, kind), kind)
    return None


def _durations(operator: str, left: Const, right: Const, node: ast.QASMNode) -> Const:
    duration = Type("duration")
    kinds = left.type.kind == "duration", right.type.kind == "duration"
    if kinds == (True, True) and operator in ("+", "-"):
        return Const(left.value + right.value if operator == "+" else left.value - right.value, duration)
    if kinds != (True, True) and operator == "*":
        return Const(left.value * right.value, duration)
    if kinds[0] and operator == "/" and right.value:
        return Const(left.value / right.value, FLOAT if kinds[1] else duration)
    raise error_at(node, f"durations have no {operator!r} of this kind")


def joined(left: Type, right: Type) -> Type:
    """Return the type of the sum of two integers: it has a size if both have one."""
    kind = "uint" if left.kind == right.kind == "uint" else "int"
    sized = all(one.kind in ("int", "uint") and one.width is not None for one in (left, right))
    return Type(kind, max(left.width or 0, right.width or 0) if sized else None)


def _integers(operator: str, left: int, right: int, node: ast.QASMNode, real: bool) -> int | float:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "/":
        if real and left % right:
            return left / right
        return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    if operator == "%":
        return abs(left) % abs(right) * (-1 if left < 0 else 1)
    if right < 0:
        return float(left) ** right
    if left not in (0, 1, -1) and right * left.bit_length() > MAX_BITS:
        raise error_at(node, f"a number has over {MAX_BITS} bits")
    return int(left**right)


def _reals(operator: str, left: Any, right: Any) -> Any:
    operations: dict[str, Callable[[], Any]] = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
        "%": lambda: math.fmod(left, right),
        "**": lambda: _power(left, right),
    }
    return operations[operator]()


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, complex) or isinstance(right, complex):
        return left**right
    return math.pow(left, right)


CONSTANTS = {
    "pi": math.pi,
    "π": math.pi,
    "tau": math.tau,
    "τ": math.tau,
    "euler": math.e,
    "ℇ": math.e,
}
