"""Definitions of a program's own gates: what the simulator's importer and the lowering have in common."""

from __future__ import annotations

import math

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, ParameterExpression
from qiskit.circuit.library import CUGate, UnitaryGate
from qiskit.quantum_info import Operator

#: An argument that is nothing special, with which a definition is checked before it is applied.
PROBE = 0.7390851332151607
#: Exponents up to which every whole number is a float, and up to which the power of a matrix is unitary: each
#: of its phases has a rounding error, which the exponent multiplies.
MAX_EXPONENT = 2**53
MAX_MATRIX_EXPONENT = 2**20
#: Exponent up to which rounding errors of the power of a matrix do not matter.
EXACT_EXPONENT = 64
#: The largest angle in radians; sums of a few angles are finite.
MAX_ANGLE = 1e300
#: Rounding error of a phase in radians.
ROUNDING = 1e-12


def in_standard_gates(definition: QuantumCircuit) -> QuantumCircuit:
    """Return a definition in standard gates; Qiskit's for a matrix has subroutines, which are no gates."""
    while others := {item.name for item in definition.data if not item.is_standard_gate()}:
        definition = definition.decompose(list(others))
    return definition


class PowerError(Exception):
    """A power of a gate that cannot be worked out, and why."""


def exponent_of(value: float) -> float:
    """Return an exponent as an `int` if it is whole.

    Raises:
        PowerError: it is not finite, or too large.
    """
    if not math.isfinite(value):
        raise PowerError("a power is not a finite number")
    if abs(value) > MAX_EXPONENT:
        raise PowerError(f"a power is over {MAX_EXPONENT}")
    return int(value) if float(value).is_integer() else value


def principal_phase(angle: float) -> float:
    """Return an angle in (-pi, pi] that is the same phase."""
    angle = math.remainder(angle, math.tau)
    # A phase of -pi is a rounding error away from pi.
    return angle + math.tau if angle <= -math.pi + ROUNDING else angle


def principal_power(gate: Gate, exponent: float) -> Gate:
    """Return the principal power of a gate: the phases of its eigenvalues are in (-pi, pi].

    Args:
        gate: the gate.
        exponent: the power, as `exponent_of` returns it.

    Raises:
        PowerError: it cannot be worked out.
    """
    whole = isinstance(exponent, int)
    # Qiskit multiplies the angle of a rotation; the powers of other gates are matrices.
    multiplied = type(gate).power is not Gate.power
    if any(isinstance(value, ParameterExpression) for value in gate.params) and not (whole and multiplied):
        raise PowerError(
            f"this power of gate {gate.name!r} with the variable of a loop in its angle is not supported; "
            "write the loop out"
        )
    if abs(exponent) > MAX_MATRIX_EXPONENT and not (whole and multiplied):
        raise PowerError(f"a power of gate {gate.name!r} is over {MAX_MATRIX_EXPONENT}")
    if multiplied:
        power = gate.power(exponent, annotated=False)
        if any(isinstance(value, float) and not abs(value) <= MAX_ANGLE for value in power.params):
            raise PowerError(f"an angle of this power is over {MAX_ANGLE:g}")
        # Another root than the principal one, if the angle is large.
        if whole or Operator(power) == _matrix_power(gate, exponent):
            return power
    return UnitaryGate(_matrix_power(gate, exponent), label=f"{gate.name}^{exponent}")


def _matrix_power(gate: Gate, exponent: float) -> Operator:
    matrix = Operator(gate)
    if not matrix.is_unitary():
        # Sums of its angles are rounded.
        raise PowerError(f"the angles of gate {gate.name!r} are too large for a power of it")
    power = matrix.power(exponent, assume_unitary=True)
    if abs(exponent) <= EXACT_EXPONENT:
        return power
    # The nearest unitary matrix: a larger exponent makes rounding errors too large for Qiskit.
    left, _, right = np.linalg.svd(power.data)
    return Operator(left @ right)


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
