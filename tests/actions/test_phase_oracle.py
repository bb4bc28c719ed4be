"""The phase oracle that several algorithms share, and the transform it is made with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import ZGate
from qiskit.quantum_info import Operator, Statevector

from actions.toolkit.outcomes import format_list, frequencies, ideal, percent
from actions.toolkit.phase_oracle import Z_COST, phase_oracle
from actions.toolkit.walsh import walsh
from tests.examples import examples

tables = st.integers(1, 5).flatmap(lambda n: st.lists(st.integers(0, 1), min_size=2**n, max_size=2**n))


def two_qubit_gates(circuit: QuantumCircuit) -> int:
    ready = transpile(circuit, basis_gates=["rz", "sx", "x", "cz"], optimization_level=2, seed_transpiler=0)
    return int(ready.count_ops().get("cz", 0))


@given(tables, st.sampled_from([math.pi, -math.pi, 0.7, 2.5]))
def test_every_input_gets_exactly_its_phase(truth: list[int], angle: float) -> None:
    made = Operator(phase_oracle(truth, angle)).data
    assert np.allclose(made, np.diag(np.exp(1j * angle * np.array(truth))), atol=1e-9)


@pytest.mark.parametrize("angle", [math.pi, 1.1])
def test_eight_bits_get_their_phases_too(angle: float) -> None:
    even = Statevector(np.full(256, 1 / 16))
    for truth in (
        np.random.default_rng(5).integers(0, 2, 256),
        np.arange(256) == 77,
        np.arange(256) % 3 == 0,
    ):
        values = [int(value) for value in truth]
        turned = even.evolve(phase_oracle(values, angle)).data * 16
        assert np.allclose(turned, np.exp(1j * angle * np.array(values)), atol=1e-9)


@pytest.mark.parametrize(
    ("truth", "gates"),
    [
        ([x.bit_count() & 1 for x in range(256)], 0),  # linear: no entanglement
        ([1] * 32, 0),
        ([int(x == 3) for x in range(4)], 1),
        (
            [(x & 1) & (x >> 1 & 1) ^ (x >> 2 & 1) & (x >> 3 & 1) for x in range(16)],
            2,
        ),  # quadratic: one CZ each
        ([int(x in (1, 3)) for x in range(4)], 0),
        ([int(x == 5) for x in range(8)], 6),
    ],
)
def test_a_structured_function_costs_little(truth: list[int], gates: int) -> None:
    assert two_qubit_gates(phase_oracle(truth)) == gates


@examples(30)
@given(tables)
def test_no_function_costs_much_more_than_a_general_diagonal(truth: list[int]) -> None:
    assert phase_oracle(truth, 0.3).count_ops().get("cx", 0) <= 1.1 * len(truth)
    assert two_qubit_gates(phase_oracle(truth)) <= 1.1 * len(truth)


def test_changing_a_returned_oracle_does_not_change_the_next() -> None:
    phase_oracle([0, 1, 1, 0]).h(0)
    assert "h" not in phase_oracle([0, 1, 1, 0]).count_ops()


@pytest.mark.parametrize("qubits", range(2, 9))
def test_the_costs_by_which_it_chooses_are_qiskits(qubits: int) -> None:
    circuit = QuantumCircuit(qubits)
    circuit.append(ZGate().control(qubits - 1, annotated=False), range(qubits))
    assert two_qubit_gates(circuit) == Z_COST[qubits]


@given(st.lists(st.integers(-50, 50), min_size=8, max_size=8))
def test_the_transform_is_the_sum_that_defines_it(values: list[int]) -> None:
    expected = [sum(v * (-1) ** (x & y).bit_count() for x, v in enumerate(values)) for y in range(8)]
    assert walsh(values).tolist() == expected
    assert (walsh(walsh(values)) / 8).tolist() == values


def test_the_likeliest_outcomes_come_first_and_impossible_ones_are_left_out() -> None:
    assert ideal(np.array([0.2, 0.0, 0.6, 0.2])) == {"10": 0.6, "00": 0.2, "11": 0.2}
    many = ideal(np.full(256, 1 / 256))
    assert list(many) == [f"{value:08b}" for value in range(64)]
    assert frequencies({"10": 3, "11": 1}, 2).tolist() == [0, 0, 3, 1]


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.97, "97 %"),
        (0.1254, "12.5 %"),
        (0.9999, "99.99 %"),
        (0.0004, "0.04 %"),
    ],
)
def test_a_share_in_words(probability: float, text: str) -> None:
    assert percent(probability) == text


def test_a_list_in_words() -> None:
    assert [format_list(range(n)) for n in range(1, 4)] == ["0", "0 and 1", "0, 1 and 2"]
