"""Grover's circuit."""

from __future__ import annotations

import math
from collections.abc import Collection

from qiskit import QuantumCircuit
from qiskit.circuit.library import grover_operator

from actions.grover.plan import GroverPlan
from actions.toolkit.phase_oracle import phase_oracle, two_qubit_gates


def grover(qubits: int, marked: Collection[int], plan: GroverPlan) -> QuantumCircuit:
    """Build the circuit that rotates the equal superposition towards the marked elements and measures it.

    L. K. Grover, "A fast quantum mechanical algorithm for database search", STOC 1996
    (arXiv:quant-ph/9605043). The Grover operator is Qiskit's; oracle and reflection are given to it as phase
    oracles, which on five and six qubits need a sixth to a quarter fewer two-qubit gates than its own.

    Args:
        qubits: n, for the elements 0 to 2^n - 1; bit 0 of an element is on qubit 0.
        marked: the elements to find.
        plan: the number of iterations and their phase.
    """
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    if plan.iterations:
        oracle, reflection = _reflections(qubits, marked, plan.angle)
        step = grover_operator(oracle, zero_reflection=reflection)
        for _ in range(plan.iterations):
            circuit.compose(step, inplace=True)
    circuit.measure_all()
    return circuit


def two_qubit_gates_per_iteration(qubits: int, marked: Collection[int]) -> int:
    """Return the number of two-qubit gates of an iteration if all qubits are connected."""
    return sum(map(two_qubit_gates, _reflections(qubits, marked, math.pi)))


def _reflections(qubits: int, marked: Collection[int], angle: float) -> tuple[QuantumCircuit, QuantumCircuit]:
    elements = range(2**qubits)
    wanted = frozenset(marked)
    return (
        phase_oracle([int(element in wanted) for element in elements], angle),
        phase_oracle([int(element == 0) for element in elements], angle),
    )
