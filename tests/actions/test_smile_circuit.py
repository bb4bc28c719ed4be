"""The physics of the two emoticons: the state itself, not only its shape."""

from __future__ import annotations

import math
import string
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import StabilizerState, Statevector

from actions.smile_super_position.circuit import superposition, to_bits, to_text

characters = st.characters(min_codepoint=32, max_codepoint=126)


@st.composite
def pairs(draw: st.DrawFn, smallest: int, largest: int) -> tuple[str, str]:
    """Two different strings of equal length."""
    length = draw(st.integers(smallest, largest))
    text = st.text(characters, min_size=length, max_size=length)
    first = draw(text)
    return first, draw(text.filter(lambda second: second != first))


def unmeasured(first: str, second: str) -> QuantumCircuit:
    circuit = superposition(to_bits(first), to_bits(second))
    bare = circuit.remove_final_measurements(inplace=False)
    assert isinstance(bare, QuantumCircuit)
    assert bare.num_qubits == 8 * len(first)
    return bare


def evolved(circuit: QuantumCircuit) -> dict[int, float]:
    """Return the nonzero amplitudes by basis state: exact, and fast even for 64 qubits."""
    state = {0: 1.0}
    for instruction in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        after: dict[int, float] = {}
        for basis, amplitude in state.items():
            match instruction.operation.name:
                case "x":
                    moved = {basis ^ 1 << qubits[0]: amplitude}
                case "cx":
                    moved = {basis ^ (basis >> qubits[0] & 1) << qubits[1]: amplitude}
                case "h":
                    sign = -1 if basis >> qubits[0] & 1 else 1
                    zero, one = basis & ~(1 << qubits[0]), basis | 1 << qubits[0]
                    moved = {zero: amplitude * math.sqrt(0.5), one: sign * amplitude * math.sqrt(0.5)}
                case "barrier":
                    moved = {basis: amplitude}
                case other:
                    pytest.fail(f"an unexpected gate: {other}")
            for place, part in moved.items():
                after[place] = after.get(place, 0.0) + part
        state = {basis: amplitude for basis, amplitude in after.items() if abs(amplitude) > 1e-12}
    return state


@given(pairs(1, 1))
def test_both_amplitudes_of_one_character_are_exactly_equal(pair: tuple[str, str]) -> None:
    state = Statevector(unmeasured(*pair)).data
    places = [int(to_bits(text), 2) for text in pair]
    expected = np.zeros(len(state))
    expected[places] = math.sqrt(0.5)
    assert np.allclose(state, expected, atol=1e-12)


@pytest.mark.parametrize("pair", [(":)", ":("), (":)", "8|"), ("  ", "~~"), ("<3", "^^"), ("ab", "aB")])
def test_both_amplitudes_of_two_characters_are_exactly_equal(pair: tuple[str, str]) -> None:
    state = Statevector(unmeasured(*pair)).data
    places = [int(to_bits(text), 2) for text in pair]
    assert np.allclose(state[places], math.sqrt(0.5), atol=1e-12)
    assert math.isclose(float(np.sum(np.abs(state) ** 2)), 1.0, abs_tol=1e-9)
    assert set(np.flatnonzero(np.abs(state) > 1e-12)) == set(places)


@pytest.mark.parametrize("pair", [(":-)", ":-("), ("abc", "~ X")])
def test_each_of_three_characters_is_seen_half_of_the_time(pair: tuple[str, str]) -> None:
    state = StabilizerState(unmeasured(*pair))
    # The two probabilities are computed separately and add up to 1, so no other of the 2^24 outcomes has any.
    for text in pair:
        bits = to_bits(text)
        assert state.probabilities_dict_from_bitstring(outcome_bitstring=bits) == {bits: 0.5}


@given(pairs(1, 8))
def test_both_amplitudes_of_up_to_eight_characters_are_exactly_equal(pair: tuple[str, str]) -> None:
    assert evolved(unmeasured(*pair)) == pytest.approx(
        {int(to_bits(text), 2): math.sqrt(0.5) for text in pair}
    )


@given(pairs(1, 8))
def test_the_circuit_has_one_hadamard_a_chain_and_no_gate_on_bits_that_are_zero(
    pair: tuple[str, str],
) -> None:
    first, second = map(to_bits, pair)
    circuit = superposition(first, second)
    size = len(first)
    differing = [q for q in range(size) if first[size - 1 - q] != second[size - 1 - q]]
    gates = circuit.count_ops()
    assert gates["h"] == 1
    assert gates.get("cx", 0) == len(differing) - 1
    assert gates["measure"] == size
    assert set(gates) <= {"h", "cx", "x", "barrier", "measure"}
    touched = {
        circuit.find_bit(qubit).index
        for instruction in circuit.data
        if instruction.operation.name in ("h", "cx", "x")
        for qubit in instruction.qubits
    }
    agreeing_ones = {q for q in range(size) if first[size - 1 - q] == second[size - 1 - q] == "1"}
    assert touched == set(differing) | agreeing_ones
    chain = [
        tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        for instruction in circuit.data
        if instruction.operation.name == "cx"
    ]
    # A chain, each link from the qubit before: neighbours on a lattice need no swaps.
    assert chain == list(pairwise(differing))
    assert [register.name for register in circuit.cregs] == ["meas"]


@given(pairs(1, 8))
def test_the_order_of_the_two_does_not_change_the_state(pair: tuple[str, str]) -> None:
    assert evolved(unmeasured(*pair)) == pytest.approx(evolved(unmeasured(*pair[::-1])))


def test_the_last_bit_of_a_text_is_qubit_0() -> None:
    assert to_bits("a") == "01100001"
    assert to_bits(":)") == "0011101000101001"
    circuit = superposition("01", "11")
    assert [circuit.find_bit(i.qubits[0]).index for i in circuit.data if i.operation.name == "h"] == [1]
    assert [circuit.find_bit(i.qubits[0]).index for i in circuit.data if i.operation.name == "x"] == [0]


@given(st.text(characters, max_size=8))
def test_a_text_is_restored_from_its_bits(text: str) -> None:
    assert to_text(to_bits(text)) == text


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("00000000", "\\x00"),
        ("01111111", "\\x7f"),
        ("11111111", "\\xff"),
        ("00001010" + "01100001", "\\x0aa"),
    ],
)
def test_characters_that_cannot_be_printed_are_escaped(bits: str, text: str) -> None:
    assert to_text(bits) == text
    assert set(text) <= set(string.printable)
