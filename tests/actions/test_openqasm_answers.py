"""What an answer says apart from the counts: how the circuit was simulated, and outcomes that are close."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actions.framework.answer import output_schema
from actions.framework.job import Step
from actions.run_openqasm.algorithm import OpenQasmInput, algorithm
from actions.run_openqasm.answer import OpenQasmAnswer
from core.protocol import JobResult

PROGRAM = "OPENQASM 3.0; qubit[2] q; bit[2] c; h q[0]; c = measure q;"


def answer(counts: dict[str, int], **metadata: Any) -> dict[str, Any]:
    result = JobResult(counts={"c": counts}, metadata=metadata)
    return algorithm.answer(OpenQasmInput(program=PROGRAM), Step(0, result, None, "x", False)).as_dict()


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
        "noise_model": None,
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
    assert found["simulation"] == {
        "method": ("new_method" * 9)[:40],
        "reason": None,
        "noise_model": None,
        "active_qubits": None,
    }


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


def test_outcomes_that_are_equally_likely_but_for_rounding_have_one_probability_and_ascend() -> None:
    rotations = " ".join(f"rx(pi / 2) q[{place}]; rz(0.{place + 1}) q[{place}];" for place in range(5))
    program = f"OPENQASM 3.0; qubit[5] q; bit[5] c; {rotations} c = measure q;"
    result = JobResult(counts={"c": {"00000": 4}}, metadata={})
    found = algorithm.answer(OpenQasmInput(program=program), Step(0, result, None, "x", False)).ideal
    assert found is not None
    assert list(found) == sorted(found)
    assert len(found) == 32
    assert set(found.values()) == {1 / 32}


def test_the_schema_of_the_answer_describes_all_that_an_answer_can_have() -> None:
    how = {"method": "density_matrix", "noise_model": "pauli_twirled", "active_qubits": 1}
    result = JobResult(counts={"c": {"11": 1000}}, metadata={"simulator": how})
    noisy = algorithm.answer(OpenQasmInput(program=PROGRAM), Step(0, result, None, "x", True)).as_dict()
    loop = "OPENQASM 3.0; qubit q; bit c; while (!c) { h q; c = measure q; }"
    result = JobResult(counts={"c": {"1": 3}, "unfinished": {"0": 2, "1": 1}}, metadata={})
    cut = algorithm.answer(OpenQasmInput(program=loop), Step(0, result, None, "x", False)).as_dict()
    schema = Draft202012Validator(output_schema(OpenQasmAnswer))
    for found in (noisy, cut):
        schema.validate(found)
    assert noisy.keys() | cut.keys() == OpenQasmAnswer.model_fields.keys()
    assert cut["unfinished"] == 1
    assert "1 of 3 shots" in cut["notes"][-1]
