"""Modifiers of any gate, in any order, do to its matrix what the language says."""

from __future__ import annotations

import math

import numpy as np
import openqasm3
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit.quantum_info import Operator

from core.openqasm.importer import convert
from core.openqasm.known_gates import OTHERS, STANDARD, KnownGate, U
from core.openqasm.lowering import lower
from tests.core.openqasm.programs import HEAD

Matrix = NDArray[np.complex128]

#: Gates that a statement can apply; `gphase` is a statement of its own in version 3.
KNOWN: dict[str, KnownGate] = {
    name: gate
    for name, gate in (STANDARD | OTHERS | {"U": U}).items()
    if gate.qubits <= 3 and name != "gphase"
}
#: Qubits of a gate with its controls.
QUBITS = 4
ANGLES = st.one_of(st.floats(-9, 9), st.sampled_from([0.0, math.pi, -math.pi, 3 * math.pi, -2.5 * math.pi]))
MODIFIERS = st.one_of(
    st.sampled_from(["ctrl", "negctrl", "inv"]),
    st.sampled_from([-2, -1, 0, 2, 3, 0.5, -0.5, 0.25, 1.5]),
)


def matrix_of(statement: str, qubits: int, reverse: bool = True) -> Matrix:
    """Return the matrix of a statement; with `reverse`, its first qubit is the highest bit of an index."""
    circuit = lower(f"{HEAD}qubit[{qubits}] q; {statement}").circuit
    return np.asarray(Operator(circuit.reverse_bits() if reverse else circuit).data)


def modified(matrix: Matrix, modifier: str | float) -> Matrix:
    size = len(matrix)
    match modifier:
        case "inv":
            return matrix.conj().T
        case "ctrl" | "negctrl":
            controlled: Matrix = np.eye(2 * size, dtype=complex)
            first = size if modifier == "ctrl" else 0
            controlled[first : first + size, first : first + size] = matrix
            return controlled
        case float():
            return principal(matrix, modifier)
    return np.linalg.matrix_power(matrix, int(modifier))


def principal(matrix: Matrix, exponent: float) -> Matrix:
    values, vectors = np.linalg.eig(matrix)
    phases = np.angle(values)
    # A phase of -pi is a rounding error away from pi.
    phases[phases < -math.pi + 1e-9] += 2 * math.pi
    return np.asarray(vectors @ np.diag(np.exp(1j * phases * exponent)) @ np.linalg.inv(vectors))


def near_the_cut(matrix: Matrix) -> bool:
    """Tell whether a phase is so near to -pi that its root depends on rounding errors."""
    phases = np.angle(np.linalg.eigvals(matrix))
    return bool(np.any((np.abs(phases) > math.pi - 1e-5) & (np.abs(phases) < math.pi - 1e-13)))


@settings(deadline=None)
@given(
    st.sampled_from(sorted(KNOWN)), st.lists(MODIFIERS, max_size=3), st.lists(ANGLES, min_size=4, max_size=4)
)
@example("cu", ["ctrl", "inv"], [1.0, 2.0, 0.3, 0.7])
@example("rz", [0.5, "ctrl"], [3 * math.pi] * 4)
@example("rxx", ["ctrl", -0.5], [-7.0] * 4)
def test_modifiers_change_a_gate_as_the_language_says(
    name: str, modifiers: list[str | float], values: list[float]
) -> None:
    known = KNOWN[name]
    angles = values[: known.angles]
    controls = 0
    qubits = known.qubits
    written: list[str] = []
    formal = f"({', '.join(map(repr, angles))})" if angles else ""
    base = f"{name}{formal} {', '.join(f'q[{place}]' for place in range(qubits))};"
    matrix = matrix_of(base, qubits)
    for modifier in modifiers:
        if modifier in ("ctrl", "negctrl"):
            controls += 1
        if qubits + controls > QUBITS or (isinstance(modifier, float) and qubits + controls > 3):
            return
        if isinstance(modifier, float) and near_the_cut(matrix):
            return
        matrix = modified(matrix, modifier)
        written.insert(0, f"{modifier} @" if isinstance(modifier, str) else f"pow({modifier}) @")
    places = ", ".join(f"q[{place}]" for place in range(qubits + controls))
    statement = f"{' '.join(written)} {name}{formal} {places};"
    assert matrix_of(statement, qubits + controls) == pytest.approx(matrix, abs=1e-6), statement


@pytest.mark.parametrize(
    "statement",
    [
        "inv @ ctrl @ cu(1, 2, 0.3, 0.7) q[0], q[1], q[2];",
        "inv @ negctrl @ cu(1, 2, 0.3, 0.7) q[2], q[1], q[0];",
        "pow(0.5) @ p(3 * pi) q[0];",
        "ctrl @ pow(-1.5) @ rz(7) q[0], q[1];",
        "pow(0.5) @ crx(9.5) q[0], q[1];",
        "pow(2) @ rz(7) q[1];",
    ],
)
def test_the_simulator_reads_modifiers_alike(statement: str) -> None:
    program = f"{HEAD}qubit[3] q; {statement}"
    found = convert(openqasm3.parse(program)).circuit
    assert np.asarray(Operator(found).data) == pytest.approx(
        np.asarray(Operator(lower(program).circuit).data)
    )
