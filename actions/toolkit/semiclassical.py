"""Phase estimation with one control qubit, which is measured and used again for each bit."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister


def read_phase(
    circuit: QuantumCircuit,
    control: QuantumRegister,
    outcome: ClassicalRegister,
    apply: Callable[[int], None],
) -> None:
    """Append the measurement of an eigenvalue's phase, its last digit first.

    The inverse Fourier transform becomes rotations that depend on the digits measured before (Griffiths and
    Niu, quant-ph/9511007): the outcomes have the very distribution of the transform on a qubit for each bit.

    Args:
        circuit: is appended to; the eigenstate is prepared.
        control: one qubit, in |0>.
        outcome: a bit for each digit; read as a number, over 2**bits it is the phase in turns.
        apply: given k, appends to the circuit the unitary 2**k times, controlled by `control`.
    """
    for done in range(len(outcome)):
        if done:
            circuit.reset(control)
        circuit.h(control)
        apply(len(outcome) - 1 - done)
        for earlier in range(done):
            with circuit.if_test((outcome[earlier], 1)):
                circuit.p(-2 * pi / 2 ** (done - earlier + 1), control)
        circuit.h(control)
        circuit.measure(control, outcome[done])
