"""Preparation of a state, its Fourier transform, and the measurement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.library import StatePreparation
from qiskit.synthesis import synth_qft_full


def basis(value: int, qubits: int) -> QuantumCircuit:
    """Prepare the state |value>."""
    circuit = QuantumCircuit(qubits)
    for qubit in range(qubits):
        if value >> qubit & 1:
            circuit.x(qubit)
    return circuit


def periodic(period: int, offset: int, qubits: int) -> QuantumCircuit:
    """Prepare the equal superposition of offset, offset + period, offset + 2 period, ... below 2^qubits."""
    if period & (period - 1):
        amplitudes = np.zeros(2**qubits)
        amplitudes[offset::period] = 1.0
        return general(amplitudes / np.linalg.norm(amplitudes))
    # A power of two: the low bits are those of the offset, and all others are free.
    circuit = basis(offset, qubits)
    free = range(period.bit_length() - 1, qubits)
    if free:
        circuit.h(free)
    return circuit


def general(amplitudes: NDArray[np.complex128] | NDArray[np.float64]) -> QuantumCircuit:
    """Prepare any state of 2^n amplitudes whose squares add up to 1."""
    qubits = len(amplitudes).bit_length() - 1
    circuit = QuantumCircuit(qubits)
    circuit.append(StatePreparation(list(amplitudes)), range(qubits))
    return circuit


def fourier_circuit(state: QuantumCircuit, inverse: bool) -> QuantumCircuit:
    """Build the state's quantum Fourier transform with measurements.

    D. Coppersmith, "An approximate Fourier transform useful in quantum factoring", IBM Research Report
    RC 19642, 1994 (arXiv:quant-ph/0201067); nothing is approximated here. The transform reverses the order
    of the qubits, which its swaps would undo. They are left out: the qubits are measured in reverse order
    instead, and the inverse transform, which begins with the swaps, is given a state prepared in reverse.

    Args:
        state: the circuit that prepares the state.
        inverse: transform with e^(-2 pi i j k / N) instead of e^(2 pi i j k / N).
    """
    qubits = state.num_qubits
    backwards = list(reversed(range(qubits)))
    circuit = QuantumCircuit(qubits)
    circuit.add_register(ClassicalRegister(qubits, "meas"))
    circuit.compose(state, backwards if inverse else range(qubits), inplace=True)
    circuit.compose(synth_qft_full(qubits, do_swaps=False, inverse=inverse), inplace=True)
    circuit.measure(range(qubits) if inverse else backwards, range(qubits))
    return circuit


def spectrum(amplitudes: NDArray[np.complex128], inverse: bool) -> NDArray[np.float64]:
    """Return the probability of each outcome without noise, by the discrete Fourier transform.

    The quantum transform's sign is that of numpy's inverse transform.
    """
    turned = np.fft.fft(amplitudes) if inverse else np.fft.ifft(amplitudes) * len(amplitudes)
    result: NDArray[np.float64] = np.abs(turned) ** 2 / len(amplitudes)
    return result
