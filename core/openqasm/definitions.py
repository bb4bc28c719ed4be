"""Definitions of a program's own gates: what the simulator's importer and the lowering have in common."""

from __future__ import annotations

from qiskit import QuantumCircuit

#: An argument that is nothing special, with which a definition is checked before it is applied.
PROBE = 0.7390851332151607


def in_standard_gates(definition: QuantumCircuit) -> QuantumCircuit:
    """Return a definition in standard gates; Qiskit's for a matrix has subroutines, which are no gates."""
    while others := {item.name for item in definition.data if not item.is_standard_gate()}:
        definition = definition.decompose(list(others))
    return definition
