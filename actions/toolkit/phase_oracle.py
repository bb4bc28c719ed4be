"""The phase oracle of a Boolean function: |x> becomes e^(i angle f(x)) |x>, with few two-qubit gates.

Of two constructions, the one with fewer two-qubit gates is built:

- A sum over parities. f is a sum of Walsh functions, so its phase is one rotation for every parity of bits
  that occurs in it; GraySynth orders the CNOTs between them (Amy, Azimzadeh, Mosca, arXiv:1712.01859). It
  works for any angle. A linear f needs no CNOTs; others never need many more than 2^n - 2.
- A sum modulo 2 of products of bits, or of inverted bits (fixed-polarity Reed-Muller form; Davio, Deschamps,
  Thayse 1978). Each product is one multi-controlled Z. It works for an angle of pi only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit.library import ZGate
from qiskit.synthesis import synth_cnot_phase_aam

from actions.toolkit.walsh import walsh

#: Two-qubit gates of Qiskit's Z with controls, by its number of qubits (0 to 8).
Z_COST = (0, 0, 1, 6, 14, 36, 80, 120, 168)
#: Walsh coefficients below this are rounding errors; the others are multiples of 2^-n.
_NOTHING = 1e-9


def phase_oracle(truth: Sequence[int], angle: float = math.pi) -> QuantumCircuit:
    """Build the circuit that gives every |x> the phase angle * f(x).

    Args:
        truth: f(0), f(1), ... f(2^n - 1), each 0 or 1; n from 1 to 8; bit 0 of x on qubit 0.
        angle: the phase where f is 1, in radians.

    Returns:
        A circuit on n qubits, exact including its global phase.
    """
    return _oracle(tuple(truth), angle).copy()


def two_qubit_gates(oracle: QuantumCircuit) -> int:
    """Return the number of two-qubit gates of a phase oracle if all qubits are connected."""
    return sum(Z_COST[item.operation.num_qubits] for item in oracle.data)


@lru_cache(maxsize=16)
def _oracle(truth: tuple[int, ...], angle: float) -> QuantumCircuit:
    summed = _by_parities(truth, angle)
    if angle != math.pi:
        return summed
    polarity, products = _reed_muller(truth)
    cost = sum(Z_COST[product.bit_count()] for product in products)
    if cost > summed.count_ops().get("cx", 0):
        return summed
    return _by_products(len(truth).bit_length() - 1, polarity, products)


def _by_parities(truth: Sequence[int], angle: float) -> QuantumCircuit:
    qubits = len(truth).bit_length() - 1
    coefficients = walsh([float(value) for value in truth]) / len(truth)
    parities = [y for y in range(1, len(truth)) if abs(coefficients[y]) > _NOTHING]
    circuit = QuantumCircuit(qubits)
    if parities:
        # (-1)^parity = 1 - 2 parity: the parity turns the phase by -2 times the coefficient, and all of them
        # together leave a phase that does not depend on x.
        columns = [[y >> qubit & 1 for y in parities] for qubit in range(qubits)]
        turns = [float(-2 * angle * coefficients[y]) for y in parities]
        circuit = synth_cnot_phase_aam(columns, turns, section_size=1)
    circuit.global_phase += angle * float(coefficients.sum())
    return circuit


def _reed_muller(truth: Sequence[int]) -> tuple[int, list[int]]:
    """The polarity (set bits are inverted) with the cheapest products, and the products as sets of bits."""
    size = len(truth)
    inputs = np.arange(size)
    # Row p: the function of the inputs with the bits of p inverted.
    rows: NDArray[np.int64] = np.asarray(truth, dtype=np.int64)[inputs[:, None] ^ inputs]
    width = 1
    while width < size:
        halves = rows.reshape(size, -1, 2, width)
        halves[:, :, 1] ^= halves[:, :, 0]
        width *= 2
    costs = np.array([Z_COST[value.bit_count()] for value in range(size)])
    # Of equally cheap polarities, the one with the fewest gates in total.
    totals = rows @ costs * size * 4 + rows.sum(axis=1) + np.array([2 * p.bit_count() for p in range(size)])
    polarity = int(np.argmin(totals))
    return polarity, [int(product) for product in np.flatnonzero(rows[polarity])]


def _by_products(qubits: int, polarity: int, products: Sequence[int]) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    inverted = [qubit for qubit in range(qubits) if polarity >> qubit & 1]
    if inverted:
        circuit.x(inverted)
    for product in products:
        on = [qubit for qubit in range(qubits) if product >> qubit & 1]
        if not on:
            circuit.global_phase += math.pi
        elif len(on) == 1:
            circuit.z(on[0])
        elif len(on) == 2:
            circuit.cz(*on)
        else:
            circuit.append(ZGate().control(len(on) - 1, annotated=False), on)
    if inverted:
        circuit.x(inverted)
    return circuit
