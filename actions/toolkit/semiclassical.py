"""Phase estimation with one control qubit that is measured and reused for each bit."""

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
    """Append the measurement of the phase of an eigenvalue, its last digit first.

    The inverse Fourier transform becomes rotations that depend on the digits measured before (Griffiths and
    Niu, quant-ph/9511007). The outcomes have the same distribution as with one qubit for each bit.

    Args:
        circuit: the circuit to extend, with the eigenstate prepared.
        control: one qubit, in |0>.
        outcome: one bit for each digit; as a number divided by 2**bits it is the phase in turns.
        apply: a function of k that appends the unitary 2**k times, controlled by `control`.
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
