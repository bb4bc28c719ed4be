"""Pauli measurements: the rotation before, the parity and its error after."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Pauli, Statevector

from actions.toolkit.pauli import BASES, Basis, parity, rotate, standard_error


@pytest.mark.parametrize("basis", BASES)
def test_measuring_after_the_rotation_gives_the_paulis_mean(basis: Basis) -> None:
    state = Statevector([0.6, 0.8 * np.exp(0.7j)])
    circuit = QuantumCircuit(1)
    rotate(circuit, 0, basis)
    zero, one = state.evolve(circuit).probabilities()
    assert zero - one == pytest.approx(float(state.expectation_value(Pauli(basis)).real))


def test_the_parity_is_the_mean_of_the_product() -> None:
    assert parity({"00": 3, "11": 2, "01": 4, "10": 1}) == 0
    assert parity({"111": 1}) == -1
    assert parity({"0": 3, "1": 1}) == 0.5


def test_the_error_shrinks_with_the_shots_and_is_never_none() -> None:
    assert standard_error(0, 10_000) == pytest.approx(0.01, rel=1e-3)
    assert standard_error(0.6, 10**6) == pytest.approx(0.8e-3, rel=1e-3)
    assert 0 < standard_error(1, 1000) < math.sqrt(1 / 1000)
    assert standard_error(1, 1) > 0.5
