"""Definitions of a program's own gates: what the simulator's importer and the lowering have in common."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import CUGate, UnitaryGate
from qiskit.quantum_info import Operator

#: An argument that is nothing special, with which a definition is checked before it is applied.
PROBE = 0.7390851332151607


def in_standard_gates(definition: QuantumCircuit) -> QuantumCircuit:
    """Return a definition in standard gates; Qiskit's for a matrix has subroutines, which are no gates."""
    while others := {item.name for item in definition.data if not item.is_standard_gate()}:
        definition = definition.decompose(list(others))
    return definition


def principal_power(gate: Gate, exponent: float) -> Gate:
    """Return the principal power of a gate: the phases of its eigenvalues are in (-pi, pi].

    Args:
        gate: the gate.
        exponent: the power; an `int` if it is whole.
    """
    power = gate.power(exponent, annotated=False)
    if isinstance(exponent, float) and not isinstance(power, UnitaryGate):
        # Qiskit multiplies the angle of a rotation, which gives another root if the angle is large.
        wanted = Operator(gate).power(exponent, assume_unitary=True)
        if Operator(power) != wanted:
            return UnitaryGate(wanted)
    return power


def loses_phase(gate: Gate) -> bool:
    """Tell whether Qiskit (2.1) drops a phase of the gate in the inverse of the gate with controls added."""
    return isinstance(gate, CUGate)


def own_gate(name: str, definition: QuantumCircuit) -> Gate:
    """Return a gate without parameters that has a definition."""
    gate = Gate(name, definition.num_qubits, [])
    gate.definition = definition
    return gate


def wrapped_gate(name: str, gate: Gate) -> Gate:
    """Return a gate that is defined as another one."""
    definition = QuantumCircuit(gate.num_qubits)
    definition.append(gate, definition.qubits)
    return own_gate(name, definition)
