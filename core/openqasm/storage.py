"""Variables: their declaration, their assignment, and where their values are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openqasm3 import ast

from core.openqasm import logic
from core.openqasm.errors import error_at
from core.openqasm.expressions import Expressions
from core.openqasm.operands import Operands
from core.openqasm.output import Output
from core.openqasm.scope import Qubits, Scopes, Stored, Variable
from core.openqasm.values import DEFAULT_WIDTH, INT, BitValues, Const, Type, Value, convert

#: Elements of an array.
MAX_ELEMENTS = 10_000
#: Types of variables that may come to depend on a measurement.
_STORABLE = frozenset({"bool", "bit", "bits", "int", "uint"})
#: Values of a program's inputs.
Inputs = Mapping[str, Any]


class Storage:
    """The variables of a program.

    A number is known before the circuit runs until something that depends on a measurement is assigned to it,
    or something is assigned to it where a measurement decides; then it is moved to bits of the circuit.

    Args:
        scopes: the names.
        expressions: works out values.
        operands: finds bits.
        output: the circuit.
        inputs: the values of the program's inputs.
    """

    def __init__(
        self, scopes: Scopes, expressions: Expressions, operands: Operands, output: Output, inputs: Inputs
    ) -> None:
        self._scopes = scopes
        self._expressions = expressions
        self._operands = operands
        self._output = output
        self._inputs = inputs
        self.used_inputs: set[str] = set()

    def declare(
        self, node: ast.QASMNode, name: str, kind: ast.QASMNode, init: ast.QASMNode | None, constant: bool
    ) -> None:
        """Declare a variable.

        Raises:
            ProgramError: its name is taken, or its first value is none of its type.
        """
        if isinstance(kind, ast.ArrayType):
            self._declare_array(node, name, kind, init)
            return
        of_type = self._expressions.type(kind)
        if isinstance(kind, ast.StretchType):
            raise error_at(node, "stretch is not supported: the backend chooses the timing")
        if of_type.kind in ("bit", "bits") and not constant:
            self._declare_bits(node, name, of_type, init)
            return
        value: Value | None = None
        if init is not None:
            value = self._expressions.value(init, of_type.is_real)
            value = self._expressions.converted(value, of_type, init)
            if isinstance(value, BitValues):
                if constant:
                    raise error_at(init, "a constant cannot depend on a measurement")
                stored = self.local(len(value.nodes), of_type, node)
                self._output.store(stored.bits, value.nodes, node)
                self._scopes.declare(name, stored, node)
                return
        branches = self._output.branches
        self._scopes.declare(name, Variable(value, of_type, constant, branches=branches), node)

    def local(self, size: int, kind: Type, node: ast.QASMNode) -> Stored:
        """Return bits for a variable of the innermost block, which may have any value."""
        return Stored(self._output.temporary(size, node), kind)

    def _declare_bits(self, node: ast.QASMNode, name: str, kind: Type, init: ast.QASMNode | None) -> None:
        width = kind.width or 1
        value = None
        if init is not None and not isinstance(init, ast.QuantumMeasurement):
            value = self._expressions.vector(self._expressions.value(init), kind, init)
        if self._scopes.is_global:
            if self._scopes.find(name) is not None:
                raise error_at(node, f"{name!r} is already declared")
            stored = Stored(self._output.add_bits(name, width, node), kind)
        else:
            stored = self.local(width, kind, node)
        if isinstance(init, ast.QuantumMeasurement):
            self.measure(init, stored, node)
        else:
            self._output.store_first(stored.bits, value or logic.constant(0, width), node)
        self._scopes.declare(name, stored, node)

    def measure(self, node: ast.QuantumMeasurement, target: Stored, place: ast.QASMNode) -> None:
        """Measure qubits into bits.

        Raises:
            ProgramError: they are not as many.
        """
        qubits = self._operands.qubits(node.qubit).bits
        if len(qubits) != len(target.bits):
            raise error_at(
                place, f"{len(qubits)} qubits cannot be measured into {len(target.bits)} classical bits"
            )
        self._output.measure(qubits, target.bits, place)

    def _declare_array(
        self, node: ast.QASMNode, name: str, kind: ast.ArrayType, init: ast.QASMNode | None
    ) -> None:
        base = self._expressions.type(kind.base_type)
        sizes = [self._expressions.integer(size, "a size") for size in kind.dimensions]
        total = 1
        for size in sizes:
            total *= max(size, 1)
            if size < 0 or total > MAX_ELEMENTS:
                raise error_at(node, f"an array has 0 to {MAX_ELEMENTS} elements")
        self._expressions.budget.steps(total, node)
        if init is None:
            value: Any = _zeros(sizes)
        else:
            found = self._expressions.value(init)
            if isinstance(found, BitValues) or not isinstance(found.value, list):
                raise error_at(init, "an array is expected here")
            value = self._elements(found.value, sizes, base, init)
        branches = self._output.branches
        array = Variable(Const(value, base), base, is_array=True, branches=branches)
        self._scopes.declare(name, array, node)

    def _elements(self, values: Any, sizes: Sequence[int], base: Type, node: ast.QASMNode) -> Any:
        if not sizes:
            number = "complex" if isinstance(values, complex) else "float"
            kind = INT if isinstance(values, int) else Type(number)
            return convert(Const(values, kind), base, node).value
        if not isinstance(values, list) or len(values) != sizes[0]:
            raise error_at(node, f"the array needs {sizes[0]} elements here")
        return [self._elements(value, sizes[1:], base, node) for value in values]

    def declare_input(self, node: ast.IODeclaration) -> None:
        """Declare an input with its value.

        Raises:
            ProgramError: it has no value, or none of its type.
        """
        name = node.identifier.name
        if name not in self._inputs:
            raise error_at(node, f"input {name!r} has no value; give it in inputs")
        self.used_inputs.add(name)
        given = self._inputs[name]
        if isinstance(node.type, ast.ArrayType):
            raise error_at(node, "an input cannot be an array")
        kind = self._expressions.type(node.type)
        if kind.kind == "duration":
            raise error_at(node, "an input cannot be a duration")
        if isinstance(given, str):
            if not given or set(given) - {"0", "1"}:
                raise error_at(node, f'input {name!r} must be a number, or bits as in "01"')
            value = Const(int(given, 2), Type("bits", len(given)))
        else:
            value = Const(given, Type("float") if isinstance(given, float) else INT)
            if isinstance(given, float) and not kind.is_real:
                raise error_at(node, f"input {name!r} must be a whole number")
        self._scopes.declare(name, Variable(convert(value, kind, node), kind, constant=True), node)

    def assign(self, target: ast.QASMNode, value: Value, node: ast.QASMNode) -> None:
        """Assign a value to a variable or to a part of one.

        Raises:
            ProgramError: it is a constant, or the value is none of its type.
        """
        name = target.name if isinstance(target, ast.IndexedIdentifier) else target
        assert isinstance(name, ast.Identifier)
        symbol = self._scopes.find(name.name)
        if symbol is None:
            raise self._scopes.undeclared(name)
        if isinstance(symbol, Qubits):
            raise error_at(node, f"{name.name!r} is a quantum register; nothing can be assigned to it")
        if isinstance(symbol, Stored):
            stored = self._operands.stored(target)
            if isinstance(target, ast.IndexedIdentifier) and symbol.type.kind in ("int", "uint"):
                stored = Stored(stored.bits, Type("bits", len(stored.bits)))
            nodes = self._expressions.vector(value, stored.type, node)
            self._output.store(stored.bits, logic.resize(nodes, len(stored.bits), signed=False), node)
            return
        if symbol.constant:
            raise error_at(node, f"{name.name!r} is a constant; nothing can be assigned to it")
        if symbol.is_array:
            self._assign_element(symbol, target, value, node)
            return
        if isinstance(target, ast.IndexedIdentifier):
            raise error_at(node, f"bits of {name.name!r} cannot be assigned")
        self._check_branch(symbol, name.name, node)
        if isinstance(value, BitValues):
            if symbol.type.kind not in _STORABLE:
                raise error_at(node, f"{symbol.type.named} cannot depend on a measurement")
            self.store_all([name.name], node)
            self.assign(target, value, node)
            return
        symbol.value = convert(value, symbol.type, node)

    def _check_branch(self, symbol: Variable, name: str, node: ast.QASMNode) -> None:
        if symbol.branches < self._output.branches:
            message = f"{name!r} cannot be assigned where a measurement decides; use bits or integers"
            raise error_at(node, message)

    def _assign_element(
        self, symbol: Variable, target: ast.QASMNode, value: Value, node: ast.QASMNode
    ) -> None:
        if not isinstance(target, ast.IndexedIdentifier):
            raise error_at(node, "arrays are assigned element by element")
        self._check_branch(symbol, target.name.name, node)
        if isinstance(value, BitValues):
            raise error_at(node, "an element of an array cannot depend on a measurement")
        assert isinstance(symbol.value, Const)
        inner: Any = symbol.value.value
        parts: list[Any] = []
        for index in target.indices:
            parts += index if isinstance(index, list) else [index]
        for depth, part in enumerate(parts):
            if not isinstance(inner, list):
                raise error_at(node, "an array has fewer dimensions than these indices")
            places, single = self._expressions.indices([part], len(inner), node)
            if not single:
                raise error_at(node, "arrays are assigned element by element")
            if depth == len(parts) - 1:
                if isinstance(inner[places[0]], list):
                    raise error_at(node, "arrays are assigned element by element")
                inner[places[0]] = convert(value, symbol.type, node).value
                return
            inner = inner[places[0]]

    def store_all(self, names: Iterable[str], node: ast.QASMNode) -> None:
        """Move variables to bits of the circuit, where they may come to depend on a measurement."""
        for name in sorted(names):
            symbol = self._scopes.find(name)
            if not isinstance(symbol, Variable) or symbol.constant or symbol.is_array:
                continue
            if symbol.type.kind not in _STORABLE:
                continue
            stored = Stored(self._output.fresh(symbol.type.width or DEFAULT_WIDTH, node), symbol.type)
            if symbol.value is not None:
                nodes = self._expressions.vector(symbol.value, symbol.type, node)
                self._output.store_first(stored.bits, nodes, node)
            self._scopes.replace(name, stored)


def _zeros(sizes: Sequence[int]) -> Any:
    return 0 if not sizes else [_zeros(sizes[1:]) for _ in range(sizes[0])]
