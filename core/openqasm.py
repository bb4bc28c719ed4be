"""OpenQASM 3 as a circuit in which no gate of the program's own can be taken for another.

Qiskit and Aer know gates by their names: the transpiler replaces a gate called `h` by what its own `h` is
made of, whatever the program's definition says, and the number of parameters and qubits does not matter. So a
gate that a program defines gets a name that no library has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from openqasm3 import ast
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Qubit
from qiskit.circuit.library import UnitaryGate
from qiskit_qasm3_import import ConversionError, types
from qiskit_qasm3_import.converter import ConvertVisitor
from qiskit_qasm3_import.data import Scope, Symbol
from qiskit_qasm3_import.state import GateScope, State

#: What the names of a program's own gates begin with.
PREFIX = "own_"
#: What Qiskit appends to the names of inverse and of negatively controlled gates.
_APPENDED = re.compile(r"_(dg|o\d+)\Z")
#: An argument that is nothing special.
_PROBE = 0.7390851332151607


class OwnNames:
    """Names for a program's own gates.

    Args:
        taken: names that must not be given.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def add(self, name: str) -> str:
        """Return a name that neither a library nor another of the program's gates has, also with modifiers.

        Args:
            name: the gate's name in the program.
        """
        own = PREFIX + name
        while own in self._taken or _APPENDED.search(own):
            own += "_"
        self._taken.add(own)
        return own


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
        qiskit_qasm3_import.ConversionError: where the importer finds something wrong. It lets other
            exceptions out too.
    """
    importer = _Importer()
    circuit = importer.convert(tree).circuit
    return Imported(circuit, importer.own)


class _Importer(ConvertVisitor):
    """Qiskit's importer, with the program's own gates under names of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.own: dict[str, str] = {}
        self._names = OwnNames()
        self._powers = 0

    def _apply_gate_modifier(self, modifier: ast.QuantumGateModifier, gate: Gate, context: State) -> Gate:
        """Modify a gate; a power is a gate with a definition.

        Qiskit's is a matrix, and what is made of a matrix by a control cannot be written as OpenQASM (2.6.2).
        """
        found = super()._apply_gate_modifier(modifier, gate, context)
        if isinstance(found, UnitaryGate):
            self._powers += 1
            power = Gate(self._names.add(f"pow{self._powers}"), found.num_qubits, [])
            power.definition = _of_gates(found.definition)
            return power
        return found

    def visit_QuantumGateDefinition(self, node: ast.QuantumGateDefinition, context: State) -> State:
        """Define a gate."""
        name = self._names.add(node.name.name)
        self.own[name] = node.name.name
        gate = _Definition(self, name, node, context)
        # What is wrong in the definition is found now, while the gate itself is not defined yet.
        gate.written([_PROBE + place for place in range(len(node.arguments))])
        return self._define_gate(node.name.name, gate, len(node.arguments), len(node.qubits), node, context)


def _of_gates(definition: QuantumCircuit) -> QuantumCircuit:
    """Return a definition in standard gates; Qiskit's for a matrix has subroutines, which are no gates."""
    while others := {item.name for item in definition.data if not item.is_standard_gate()}:
        definition = definition.decompose(list(others))
    return definition


class _Definition:
    """A gate of the program's own, written out for each set of arguments that it is called with.

    Qiskit's importer writes it out once, for parameters without values. Then arguments go to the parameters
    in alphabetical order, gates with parameters of the same name cannot use one another, and no power can be
    taken of a gate with a parameter (0.6.0).
    """

    def __init__(
        self, importer: _Importer, name: str, node: ast.QuantumGateDefinition, context: State
    ) -> None:
        self._importer = importer
        self._name = name
        self._node = node
        self._context = context
        self._written: dict[tuple[Any, ...], QuantumCircuit] = {}

    def __call__(self, *values: Any) -> Gate:
        """Return the gate for some arguments, numbers or expressions of a loop's variable."""
        wanted = len(self._node.arguments)
        if len(values) != wanted:
            raise ConversionError(
                f"gate {self._node.name.name!r} takes {wanted} parameters, not {len(values)}"
            )
        gate = Gate(self._name, len(self._node.qubits), list(values))
        gate.definition = self.written(values).copy()
        return gate

    def written(self, values: Sequence[Any]) -> QuantumCircuit:
        """Return the definition for some arguments."""
        arguments = tuple(float(value) if isinstance(value, int) else value for value in values)
        if arguments not in self._written:
            self._written[arguments] = self._write(arguments)
        return self._written[arguments]

    def _write(self, arguments: tuple[Any, ...]) -> QuantumCircuit:
        node = self._node
        tables = self._context.symbol_table._stack
        # A definition sees what is global, not what its caller sees.
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
