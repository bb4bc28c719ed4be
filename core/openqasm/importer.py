"""Converts OpenQASM 3 to a circuit in which no gate of the program is confused with a library's gate.

Qiskit and Aer identify gates by their names: the transpiler replaces a gate called `h` by the definition of
its own `h`, whatever the program defines and whatever its numbers of parameters and qubits. So a gate that a
program defines gets a name that no library has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from openqasm3 import ast
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Qubit
from qiskit.circuit.library import UnitaryGate
from qiskit_qasm3_import import ConversionError, types
from qiskit_qasm3_import.converter import _STDGATES, ConvertVisitor
from qiskit_qasm3_import.data import Scope, Symbol
from qiskit_qasm3_import.exceptions import raise_from_node
from qiskit_qasm3_import.state import GateScope, State

from core.openqasm import stdgates
from core.openqasm.definitions import (
    PROBE,
    PowerError,
    exponent_of,
    in_standard_gates,
    loses_phase,
    own_gate,
    principal_power,
    wrapped_gate,
)
from core.openqasm.names import OwnNames

#: Gates that a program's own definitions may come to, each counted again for each modifier of it. Each takes
#: some 80 microseconds and 3 kB.
MAX_WRITTEN = 20_000
#: The first integer of more than 64 bits, with the sign.
MAX_INTEGER = 2**63


class Imported(NamedTuple):
    """A program as a circuit.

    Attributes:
        circuit: the circuit.
        own: the program's names of the gates that it defines, by their names in the circuit.
    """

    circuit: QuantumCircuit
    own: dict[str, str]


def convert(tree: ast.Program) -> Imported:
    """Return a program's circuit.

    Raises:
        qiskit_qasm3_import.ConversionError: the importer found an error. It can raise other exceptions too.
    """
    importer = _Importer()
    circuit = importer.convert(tree).circuit
    return Imported(circuit, importer.own)


class _Importer(ConvertVisitor):
    """Qiskit's importer, with separate names for the program's own gates."""

    def __init__(self) -> None:
        super().__init__()
        self.own: dict[str, str] = {}
        #: Whether a definition is only checked, so that its gates need no definition.
        self.checking = False
        self._names = OwnNames()
        self.written = 0
        #: The gates of `stdgates.inc` that the program defines exactly as that file does.
        self._standard = {"U"}

    def spend(self, gates: int) -> None:
        """Count expanded gates. Nested definitions can expand to any number of them."""
        self.written += gates
        if self.written > MAX_WRITTEN:
            raise ConversionError(
                f"the program's own gates come to over {MAX_WRITTEN} gates, definitions written out"
            )

    def _apply_gate_modifier(self, modifier: ast.QuantumGateModifier, gate: Gate, context: State) -> Gate:
        """Modify a gate. A power becomes a gate with a definition.

        Qiskit's is a matrix, and a controlled matrix cannot be written as OpenQASM (2.6.2).
        """
        kind, controls = modifier.modifier, 0
        if kind in (ast.GateModifierName.ctrl, ast.GateModifierName.negctrl):
            argument = modifier.argument
            controls = 1 if argument is None else self._resolve_constant_int(argument, context)
            if controls < 1:
                raise ConversionError("a gate cannot have fewer than 1 controls added")
        if self.checking:
            if kind is ast.GateModifierName.pow and modifier.argument is not None:
                self._resolve_constant_float(modifier.argument, context)
            return Gate("checked", gate.num_qubits + controls, []) if controls else gate
        # Another control takes about four times as many gates; larger exponents do not matter.
        for _ in _gates(gate):
            self.spend(4 ** min(controls, 10))
        if kind is ast.GateModifierName.pow:
            self.spend(4 ** min(gate.num_qubits, 10))
            if modifier.argument is not None:
                exponent = self._resolve_constant_float(modifier.argument, context)
                try:
                    power = principal_power(gate, exponent)
                except PowerError as error:
                    raise_from_node(modifier, str(error))
                if isinstance(power, UnitaryGate):
                    return own_gate(self._names.number("pow"), in_standard_gates(power.definition))
                return power
        if controls and loses_phase(gate):
            gate = wrapped_gate(self._names.number("cu"), gate)
        return super()._apply_gate_modifier(modifier, gate, context)

    def _resolve_constant_float(self, node: ast.Expression, context: State) -> float:
        """Calculate a power; `pow(1/2)` is a square root, as in `stdgates.inc`, not 0."""
        try:
            return exponent_of(float(super()._resolve_constant_float(_real(node), context)))
        except PowerError as error:
            raise_from_node(node, str(error))

    def visit_ForInLoop(self, node: ast.ForInLoop, context: State) -> State:
        """Import a loop.

        Qiskit's circuits write a range of integers of more than 64 bits out as a list, of any length (2.6.2).
        """
        declaration = node.set_declaration
        if isinstance(declaration, ast.RangeDefinition):
            values, _ = self._resolve_generic(declaration, context, strict=True)  # type: ignore[arg-type]
            ends = [value for value in (values.start, values.stop, values.step) if value is not None]
            if not all(-MAX_INTEGER <= value < MAX_INTEGER for value in ends):
                raise_from_node(declaration, "a range must consist of integers of 64 bits")
        return super().visit_ForInLoop(node, context)

    def visit_QuantumGateDefinition(self, node: ast.QuantumGateDefinition, context: State) -> State:
        """Define a gate."""
        called = node.name.name
        name = self._names.add(called)
        own = _Definition(self, name, node, context)
        # Errors in the definition are raised now, while the gate itself is not defined yet.
        own.check()
        gate: Callable[..., Gate] = own
        if stdgates.defines(node, self._standard):
            self._standard.add(called)
            gate = _STDGATES[called][0]
        else:
            self.own[name] = called
        return self._define_gate(called, gate, len(node.arguments), len(node.qubits), node, context)


def _gates(gate: Gate) -> Iterator[None]:
    """Yield once for each gate that a gate expands to, including itself."""
    yield
    standard = getattr(gate, "_standard_gate", None) is not None
    definition = None if standard else getattr(gate, "definition", None)
    for item in definition.data if definition is not None else ():
        if item.is_standard_gate():
            yield
        else:
            yield from _gates(item.operation)


def _real(node: ast.Expression) -> ast.Expression:
    """Return an expression with floats instead of integers."""
    converted = node
    if isinstance(node, ast.IntegerLiteral):
        converted = ast.FloatLiteral(float(node.value))
    elif isinstance(node, ast.UnaryExpression):
        converted = ast.UnaryExpression(node.op, _real(node.expression))
    elif isinstance(node, ast.BinaryExpression):
        converted = ast.BinaryExpression(node.op, _real(node.lhs), _real(node.rhs))
    converted.span = node.span
    return converted


class _Definition:
    """A gate of the program, expanded for each set of arguments that it is called with.

    Qiskit's importer expands it once, for parameters without values. Then arguments are assigned to the
    parameters in alphabetical order, gates with parameters of the same name cannot use one another, and no
    power can be taken of a gate with a parameter (0.6.0).
    """

    def __init__(
        self, importer: _Importer, name: str, node: ast.QuantumGateDefinition, context: State
    ) -> None:
        self._importer = importer
        self._name = name
        self._node = node
        self._context = context
        self._written: dict[tuple[Any, ...], tuple[QuantumCircuit, int]] = {}

    def __call__(self, *values: Any) -> Gate:
        """Return the gate for some arguments: numbers, or expressions of a loop's variable."""
        wanted = len(self._node.arguments)
        if len(values) != wanted:
            raise ConversionError(
                f"gate {self._node.name.name!r} takes {wanted} parameters, not {len(values)}"
            )
        gate = Gate(self._name, len(self._node.qubits), list(values))
        if not self._importer.checking:
            gate.definition = self._for(values).copy()
        return gate

    def check(self) -> None:
        """Raise errors in the definition itself, independent of its arguments.

        Its gates are already checked and are not expanded: each may expand to thousands.
        """
        before, self._importer.checking = self._importer.checking, True
        try:
            self._write([PROBE + place for place in range(len(self._node.arguments))])
        finally:
            self._importer.checking = before

    def _for(self, values: Sequence[Any]) -> QuantumCircuit:
        arguments = tuple(float(value) if isinstance(value, int) else value for value in values)
        if arguments not in self._written:
            before = self._importer.written
            definition = self._write(arguments)
            self._written[arguments] = definition, len(self._node.body) + self._importer.written - before
            self._importer.written = before
        definition, gates = self._written[arguments]
        # Cached definitions count too, with everything in them: Qiskit copies it all.
        self._importer.spend(1 + gates)
        return definition

    def _write(self, arguments: Sequence[Any]) -> QuantumCircuit:
        node = self._node
        tables = self._context.symbol_table._stack
        # A definition sees global names, and not those of its caller.
        hidden, tables[1:] = tables[1:], []
        try:
            with GateScope(self._context) as inner:
                insert: Callable[[Symbol], None] = inner.symbol_table.insert
                for formal, value in zip(node.arguments, arguments, strict=True):
                    insert(Symbol(formal.name, value, types.Angle(), Scope.GATE, node))
                qubits = [Qubit() for _ in node.qubits]
                inner.circuit.add_bits(qubits)
                for operand, qubit in zip(node.qubits, qubits, strict=True):
                    insert(Symbol(operand.name, qubit, types.Qubit(), Scope.GATE, node))
                for statement in node.body:
                    self._importer.visit(statement, inner)
            return inner.circuit
        finally:
            tables[1:] = hidden
