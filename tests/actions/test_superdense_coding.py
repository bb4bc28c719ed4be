"""superdense_coding: two bits per qubit, exactly; and what is read from noise."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import DensityMatrix, StabilizerState, partial_trace

from actions.framework.input import validated
from actions.framework.job import Step
from actions.superdense_coding.algorithm import SuperdenseInput, algorithm
from actions.superdense_coding.circuit import superdense_coding
from core.errors import InputError
from core.protocol import JobResult
from tests.actions.cases import superdense_coding as case
from tests.actions.theory import probabilities, step_of

messages = st.lists(st.sampled_from(["00", "01", "10", "11"]), min_size=1, max_size=8).map("".join)


def answer_of(message: str, counts: dict[str, int]) -> dict[str, Any]:
    step = Step(0, JobResult(counts={"meas": counts}), None, "fake_fez", True)
    answer = algorithm.answer(SuperdenseInput(message=message), step).as_dict()
    json.dumps(answer, allow_nan=False)
    return answer


@given(messages)
def test_the_message_arrives_with_certainty(message: str) -> None:
    bare = superdense_coding(message).remove_final_measurements(inplace=False)
    assert StabilizerState(bare).probabilities_dict() == {message: 1}


@pytest.mark.parametrize("message", ["00", "01", "10", "11", "1101"])
def test_also_measured(message: str) -> None:
    assert probabilities(superdense_coding(message)) == pytest.approx({message: 1})


def until_sent(message: str) -> QuantumCircuit:
    """What happens before the second barrier: sharing and encoding."""
    circuit = superdense_coding(message)
    second = [place for place, item in enumerate(circuit.data) if item.operation.name == "barrier"][1]
    part = QuantumCircuit(circuit.num_qubits)
    for item in circuit.data[:second]:
        part.append(item.operation, [circuit.find_bit(qubit).index for qubit in item.qubits])
    return part


@pytest.mark.parametrize("message", ["00", "01", "10", "11"])
def test_the_qubit_that_is_sent_reveals_nothing_alone(message: str) -> None:
    """An eavesdropper sees a fair coin in any direction: the bits are only in the entanglement."""
    state = DensityMatrix(until_sent(message))
    for other in (0, 1):
        assert np.allclose(partial_trace(state, [other]).data, np.eye(2) / 2, atol=1e-12)


@given(messages)
def test_alice_touches_her_qubits_alone(message: str) -> None:
    circuit = superdense_coding(message)
    first, second, *_ = (place for place, item in enumerate(circuit.data) if item.operation.name == "barrier")
    touched = {
        circuit.find_bit(qubit).index for item in circuit.data[first + 1 : second] for qubit in item.qubits
    }
    assert all(qubit % 2 == 1 for qubit in touched)


def test_the_transpiler_leaves_the_protocol_whole() -> None:
    ready = transpile(superdense_coding("0000"), basis_gates=["cz", "rz", "sx", "x"], optimization_level=3)
    assert ready.count_ops()["cz"] == 4


def test_the_case_that_runs_end_to_end() -> None:
    params = SuperdenseInput(**case.VALUES)
    case.check(algorithm.answer(params, step_of(algorithm.start(params))).as_dict(), noisy=False)


def test_a_message_is_read_through_noise_that_changes_every_shot() -> None:
    """No shot is right in both pairs, but each pair is right more often than any other value."""
    answer = answer_of("0111", {"0100": 30, "0110": 30, "0011": 25, "1011": 20})
    assert answer["received"] == "0111"
    assert answer["success"] == 0
    assert answer["pairs"] == pytest.approx([60 / 105, 45 / 105])
    assert "only the many repetitions" in answer["note"]


def test_a_wrong_message_is_reported_as_wrong() -> None:
    answer = answer_of("0111", {"0011": 6, "0111": 4})
    assert answer["received"] == "0011"
    assert answer["summary"] == "0111 was sent by 2 qubits, but 0011 was received."
    assert "too strong" in answer["note"]


def test_one_qubit_is_singular() -> None:
    assert answer_of("11", {"11": 1})["summary"] == (
        "All 2 bits arrived by sending 1 qubit: 11; "
        "the whole message was read right in 100 % of 1 transmission."
    )


@given(messages, st.data())
def test_any_counts_give_a_message(message: str, data: st.DataObject) -> None:
    outcome = st.text("01", min_size=len(message), max_size=len(message))
    counts = data.draw(st.dictionaries(outcome, st.integers(1, 100), min_size=1, max_size=20))
    answer = answer_of(message, counts)
    assert len(answer["received"]) == len(message)
    assert all(0 <= part <= 1 for part in [answer["success"], *answer["pairs"]])
    assert answer["success"] <= min(answer["pairs"])
    assert (answer["received"] == message) == answer["summary"].startswith("All ")


@pytest.mark.parametrize("message", ["0", "011", "0a", "", "01" * 9, "0 1"])
def test_an_odd_number_of_bits_is_refused(message: str) -> None:
    with pytest.raises(InputError, match="message: "):
        validated(SuperdenseInput, {"message": message})
