"""The functions of the language."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

from openqasm3 import ast

from core.openqasm import logic
from core.openqasm.budget import NODE, ProgramBudget
from core.openqasm.errors import error_at, not_finite_at
from core.openqasm.expressions import Expressions
from core.openqasm.logic import Vector
from core.openqasm.output import Output
from core.openqasm.values import (
    FLOAT,
    INT,
    BitValues,
    Const,
    Type,
    Value,
    constant_bits,
    convert,
    is_integer,
    wrapped,
)


def _of_number(real: Callable[..., float], complex_: Callable[..., complex] | None = None) -> Any:
    def call(value: Any) -> Any:
        chosen = complex_ if isinstance(value, complex) else real
        if chosen is None:
            raise ValueError
        return chosen(value)

    return call


#: The functions of the language on one real number.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": _of_number(math.sin, cmath.sin),
    "cos": _of_number(math.cos, cmath.cos),
    "tan": _of_number(math.tan, cmath.tan),
    "arcsin": _of_number(math.asin),
    "arccos": _of_number(math.acos),
    "arctan": _of_number(math.atan),
    "asin": _of_number(math.asin),
    "acos": _of_number(math.acos),
    "atan": _of_number(math.atan),
    "exp": _of_number(math.exp, cmath.exp),
    "log": _of_number(math.log),
    "ln": _of_number(math.log),
    "sqrt": _of_number(math.sqrt, cmath.sqrt),
    "floor": _of_number(math.floor),
    "ceiling": _of_number(math.ceil),
    "real": lambda value: complex(value).real,
    "imag": lambda value: complex(value).imag,
}
#: Functions of bits or of several numbers.
_SPECIAL = frozenset({"popcount", "rotl", "rotr", "mod", "pow", "abs", "max", "min"})
_NAMES = _SPECIAL | FUNCTIONS.keys()


def calls_subroutine(node: object) -> bool:
    """Tell whether a part of an expression calls a subroutine, which may apply gates and measure."""
    if isinstance(node, list | tuple):
        return any(map(calls_subroutine, node))
    if not isinstance(node, ast.QASMNode):
        return False
    if isinstance(node, ast.FunctionCall) and node.name.name not in _NAMES:
        return True
    return any(map(calls_subroutine, vars(node).values()))


class Functions:
    """Calls functions.

    Args:
        expressions: works out arguments.
        output: the circuit.
        budget: what is left of the bounds.
        subroutine: calls a subroutine of the program.
    """

    def __init__(
        self,
        expressions: Expressions,
        output: Output,
        budget: ProgramBudget,
        subroutine: Callable[[ast.FunctionCall], Value],
    ) -> None:
        self._expressions = expressions
        self._output = output
        self._budget = budget
        self._subroutine = subroutine

    def call(self, node: ast.FunctionCall) -> Value:
        """Return the value of a function or a subroutine.

        Raises:
            ProgramError: there is none for these arguments.
        """
        name = node.name.name
        if name in _SPECIAL:
            return self._special(name, node)
        if name not in FUNCTIONS:
            return self._subroutine(node)
        if len(node.arguments) != 1:
            raise error_at(node, f"{name} takes 1 argument, not {len(node.arguments)}")
        argument = self._expressions.value(node.arguments[0], real=True)
        if isinstance(argument, BitValues):
            raise error_at(node, f"the argument of {name} cannot depend on a measurement")
        if isinstance(argument.value, list) or argument.type.kind == "duration":
            raise error_at(node, f"{name} is for numbers")
        try:
            found = FUNCTIONS[name](argument.value)
        except (ValueError, OverflowError, ZeroDivisionError):
            raise not_finite_at(node, f"{name} of this") from None
        if isinstance(found, int):
            return Const(found, INT)
        return Const(found, Type("complex") if isinstance(found, complex) else FLOAT)

    def _special(self, name: str, node: ast.FunctionCall) -> Value:
        wanted = 1 if name in ("popcount", "abs") else 2
        if len(node.arguments) != wanted:
            raise error_at(node, f"{name} takes {wanted} arguments, not {len(node.arguments)}")
        if name in ("abs", "max", "min"):
            return self._extreme(name, node)
        first = self._expressions.value(node.arguments[0])
        if name in ("mod", "pow"):
            second = self._expressions.value(node.arguments[1])
            return self._expressions.operators.combined({"mod": "%", "pow": "**"}[name], first, second, node)
        if isinstance(first, Const) and not is_integer(first):
            raise error_at(node, f"{name} is for bits")
        nodes = first.nodes if isinstance(first, BitValues) else constant_bits(first, node)
        width = len(nodes)
        if name == "popcount":
            return self._popcount(nodes, node)
        distance = self._expressions.integer(node.arguments[1], "a distance")
        turns = (distance if name == "rotl" else -distance) % width
        rotated = nodes[width - turns :] + nodes[: width - turns]
        if isinstance(first, BitValues):
            return BitValues(rotated, first.type)
        number = sum(int(bool(bit)) << place for place, bit in enumerate(rotated))
        return Const(wrapped(number, first.type, node), first.type)

    def _extreme(self, name: str, node: ast.FunctionCall) -> Value:
        """Return the outcome of `abs`, `max` or `min`; arguments may have effects and are worked out once."""
        types, numbers = [], []
        for argument in node.arguments:
            value = self._expressions.value(argument, real=True)
            if isinstance(value, BitValues):
                raise error_at(argument, f"{name} cannot depend on a measurement")
            types.append(value.type if is_integer(value) else FLOAT)
            numbers.append(convert(value, FLOAT, argument).value)
        number = abs(numbers[0]) if name == "abs" else max(numbers) if name == "max" else min(numbers)
        return convert(Const(number, FLOAT), types[0], node)

    def _popcount(self, nodes: Vector, node: ast.QASMNode) -> Value:
        if all(isinstance(bit, bool) for bit in nodes):
            return Const(sum(map(bool, nodes)), Type("uint"))
        width = len(nodes).bit_length()
        self._budget.steps(5 * NODE * width * len(nodes), node)
        total: Vector = logic.constant(0, width)
        for bit in nodes:
            total = logic.add(total, logic.constant(0, width), self._output.spill(node), carry=bit)
        return BitValues(total, Type("uint", width))
