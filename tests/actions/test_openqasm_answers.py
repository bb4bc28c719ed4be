"""What an answer says apart from the counts: how the circuit was simulated, and outcomes that are close."""

from __future__ import annotations

from typing import Any

import pytest

from actions.framework.job import Step
from actions.run_openqasm.algorithm import OpenQasmInput, algorithm
from core.protocol import JobResult

PROGRAM = "OPENQASM 3.0; qubit[2] q; bit[2] c; h q[0]; c = measure q;"


def answer(counts: dict[str, int], **metadata: Any) -> dict[str, Any]:
    result = JobResult(counts={"c": counts}, metadata=metadata)
    return algorithm.answer(OpenQasmInput(program=PROGRAM), Step(0, result, None, "x", False))


STABILIZER = {"method": "stabilizer", "noise_model": "none", "active_qubits": 2}


@pytest.mark.parametrize(
    "metadata",
    [
        {"simulator": STABILIZER, "circuit_metadata": {}},
        {"simulator": [STABILIZER]},
    ],
)
def test_the_answer_says_how_the_circuit_was_simulated(metadata: dict[str, Any]) -> None:
    found = answer({"00": 4}, **metadata)
    assert found["simulation"] == {
        "method": "stabilizer",
        "reason": "for circuits of Clifford gates, of any width",
        "active_qubits": 2,
    }
    assert found["notes"][-1] == (
        "simulated by the method stabilizer (for circuits of Clifford gates, of any width) on 2 active qubits"
    )


def test_a_circuits_own_metadata_says_nothing_of_the_simulator() -> None:
    assert "simulation" not in answer({"00": 4}, circuit_metadata={"simulator": STABILIZER})


def test_the_answer_says_how_noise_was_simulated() -> None:
    how = {"method": "density_matrix", "noise_model": "pauli_twirled", "active_qubits": 1}
    found = answer({"00": 4}, simulator=how)
    assert found["simulation"]["noise_model"] == "pauli_twirled"
    assert found["notes"][-1].endswith("on 1 active qubit, with noise approximated by Pauli errors")


def test_a_method_that_is_not_known_is_named_without_a_reason() -> None:
    found = answer({"00": 4}, simulator={"method": "new_method" * 9})
    assert found["simulation"] == {"method": ("new_method" * 9)[:40]}


@pytest.mark.parametrize(
    "metadata",
    [{}, {"circuit_metadata": {}}, {"simulator": {}}, {"simulator": []}, {"simulator": [{"method": 1}]}],
)
def test_an_answer_of_hardware_names_no_method(metadata: dict[str, Any]) -> None:
    found = answer({"00": 4}, **metadata)
    assert "simulation" not in found
    assert not any("simulated" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"00": 900, "01": 100}, "Most often seen: 00 in c (90.0%)."),
        ({"00": 520, "01": 480}, "00 and 01 in c (52.0%, 48.0%; too close to tell apart)."),
        ({"00": 260, "01": 250, "10": 245, "11": 245}, "00, 01, 10 and 11 in c"),
        ({"00": 600, "01": 395, "10": 5}, "Most often seen: 00 in c (60.0%)."),
        ({"11": 1}, "11 in c (100.0%)."),
    ],
)
def test_outcomes_that_are_too_close_to_tell_apart_are_named_together(
    counts: dict[str, int], words: str
) -> None:
    assert words in answer(counts)["summary"]
