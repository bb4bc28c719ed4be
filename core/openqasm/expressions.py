"""Works out expressions: numbers now, functions of classical bits as such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openqasm3 import ast

from core.openqasm import logic
from core.openqasm.budget import INDICES, ProgramBudget
from core.openqasm.errors import error_at
from core.openqasm.logic import Node, Vector
from core.openqasm.operators import Operators, as_bool, truth
from core.openqasm.scope import Qubits, Scopes, Stored, Variable
from core.openqasm.values import (
    BIT,
    BOOL,
    CONSTANTS,
    DEFAULT_WIDTH,
    FLOAT,
    INT,
    MAX_WIDTH,
    BitValues,
    Const,
    Type,
    Value,
    constant_bits,
    convert,
    is_integer,
    is_wide,
    too_wide_at,
    without_literal,
)

_TYPES = {ast.IntType: "int", ast.UintType: "uint", ast.FloatType: "float", ast.AngleType: "angle"}
#: Seconds of a unit of time; a `dt` is the backend's.
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "dt": 1e-9}


class Expressions:
    """Works out expressions.

    Args:
        scopes: the names.
        operators: applies operators.
        budget: what is left of the bounds.
    """

    def __init__(self, scopes: Scopes, operators: Operators, budget: ProgramBudget) -> None:
        self._scopes = scopes
        self.operators = operators
        self.budget = budget
        #: Calls a function or a subroutine, and measures; set by what carries out statements.
        self.call: Callable[[ast.FunctionCall], Value]
        self.measure: Callable[[ast.QuantumMeasurement], Value]

    def value(self, node: ast.QASMNode, real: bool = False) -> Value:
        """Return the value of an expression.

        Args:
            node: the expression.
            real: whether a real number is wanted.

        Raises:
            ProgramError: it has none.
        """
        self.budget.steps(1, node)
        match node:
            case ast.IntegerLiteral():
                return Const(node.value, INT, literal=True)
            case ast.FloatLiteral():
                return Const(node.value, FLOAT, literal=True)
            case ast.BooleanLiteral():
                return Const(node.value, BOOL, literal=True)
            case ast.BitstringLiteral():
                return Const(node.value, Type("bits", node.width), literal=True)
            case ast.ImaginaryLiteral():
                return Const(complex(0, node.value), Type("complex"), literal=True)
            case ast.DurationLiteral():
                return Const(node.value * _SECONDS[node.unit.name], Type("duration"))
            case ast.Identifier():
                return self._name(node)
            case ast.UnaryExpression():
                operand = self.value(node.expression, real)
                return self.operators.unary(node.op.name, operand, node)
            case ast.BinaryExpression():
                return self._binary(node, real)
            case ast.IndexExpression():
                return self._index(self.value(node.collection), node.index, node)
            case ast.IndexedIdentifier():
                value = self._name(node.name)
                for index in node.indices:
                    value = self._index(value, index, node)
                return value
            case ast.Cast():
                return self.converted(self.value(node.argument), self.type(node.type), node)
            case ast.FunctionCall():
                return self.call(node)
            case ast.ArrayLiteral():
                return Const([self._element(value) for value in node.values], INT)
            case ast.SizeOf():
                return self._size_of(node)
            case ast.QuantumMeasurement():
                return self.measure(node)
            case ast.DurationOf():
                raise error_at(node, "durationof is not supported: the backend chooses the timing")
        raise error_at(node, "this has no value here")

    def _element(self, node: ast.Expression) -> Any:
        value = self.value(node, real=True)
        if isinstance(value, BitValues):
            raise error_at(node, "an element of an array cannot depend on a measurement")
        return value.value

    def const(self, node: ast.QASMNode, kind: Type, what: str) -> Any:
        """Return a value that must be known before the circuit runs.

        Args:
            node: the expression.
            kind: the type of the value.
            what: what it is for, to say so.

        Raises:
            ProgramError: it depends on a measurement, or has no such value.
        """
        value = self.value(node, kind.is_real)
        if isinstance(value, BitValues):
            raise error_at(node, f"{what} cannot depend on a measurement")
        return convert(value, kind, node).value

    def integer(self, node: ast.QASMNode, what: str) -> int:
        """Return a whole number that is known before the circuit runs."""
        value = self.value(node)
        if isinstance(value, BitValues):
            raise error_at(node, f"{what} cannot depend on a measurement")
        if not is_integer(value) and not (isinstance(value.value, float) and value.value.is_integer()):
            raise error_at(node, f"{what} must be a whole number")
        return int(value.value)

    def real(self, node: ast.QASMNode, what: str) -> float:
        """Return a real number that is known before the circuit runs."""
        return float(self.const(node, FLOAT, what))

    def condition(self, node: ast.QASMNode) -> Node:
        """Return whether an expression is true."""
        return truth(self.value(node), node)

    def type(self, node: ast.QASMNode) -> Type:
        """Return the type that a program names."""
        if isinstance(node, ast.BoolType):
            return BOOL
        if isinstance(node, ast.BitType):
            return BIT if node.size is None else Type("bits", self.size(node.size, "a register"))
        if isinstance(node, ast.DurationType | ast.StretchType):
            return Type("duration")
        if isinstance(node, ast.ComplexType):
            return Type("complex")
        for kind, name in _TYPES.items():
            if isinstance(node, kind):
                size = getattr(node, "size", None)
                return Type(name, None if size is None else self.size(size, "a type"))
        raise error_at(node, "this type is not supported")

    def size(self, node: ast.QASMNode, what: str) -> int:
        """Return the size of a register or a type."""
        size = self.integer(node, "a size")
        if size < 1:
            raise error_at(node, f"the size {size} is not possible: {what} has 1 bit or more")
        if size > MAX_WIDTH:
            raise error_at(node, f"the size {size} is too large; at most {MAX_WIDTH} is possible")
        return size

    def converted(self, value: Value, kind: Type, node: ast.QASMNode) -> Value:
        """Return a value as another type."""
        if isinstance(value, Const):
            return convert(value, kind, node)
        if kind.kind in ("bool", "bit"):
            return BitValues((logic.any_of(value.nodes),), kind)
        if kind.kind not in ("bits", "int", "uint"):
            raise error_at(node, f"{kind.named} cannot depend on a measurement")
        if kind.kind == value.type.kind == "bits" and kind.width != value.type.width:
            raise error_at(node, f"{value.type} has another size than {kind}")
        if kind.width is None and is_wide(value):
            what = f"{value.type}" if value.type.width else f"a number of {len(value.nodes)} bits"
            raise too_wide_at(node, what, kind)
        return BitValues(logic.resize(value.nodes, kind.width or DEFAULT_WIDTH, value.signed), kind)

    def vector(self, value: Value, kind: Type, node: ast.QASMNode) -> Vector:
        """Return the bits of a value as a type."""
        value = self.converted(value, kind, node)
        if isinstance(value, BitValues):
            return value.nodes
        return constant_bits(value, node)

    def _name(self, node: ast.Identifier) -> Value:
        match self._scopes.find(node.name):
            case Qubits():
                raise error_at(node, f"{node.name!r} is a quantum register and has no value; measure it")
            case Stored(bits, kind):
                return BitValues(tuple(bits), kind)
            case Variable(value=None):
                raise error_at(node, f"{node.name!r} has no value yet")
            case Variable(value=value):
                assert value is not None
                return without_literal(value)
        if node.name in CONSTANTS:
            return Const(CONSTANTS[node.name], FLOAT, literal=True)
        if node.name.startswith("$"):
            raise error_at(node, f"{node.name} is a qubit and has no value; measure it")
        raise self._scopes.undeclared(node)

    def _binary(self, node: ast.BinaryExpression, real: bool) -> Value:
        operator = node.op.name
        left = self.value(node.lhs, real)
        if operator in ("&&", "||"):
            combine = logic.both if operator == "&&" else logic.either
            return as_bool(combine(truth(left, node.lhs), self.condition(node.rhs)))
        return self.operators.combined(operator, left, self.value(node.rhs, real), node, real)

    def indices(self, index: Any, size: int, node: ast.QASMNode) -> tuple[list[int], bool]:
        """Return the places that an index names, and whether it is a single one.

        Args:
            index: the index operator of the syntax tree.
            size: of what is indexed.
            node: where it stands.

        Raises:
            ProgramError: a place is outside.
        """
        if isinstance(index, list):
            if len(index) != 1:
                raise error_at(node, "a register has one index")
            index = index[0]
        if isinstance(index, ast.DiscreteSet):
            places = [self.integer(value, "an index") for value in index.values]
            single = False
        elif isinstance(index, ast.RangeDefinition):
            # Its limits are checked before it becomes a list, for which it may be too long.
            named = self.range(index, size)
            self.budget.steps(len(named) // INDICES, node)
            places, single = list(named), False
        else:
            places, single = [self.integer(index, "an index")], True
        for place in places:
            self._check_place(place, size, node)
        return [place % size for place in places], single

    def _check_place(self, place: int, size: int, node: ast.QASMNode) -> None:
        if not -size <= place < size:
            raise error_at(node, f"index {place} is outside of the {size} that there are")

    def range(self, node: ast.RangeDefinition, size: int | None = None) -> range:
        """Return the numbers of a range, whose end is part of it."""
        step = 1 if node.step is None else self.integer(node.step, "a step")
        if step == 0:
            raise error_at(node, "the step of a range must not be 0")
        if size is None and (node.start is None or node.end is None):
            raise error_at(node, "this range needs a start and an end")
        limits = []
        for place, default in ((node.start, 0), (node.end, -1)):
            number = default if step > 0 else -1 - default
            if place is not None:
                number = self.integer(place, "a limit")
                if size is not None:
                    self._check_place(number, size, place)
            limits.append(number + size if size is not None and number < 0 else number)
        return range(limits[0], limits[1] + (1 if step > 0 else -1), step)

    def _index(self, value: Value, index: Any, node: ast.QASMNode) -> Value:
        if isinstance(value, Const) and isinstance(value.value, list):
            inner: Any = value.value
            for part in index if isinstance(index, list) else [index]:
                if not isinstance(inner, list):
                    raise error_at(node, "an array has fewer dimensions than these indices")
                places, single = self.indices([part] if isinstance(index, list) else part, len(inner), node)
                inner = inner[places[0]] if single else [inner[place] for place in places]
            return Const(inner, value.type)
        if isinstance(value, Const):
            if not is_integer(value):
                raise error_at(node, f"{value.type} has no index")
            nodes = constant_bits(value, node)
        else:
            nodes = value.nodes
            if value.type.kind == "bit":
                raise error_at(node, "a single bit has no index")
        places, single = self.indices(index, len(nodes), node)
        chosen = tuple(nodes[place] for place in places)
        kind = BIT if single else Type("bits", len(chosen))
        if all(isinstance(part, bool) for part in chosen):
            return Const(sum(int(bool(part)) << place for place, part in enumerate(chosen)), kind)
        return BitValues(chosen, kind)

    def _size_of(self, node: ast.SizeOf) -> Value:
        dimension = 0 if node.index is None else self.integer(node.index, "a dimension")
        inner: Any = self.value(node.target)
        sizes = _sizes(inner)
        if not 0 <= dimension < len(sizes):
            raise error_at(node, f"there is no dimension {dimension}")
        return Const(sizes[dimension], Type("uint"))


def _sizes(value: Value) -> list[int]:
    if isinstance(value, BitValues):
        return [len(value.nodes)]
    sizes = []
    inner = value.value
    while isinstance(inner, list):
        sizes.append(len(inner))
        inner = inner[0] if inner else None
    return sizes or [value.type.width or 1]
