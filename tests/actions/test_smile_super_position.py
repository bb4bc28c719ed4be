"""The action smile_super_position: its input and its answer. No input makes it raise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.framework.job import Step
from actions.framework.submission import Submission
from actions.smile_super_position import main
from actions.smile_super_position.algorithm import MAX_OTHERS, SmileInput, SmileSuperPosition
from core.protocol import JobResult
from tests.actions.fakes import Provider, Publisher
from tests.core.samples import raw_job

GOOD = {"emoticon_1": ":)", "emoticon_2": ":("}
ENVELOPE = {"client_id": "c-1", "process_job_id": "p-1", "topic": "results." + "a" * 24}
SMILE, FROWN = "0011101000101001", "0011101000101000"


@pytest.fixture(autouse=True)
def submission(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Provider, Publisher]]:
    """What `main` submits with; nothing leaves the process."""
    provider, publisher = Provider(), Publisher()
    fakes: Any = (provider, publisher)
    made = Submission(*fakes)
    monkeypatch.setattr(Submission, "shared", classmethod(lambda cls, bound: made))
    yield provider, publisher
    assert len(provider.submitted) == len(publisher.sent)


def refused(params: dict[str, Any]) -> dict[str, str]:
    """Return the problems of an answer that is an input error, by their field."""
    answer = main(params)
    assert list(answer) == ["error"]
    error = answer["error"]
    assert error["code"] == "invalid_input"
    assert json.loads(json.dumps(error, allow_nan=False)) == error
    assert "Traceback" not in error["message"]
    problems = {item["field"]: item["message"] for item in error["details"]["errors"]}
    for field, message in problems.items():
        assert f"{field}: {message}" in error["message"]
    return problems


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"emoticon_1": None}, "emoticon_1", "valid string"),
        ({"emoticon_1": 7}, "emoticon_1", "valid string"),
        ({"emoticon_2": [":)"]}, "emoticon_2", "valid string"),
        ({"emoticon_1": ""}, "emoticon_1", "at least 1 character"),
        ({"emoticon_1": "x" * 9}, "emoticon_1", "at most 8 characters"),
        ({"emoticon_1": "é)"}, "emoticon_1", "pattern"),
        ({"emoticon_2": ":\n"}, "emoticon_2", "pattern"),
        ({"emoticon_2": "☺️"}, "emoticon_2", "pattern"),
        ({"emoticon_2": ":)("}, "emoticon_2", "make them the same length"),
        ({"emoticon_2": ":)"}, "emoticon_2", "make them different"),
        ({"shots": 0}, "shots", "greater than or equal to 1"),
        ({"shots": 100_001}, "shots", "less than or equal to 100000"),
        ({"shots": "5"}, "shots", "valid integer"),
        ({"shots": 1.5}, "shots", "valid integer"),
        ({"shots": True}, "shots", "valid integer"),
        ({"backend_type": "quantum"}, "backend_type", "'hardware', 'simulator' or 'noisy_simulator'"),
        ({"backend": "../x"}, "backend", "pattern"),
        ({"extra": 1}, "extra", "not permitted"),
        ({"client_id": "a b"}, "client_id", "pattern"),
        ({"topic": "jobs"}, "topic", "pattern"),
        ({"process_job_id": None}, "process_job_id", "valid string"),
    ],
)
def test_a_wrong_field_is_named_with_the_fix(changes: dict[str, Any], field: str, words: str) -> None:
    problems = refused(GOOD | ENVELOPE | changes)
    assert list(problems) == [field]
    assert words in problems[field]


@pytest.mark.parametrize("missing", ["emoticon_1", "emoticon_2", *ENVELOPE])
def test_a_missing_field_is_named(missing: str) -> None:
    params = GOOD | ENVELOPE
    del params[missing]
    assert list(refused(params)) == [missing]


def test_all_wrong_fields_are_reported_at_once() -> None:
    assert set(refused({"emoticon_1": 1, "shots": -1, "extra": 0})) == {
        "emoticon_1",
        "emoticon_2",
        "shots",
        "extra",
    }


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "backend", "shots", "step", "extra", "UPPER", "client_id"])
        | st.text(max_size=3),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=4)
        | st.lists(st.integers()),
        max_size=5,
    )
)
def test_any_input_is_answered_and_never_raises(params: dict[str, Any]) -> None:
    answer = main(params)
    assert list(answer) == ["error"]
    assert set(answer["error"]) == {"code", "message", "details"}
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize("params", [None, [], "x", {7: 8}])
def test_even_input_that_openwhisk_never_sends_does_not_raise(params: Any) -> None:
    assert main(params)["error"]["code"] == "internal_error"


# --- submitting ------------------------------------------------------------------------------------


def test_valid_input_is_submitted_and_announced(submission: tuple[Provider, Publisher]) -> None:
    provider, publisher = submission
    answer = main(GOOD | ENVELOPE | {"shots": 77, "KAFKA_BOOTSTRAP_SERVERS": "s3cret:9092"})
    circuit = answer.pop("circuit")
    assert answer == {
        "job_id": "job-1",
        "backend": "aer_simulator",
        "backend_type": "simulator",
        "process_job_id": "p-1",
        "client_id": "c-1",
        "function": "smile_super_position",
        "step": 0,
        "progress": None,
    }
    assert circuit["qubits"] == 16
    assert circuit["openqasm3"].startswith("OPENQASM 3.0;")
    [(_, backend, shots, tags)] = provider.submitted
    assert (backend, shots, tags) == ("aer_simulator", 77, ["qwhisk-p-1", "qwhisk-p-1-0"])
    [event] = publisher.events()
    # The caller's input unchanged, and none of the deployment's settings.
    assert event.params == GOOD | {"shots": 77}
    assert (event.topic, event.client_id, event.process_job_id) == (ENVELOPE["topic"], "c-1", "p-1")


# --- answering -------------------------------------------------------------------------------------


def step(counts: Any, **changes: Any) -> dict[str, Any]:
    result = {"counts": {"meas": counts}, "shots": 10}
    return {"step": raw_job(backend_type="simulator", status="DONE", result=result) | changes}


def test_the_answer_has_the_frequency_of_each() -> None:
    answer = main(step({SMILE: 6, FROWN: 2, "0" * 16: 1, "1" * 16: 1}))["answer"]
    assert answer == {
        "summary": ":) was seen 6 times and :( 2 times, out of 10.",
        "emoticons": [
            {"text": ":)", "bitstring": SMILE, "count": 6, "probability": 0.6},
            {"text": ":(", "bitstring": FROWN, "count": 2, "probability": 0.2},
        ],
        "others": [
            {"text": "\\x00\\x00", "bitstring": "0" * 16, "count": 1, "probability": 0.1},
            {"text": "\\xff\\xff", "bitstring": "1" * 16, "count": 1, "probability": 0.1},
        ],
        "others_probability": 0.2,
        "shots": 10,
        "ideal": {SMILE: 0.5, FROWN: 0.5},
    }
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_an_emoticon_that_was_never_seen_is_included_with_zero() -> None:
    answer = main(step({SMILE: 4}))["answer"]
    assert [entry["count"] for entry in answer["emoticons"]] == [4, 0]
    assert (answer["others"], answer["others_probability"]) == ([], 0.0)


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"counts": {}},
        {"counts": {"meas": {}}},
        {"counts": {"meas": {SMILE: 0}}},
        {"counts": {"c": {"0": 1}}},
    ],
)
def test_a_result_without_counts_is_reported_as_such(result: dict[str, Any]) -> None:
    error = main({"step": step({})["step"] | {"result": result}})["error"]
    assert (error["code"], error["details"]) == ("invalid_input", {"field": "step"})
    assert "no counts of register 'meas'" in error["message"]


@given(st.dictionaries(st.text("01", min_size=16, max_size=16), st.integers(1, 1000), max_size=40))
def test_every_shot_is_in_the_answer_once(noise: dict[str, int]) -> None:
    counts = {SMILE: 5} | noise
    params = SmileInput(emoticon_1=":)", emoticon_2=":(")
    result = JobResult(counts={"meas": counts})
    answer = SmileSuperPosition().answer(params, Step(0, result, None, "aer_simulator", False)).as_dict()
    assert answer["shots"] == sum(counts.values())
    wanted = sum(entry["probability"] for entry in answer["emoticons"])
    assert wanted + answer["others_probability"] == pytest.approx(1)
    listed = [entry["count"] for entry in answer["others"]]
    assert listed == sorted(listed, reverse=True)
    others = set(counts) - {SMILE, FROWN}
    assert len(listed) == min(MAX_OTHERS, len(others))
    assert {entry["bitstring"] for entry in answer["others"]} <= others
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (None, "not a ResultEvent"),
        ({}, "not a ResultEvent"),
        ([], "not a ResultEvent"),
        ("x", "not a ResultEvent"),
        (step({})["step"] | {"status": "MELTED"}, "not a ResultEvent"),
        (step({})["step"] | {"submitted_at": "0001-01-01T00:00:00+14:00"}, "not a ResultEvent"),
        (step({})["step"] | {"result": None}, "has no result"),
        (step({})["step"] | {"params": {}}, "emoticon_1"),
        (step({})["step"] | {"params": GOOD | {"shots": -1}}, "shots"),
    ],
)
def test_a_bad_step_is_an_error_with_its_reason(bad: Any, words: str) -> None:
    error = main({"step": bad})["error"]
    assert error["code"] == "invalid_input"
    assert words in error["message"]
    json.dumps(error, allow_nan=False)
