"""Answers that cannot be sent, and algorithms with more jobs than they declare: both end the run at once."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from actions.framework.algorithm import MAX_ANSWER_BYTES
from actions.framework.job import Job, Step
from core.protocol import step_request
from tests.actions.broken import Coins, CoinsInput, Rounds
from tests.core.samples import result_event

CYCLE: list[Any] = []
CYCLE.append(CYCLE)


def answered(algorithm: Coins | Rounds, **changes: Any) -> dict[str, Any]:
    """The reply of an algorithm to a step."""
    result = {"counts": {"meas": {"01": 3, "10": 5}}, "shots": 8}
    event = result_event(status="DONE", params={"coins": 2}, result=result, **changes)
    return algorithm.main(step_request(event))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "not JSON"),
        (np.float32(0.5), "not JSON"),
        (np.array([1]), "not JSON"),
        ({1, 2}, "not JSON"),
        (CYCLE, "not JSON"),
        ("\ud800", "not JSON"),
        ("x" * MAX_ANSWER_BYTES, "bytes"),
    ],
    ids=["nan", "a NumPy number", "a NumPy array", "a set", "a cycle", "half a pair", "too large"],
)
def test_an_answer_that_cannot_be_sent_is_an_error_with_the_reason(
    value: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Coins):
        def answer(self, params: CoinsInput, step: Step) -> dict[str, Any]:
            return {"summary": "Heads.", "value": value}

    error = answered(Faulty())["error"]
    assert error["code"] == "internal_error"
    assert "gave an answer that cannot be sent" in error["message"]
    assert words in error["message"]
    assert len(error["message"]) <= 1_000
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info


@pytest.mark.parametrize("step", [2, 9])
def test_no_job_beyond_the_declared_number_is_submitted(step: int) -> None:
    class Endless(Rounds):
        def proceed(self, params: CoinsInput, step: Step) -> Job | dict[str, Any]:
            return self.round(params, 0)

    error = answered(Endless(), step=step, progress={"step": 1, "of": 3})["error"]
    assert "a run has at most 3 jobs" in error["message"]
