"""Modifiers of any gate, in any order, do to its matrix what the language says."""

from __future__ import annotations

import math
import re

import numpy as np
import openqasm3
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit.quantum_info import Operator
from qiskit_qasm3_import import ConversionError

from core.openqasm.errors import ProgramError
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
#: Qiskit writes a matrix of two qubits out as gates with a fidelity of 1 - 1e-9, which omits angles of some
#: 1e-5. A later modifier multiplies that.
INEXACT = 1e-3
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
    return bool(np.any((np.abs(phases) > math.pi - INEXACT) & (np.abs(phases) < math.pi - 1e-13)))


@settings(deadline=None)
@given(
    st.sampled_from(sorted(KNOWN)), st.lists(MODIFIERS, max_size=3), st.lists(ANGLES, min_size=4, max_size=4)
)
@example("cu", ["ctrl", "inv"], [1.0, 2.0, 0.3, 0.7])
@example("rz", [0.5, "ctrl"], [3 * math.pi] * 4)
@example("rxx", ["ctrl", -0.5], [-7.0] * 4)
@example("U", ["ctrl", -2], [0.0, 0.0, 6.103515625e-05, 0.0])
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
    assert matrix_of(statement, qubits + controls) == pytest.approx(matrix, abs=INEXACT), statement


@pytest.mark.parametrize(
    "statement",
    [
        "inv @ ctrl @ cu(1, 2, 0.3, 0.7) q[0], q[1], q[2];",
        "inv @ negctrl @ cu(1, 2, 0.3, 0.7) q[2], q[1], q[0];",
        "pow(0.5) @ p(3 * pi) q[0];",
        "ctrl @ pow(-1.5) @ rz(7) q[0], q[1];",
        "pow(0.5) @ crx(9.5) q[0], q[1];",
        "pow(2) @ rz(7) q[1];",
        "ctrl @ pow(1/2) @ gphase(-pi) q[0];",
        "ctrl @ pow(1048576) @ gphase(0.25) q[0];",
        "pow(1099511627776) @ rz(0.1) q[0];",
        "pow(1000001) @ cu(1, 2, 0.3, 0.7) q[0], q[1];",
    ],
)
def test_the_simulator_reads_modifiers_alike(statement: str) -> None:
    program = f"{HEAD}qubit[3] q; {statement}"
    found = convert(openqasm3.parse(program)).circuit
    assert np.asarray(Operator(found).data) == pytest.approx(
        np.asarray(Operator(lower(program).circuit).data)
    )


@pytest.mark.parametrize("angle", ["-pi", "pi", "3 * pi", "-3 * pi", "5 * pi", "-7 * pi", "0.3", "-2.5 * pi"])
@pytest.mark.parametrize("exponent", ["1/2", "-0.5", "1.5", "2", "0.25"])
@pytest.mark.parametrize("modifier", ["ctrl", "negctrl", "inv @ ctrl"])
def test_a_power_of_a_phase_is_that_of_a_gate_with_the_phase(
    angle: str, exponent: str, modifier: str
) -> None:
    phase = matrix_of(f"{modifier} @ pow({exponent}) @ gphase({angle}) q[0];", 1)
    own = HEAD + f"gate g a {{ gphase({angle}); }} qubit[2] q; {modifier} @ pow({exponent}) @ g q[0], q[1];"
    # The second qubit is the gate's, which does nothing to it.
    wide = np.asarray(Operator(lower(own).circuit).data)[:2, :2]
    assert phase == pytest.approx(wide)
    if modifier == "ctrl":
        assert phase == pytest.approx(matrix_of(f"pow({exponent}) @ p({angle}) q[0];", 1))


LOOP = "for int i in [0:3] {{ {} q[0]; }}"


@pytest.mark.parametrize("gate", ["rz(i*0.1)", "rx(i)", "p(2*i)", "U(i, 0, 0)", "crz(i) q[1],"])
def test_the_simulator_refuses_a_root_that_depends_on_the_variable_of_a_loop(gate: str) -> None:
    tree = openqasm3.parse(f"{HEAD}qubit[3] q; {LOOP.format('pow(0.5) @ ' + gate)}")
    with pytest.raises(ConversionError, match="variable of a loop in its angle is not supported"):
        convert(tree)


def test_the_simulator_takes_whole_powers_of_rotations_by_the_variable_of_a_loop() -> None:
    tree = openqasm3.parse(f"{HEAD}qubit[3] q; {LOOP.format('pow(-3) @ rz(i*0.1)')}")
    [loop] = convert(tree).circuit.data
    _, variable, body = loop.operation.params
    bound = body.assign_parameters({variable: 2})
    assert float(bound.data[0].operation.params[0]) == pytest.approx(-0.6)


REFUSED = {
    "pow(1099511627776) @ h q[0];": "a power of gate 'h' is over 1048576",
    "pow(1048577) @ cu(1, 2, 3, 4) q[0], q[1];": "a power of gate 'cu' is over 1048576",
    "pow(-1048576.5) @ rz(0.1) q[0];": "a power of gate 'rz' is over 1048576",
    "pow(1e400) @ x q[0];": "a power is not a finite number",
    "pow(-1e400) @ rz(1) q[0];": "a power is not a finite number",
    "pow(1e16) @ rz(1) q[0];": "a power is over 9007199254740992",
    "pow(1e15) @ rz(1e300) q[0];": "an angle of this power is over 1e+300",
    "pow(3) @ U(1, 1e300, 2) q[0];": "the angles of gate 'u' are too large for a power of it",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_a_power_that_cannot_be_worked_out_is_refused_with_its_place(statement: str) -> None:
    program = f"{HEAD}qubit[3] q; {statement}"
    with pytest.raises(ProgramError, match=re.escape(REFUSED[statement])) as caught:
        lower(program)
    assert (caught.value.line, caught.value.column) == (3, 13)
    with pytest.raises(ConversionError, match=re.escape(REFUSED[statement])):
        convert(openqasm3.parse(program))


@pytest.mark.parametrize("statement", ["rz(1e301) q[0];", "cu(1, 1e308, 1e308, 1e308) q[0], q[1];"])
def test_an_angle_with_which_nothing_can_be_calculated_is_refused(statement: str) -> None:
    with pytest.raises(ProgramError, match=r"is over 1e\+300"):
        lower(f"{HEAD}qubit[3] q; {statement}")


@pytest.mark.parametrize("exponent", [1048575.5, -1048573.5, 1048576, 12345.25])
@pytest.mark.parametrize("gate", ["dcx", "iswap", "ch"])
def test_a_large_power_of_a_matrix_is_unitary(gate: str, exponent: float) -> None:
    found = matrix_of(f"pow({exponent}) @ {gate} q[0], q[1];", 2)
    base = matrix_of(f"{gate} q[0], q[1];", 2)
    assert found @ found.conj().T == pytest.approx(np.eye(4), abs=1e-9)
    assert found == pytest.approx(modified(base, exponent), abs=1e-6)
