"""Works out expressions: numbers now, functions of classical bits as such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openqasm3 import ast

from core.openqasm import logic
from core.openqasm.budget import ProgramBudget
from core.openqasm.errors import error_at, not_finite_at
from core.openqasm.logic import Node, Vector
from core.openqasm.notes import Notes
from core.openqasm.output import Output
from core.openqasm.scope import Qubits, Scopes, Stored, Variable
from core.openqasm.values import (
    BIT,
    BOOL,
    CONSTANTS,
    DEFAULT_WIDTH,
    FLOAT,
    FUNCTIONS,
    INT,
    BitValues,
    Const,
    Type,
    Value,
    arithmetic,
    convert,
    is_integer,
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
_TYPES = {
    ast.IntType: "int",
    ast.UintType: "uint",
    ast.FloatType: "float",
    ast.AngleType: "angle",
}
#: Seconds of a unit of time; a `dt` is the backend's.
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "dt": 1e-9}
#: Elements of an array.
MAX_ELEMENTS = 10_000
#: Bits of a register or a type, and distance of a shift.
MAX_WIDTH = 4_096
#: Steps that an operation takes for each bit of values that depend on a measurement.
NODE = 10
#: Bits of a sum or product that depends on a measurement.
MAX_SUM = 64


class Expressions:
    """Works out expressions.

    Args:
        scopes: the names.
        output: the circuit.
        budget: what is left of the bounds.
        notes: gets remarks on the program.
    """

    def __init__(self, scopes: Scopes, output: Output, budget: ProgramBudget, notes: Notes) -> None:
        self._scopes = scopes
        self._output = output
        self._budget = budget
        self._notes = notes
        #: Calls a subroutine, and measures; set by what carries out statements.
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
        self._budget.steps(1, node)
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
                return self._unary(node, real)
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
                return self._function(node)
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
        value = self.value(node, real=kind.kind in ("float", "angle"))
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
        return self.truth(self.value(node), node)

    def truth(self, value: Value, node: ast.QASMNode) -> Node:
        """Return a value as a bool."""
        if isinstance(value, BitValues):
            return logic.any_of(value.nodes)
        return bool(convert(value, BOOL, node).value)

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
            raise error_at(node, f"a {kind} cannot depend on a measurement")
        if kind.kind == value.type.kind == "bits" and kind.width != value.type.width:
            raise error_at(node, f"{value.type} has another size than {kind}")
        return BitValues(logic.resize(value.nodes, kind.width or DEFAULT_WIDTH, value.signed), kind)

    def vector(self, value: Value, kind: Type, node: ast.QASMNode) -> Vector:
        """Return the bits of a value as a type."""
        value = self.converted(value, kind, node)
        if isinstance(value, BitValues):
            return value.nodes
        return logic.constant(int(value.value), kind.width or DEFAULT_WIDTH)

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
                return value
        if node.name in CONSTANTS:
            return Const(CONSTANTS[node.name], FLOAT, literal=True)
        raise error_at(node, f"{node.name!r} is not declared")

    def _unary(self, node: ast.UnaryExpression, real: bool) -> Value:
        value = self.value(node.expression, real)
        operator = node.op.name
        if operator == "!":
            truth = logic.invert(self.truth(value, node))
            return Const(truth, BOOL) if isinstance(truth, bool) else BitValues((truth,), BOOL)
        if isinstance(value, BitValues):
            if operator == "~":
                return BitValues(tuple(map(logic.invert, value.nodes)), value.type)
            zero = logic.constant(0, len(value.nodes))
            kind = Type("int", len(value.nodes))
            return BitValues(logic.subtract(zero, value.nodes, self._output.spill(node)), kind)
        if isinstance(value.value, list):
            raise error_at(node, "arrays have no arithmetic")
        if operator == "-":
            kind = INT if value.type.kind in ("bool", "bit", "bits") else value.type
            if is_integer(value):
                kind = Type("int", None) if value.type.width is None else kind
                return Const(wrapped(-int(value.value), kind, node), kind, value.literal)
            return Const(-value.value, value.type, value.literal)
        if not is_integer(value):
            raise error_at(node, f"~ is for bits and whole numbers, not for {value.type}")
        if value.type.kind in ("bool", "bit"):
            return Const(not value.value, value.type)
        width = value.type.width or (DEFAULT_WIDTH if value.type.kind == "uint" else None)
        inverse = ~value.value if width is None else ~value.value & ((1 << width) - 1)
        kind = value.type if value.type.width or value.type.kind != "uint" else Type("uint", width)
        return Const(wrapped(inverse, kind, node), kind)

    def _binary(self, node: ast.BinaryExpression, real: bool) -> Value:
        operator = node.op.name
        left = self.value(node.lhs, real)
        if operator in ("&&", "||"):
            combine = logic.both if operator == "&&" else logic.either
            return _truth(combine(self.truth(left, node.lhs), self.condition(node.rhs)))
        return self.combined(operator, left, self.value(node.rhs, real), node, real)

    def combined(
        self, operator: str, left: Value, right: Value, node: ast.QASMNode, real: bool = False
    ) -> Value:
        """Return the outcome of an operator between two values."""
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
        if real and operator == "/" and is_integer(left) and is_integer(right) and right.value:
            if not left.value % right.value:
                pass
            elif left.literal and right.literal:
                self._notes.add_at(node, f"{left.value}/{right.value} is calculated as a real number")
            elif left.value % right.value:
                self._notes.add_at(
                    node, "a division of whole numbers gives a whole number, as the language has it"
                )
        return arithmetic(operator, left, right, node, real)

    def _of_bits(self, operator: str, left: Value, right: Value, node: ast.QASMNode) -> Value:
        for operand in (left, right):
            if isinstance(operand, Const) and not is_integer(operand):
                raise error_at(
                    node, f"{operand.type} and a value that depends on a measurement cannot be combined"
                )
        widths = [_width(operand) for operand in (left, right)]
        bits = widths[0] * widths[1] if operator == "*" else max(widths)
        self._budget.steps(NODE * bits, node)
        if operator in ("<<", ">>"):
            if isinstance(right, BitValues) or isinstance(left, Const):
                raise error_at(node, "the distance of a shift cannot depend on a measurement")
            return BitValues(_shifted(operator, left, int(right.value), node), left.type)
        if operator in ("/", "%", "**"):
            raise error_at(node, f"{operator} is not supported for values that depend on a measurement")
        kind, one, other = _common(left, right)
        if operator in _COMPARISONS:
            return _truth(_compared(operator, one, other, signed=kind.kind == "int"))
        if operator in _BITWISE:
            combine = {"&": logic.both, "|": logic.either, "^": logic.differ}[operator]
            return BitValues(tuple(map(combine, one, other)), kind)
        kind, one, other = _widened(operator, left, right)
        combine_all = {"+": logic.add, "-": logic.subtract, "*": logic.multiply}[operator]
        return BitValues(combine_all(one, other, self._output.spill(node)), kind)

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
            places, single = list(self.range(index, size)), False
        else:
            places, single = [self.integer(index, "an index")], True
        for place in places:
            if not -size <= place < size:
                raise error_at(node, f"index {place} is outside of the {size} that there are")
        return [place % size for place in places], single

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
            width = value.type.width or DEFAULT_WIDTH
            nodes = logic.constant(int(value.value), width)
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

    def _function(self, node: ast.FunctionCall) -> Value:
        name = node.name.name
        if name in ("popcount", "rotl", "rotr", "mod", "pow", "abs", "max", "min"):
            return self._special(name, node)
        if name not in FUNCTIONS:
            return self.call(node)
        wanted, function = FUNCTIONS[name]
        if len(node.arguments) != wanted:
            raise error_at(node, f"{name} takes {wanted} argument, not {len(node.arguments)}")
        values = [self.value(argument, real=True) for argument in node.arguments]
        numbers = []
        for argument in values:
            if isinstance(argument, BitValues):
                raise error_at(node, f"the argument of {name} cannot depend on a measurement")
            if isinstance(argument.value, list) or argument.type.kind == "duration":
                raise error_at(node, f"{name} is for numbers")
            numbers.append(argument.value)
        try:
            found = function(*numbers)
        except (ValueError, OverflowError, ZeroDivisionError):
            raise not_finite_at(node, f"{name} of this") from None
        if isinstance(found, int):
            return Const(found, INT)
        return Const(found, Type("complex") if isinstance(found, complex) else FLOAT)

    def _special(self, name: str, node: ast.FunctionCall) -> Value:
        wanted = 1 if name in ("popcount", "abs") else 2
        if len(node.arguments) != wanted:
            raise error_at(node, f"{name} takes {wanted} arguments, not {len(node.arguments)}")
        first = self.value(node.arguments[0])
        if name in ("mod", "pow"):
            second = self.value(node.arguments[1])
            return self.combined({"mod": "%", "pow": "**"}[name], first, second, node)
        if name in ("abs", "max", "min"):
            numbers = [self.const(argument, FLOAT, name) for argument in node.arguments]
            kind = first.type if isinstance(first, Const) and is_integer(first) else FLOAT
            number = abs(numbers[0]) if name == "abs" else max(numbers) if name == "max" else min(numbers)
            return convert(Const(number, FLOAT), kind, node)
        if isinstance(first, Const) and not is_integer(first):
            raise error_at(node, f"{name} is for bits")
        width = len(first.nodes) if isinstance(first, BitValues) else first.type.width or DEFAULT_WIDTH
        nodes = first.nodes if isinstance(first, BitValues) else logic.constant(int(first.value), width)
        if name == "popcount":
            return self._popcount(nodes, node)
        turns = self.integer(node.arguments[1], "a distance") * (1 if name == "rotl" else -1) % width
        rotated = nodes[width - turns :] + nodes[: width - turns]
        if isinstance(first, BitValues):
            return BitValues(rotated, first.type)
        number = sum(int(bool(bit)) << place for place, bit in enumerate(rotated))
        return Const(wrapped(number, first.type, node), first.type)

    def _popcount(self, nodes: Vector, node: ast.QASMNode) -> Value:
        if all(isinstance(bit, bool) for bit in nodes):
            return Const(sum(map(bool, nodes)), Type("uint"))
        width = len(nodes).bit_length()
        self._budget.steps(5 * NODE * width * len(nodes), node)
        total: Vector = logic.constant(0, width)
        for bit in nodes:
            total = logic.add(total, logic.constant(0, width), self._output.spill(node), carry=bit)
        return BitValues(total, Type("uint", width))


def _truth(node: Node) -> Value:
    return Const(node, BOOL) if isinstance(node, bool) else BitValues((node,), BOOL)


def _sizes(value: Value) -> list[int]:
    if isinstance(value, BitValues):
        return [len(value.nodes)]
    sizes = []
    inner = value.value
    while isinstance(inner, list):
        sizes.append(len(inner))
        inner = inner[0] if inner else None
    return sizes or [value.type.width or 1]


def _bitwise(operator: str, left: Const, right: Const, node: ast.QASMNode) -> Const:
    if not is_integer(left) or not is_integer(right):
        raise error_at(node, f"{operator} is for bits and whole numbers")
    one, other = int(left.value), int(right.value)
    if operator in _BITWISE:
        single = left.type.kind in ("bool", "bit") and right.type.kind in ("bool", "bit")
        kind = left.type if single or right.literal or left.type.width else right.type
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


def _common(left: Value, right: Value) -> tuple[Type, Vector, Vector]:
    """Return two values as vectors of one width, and their type."""
    kinds = {left.type.kind, right.type.kind}
    negative = any(isinstance(value, Const) and value.value < 0 for value in (left, right))
    signed = negative or any(isinstance(value, BitValues) and value.signed for value in (left, right))
    width = max(map(_width, (left, right))) + (1 if signed else 0)
    vectors = []
    for value in (left, right):
        if isinstance(value, BitValues):
            vectors.append(logic.resize(value.nodes, width, value.signed))
        else:
            vectors.append(logic.constant(int(value.value), width))
    if signed:
        kind = Type("int", width)
    elif kinds <= {"bool", "bit"}:
        kind = BOOL if "bool" in kinds else BIT
    else:
        kind = Type("bits" if kinds <= {"bits", "bit", "bool", "int"} and "bits" in kinds else "uint", width)
    return kind, vectors[0], vectors[1]


def _width(value: Value) -> int:
    if isinstance(value, BitValues):
        return len(value.nodes)
    return max(1, int(value.value).bit_length(), value.type.width or 1 if value.type.kind == "bits" else 1)


def _widened(operator: str, left: Value, right: Value) -> tuple[Type, Vector, Vector]:
    """Return the operands of arithmetic as vectors that have room for its outcome, and the outcome's type."""
    kind = joined(left.type, right.type)
    width = kind.width
    signed = kind.kind == "int" and (
        operator == "-"
        or any(value.signed if isinstance(value, BitValues) else value.value < 0 for value in (left, right))
        or width is not None
    )
    if width is None:
        sizes = [_width(value) + (1 if signed else 0) for value in (left, right)]
        width = min(sum(sizes) if operator == "*" else max(sizes) + 1, MAX_SUM)
        kind = Type("int" if signed else "uint")
    vectors = [
        logic.resize(value.nodes, width, value.signed)
        if isinstance(value, BitValues)
        else logic.constant(int(value.value), width)
        for value in (left, right)
    ]
    return kind, vectors[0], vectors[1]


def _compared(operator: str, left: Vector, right: Vector, signed: bool) -> Node:
    if operator in ("==", "!="):
        same = logic.equal(left, right)
        return same if operator == "==" else logic.invert(same)
    if operator in ("<", ">="):
        smaller = logic.less(left, right, signed)
        return smaller if operator == "<" else logic.invert(smaller)
    larger = logic.less(right, left, signed)
    return larger if operator == ">" else logic.invert(larger)
