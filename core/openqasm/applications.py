"""Statements that apply gates, to the circuit or in the definition of another gate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from openqasm3 import ast
from qiskit import QuantumCircuit
from qiskit.circuit import Qubit

from core.openqasm.budget import ProgramBudget
from core.openqasm.errors import error_at, not_finite_at
from core.openqasm.exits import Left
from core.openqasm.expressions import Expressions
from core.openqasm.gates import Gates, broadcast
from core.openqasm.modifiers import Modifiers, Sized
from core.openqasm.notes import Notes
from core.openqasm.operands import Operands
from core.openqasm.output import Output


class Applications:
    """Applies gates.

    Args:
        expressions: works out angles.
        operands: finds qubits.
        output: the circuit.
        gates: the gates that there are; their definitions are carried out here.
        modifiers: applies modifiers to them.
        budget: what is left of the bounds.
        notes: gets remarks on the program.
        statements: carries out the body of a definition.
    """

    def __init__(
        self,
        expressions: Expressions,
        operands: Operands,
        output: Output,
        gates: Gates,
        modifiers: Modifiers,
        budget: ProgramBudget,
        notes: Notes,
        statements: Callable[[Sequence[ast.QASMNode]], Left],
    ) -> None:
        self._expressions = expressions
        self._operands = operands
        self._output = output
        self._gates = gates
        self._modifiers = modifiers
        self._budget = budget
        self._notes = notes
        self._statements = statements
        #: Number of gates of the definition that is carried out; None outside of definitions.
        self._defining: int | None = None
        gates.body = self._body

    def gate(self, node: ast.QuantumGate) -> None:
        """Apply a gate.

        Raises:
            ProgramError: it is not known, or is for other arguments or qubits.
        """
        operands = [self._operands.qubits(operand) for operand in node.qubits]
        angles = [self._expressions.real(argument, "an angle") for argument in node.arguments]
        if node.duration is not None:
            self._notes.add_at(node, "durations of gates are left out: the backend chooses them")
        applied = broadcast(operands, node)
        controls = self._modifiers.controls(node.modifiers)
        gate = self._gates.gate(node, angles, len(operands) - controls)
        if node.modifiers:
            gate = self._modifiers.apply(gate, node.modifiers)
        self._emit(gate, applied, node)

    def _emit(self, gate: Sized, applied: Sequence[tuple[Qubit, ...]], node: ast.QASMNode) -> None:
        size = gate.size * len(applied)
        if self._defining is None:
            self._budget.gates(size, node)
        else:
            self._defining += size
        for qubits in applied:
            self._output.circuit.append(gate.gate, qubits, copy=False)

    def phase(self, node: ast.QuantumPhase) -> None:
        """Apply a global phase, which is a gate if it has controls.

        Raises:
            ProgramError: it is not finite, or is for other qubits.
        """
        angle = self._expressions.real(node.argument, "a phase")
        if not math.isfinite(angle):
            raise not_finite_at(node, "a phase")
        operands = [self._operands.qubits(operand) for operand in node.qubits]
        controls = self._modifiers.controls(node.modifiers)
        if len(operands) != controls:
            raise error_at(node, f"this phase has {controls} controls, and {len(operands)} qubits for them")
        found = self._modifiers.phase(angle, node.modifiers)
        if isinstance(found, float):
            if not self._output.branches or self._defining is not None:
                self._output.circuit.global_phase += found
        else:
            self._emit(found, broadcast(operands, node), node)

    def barrier(self, node: ast.QuantumBarrier) -> None:
        """Add a barrier."""
        named = [bit for operand in node.qubits for bit in self._operands.qubits(operand).bits]
        if self._defining is not None:
            # A gate with a barrier in it has no inverse.
            return
        qubits = list(dict.fromkeys(named)) if node.qubits else list(self._output.circuit.qubits)
        self._budget.gates(1, node)
        if qubits:
            self._output.circuit.barrier(qubits)

    def _body(self, statements: Sequence[ast.Statement], circuit: QuantumCircuit) -> int:
        outer, before = self._output.circuit, self._defining
        self._output.circuit, self._defining = circuit, 0
        self._output.in_gate = True
        try:
            self._statements(statements)
            return self._defining
        finally:
            self._output.circuit, self._defining = outer, before
            self._output.in_gate = before is not None
