"""Answers that cannot be sent, and algorithms with more jobs than they declare: both end the run at once."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from pydantic import Field

from actions.framework.algorithm import MAX_ANSWER_BYTES
from actions.framework.job import Job, Step
from core.protocol import step_request
from tests.actions.broken import Coins, CoinsAnswer, CoinsInput, Rounds, RoundsAnswer
from tests.core.samples import result_event

CYCLE: list[Any] = []
CYCLE.append(CYCLE)


class AnyAnswer(CoinsAnswer):
    """An answer with a field of any type, which is checked only when it is sent."""

    value: Any = Field(title="Value", description="Anything.", examples=[1])


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
        (CYCLE, "not JSON"),
        ("\ud800", "not JSON"),
        ("x" * MAX_ANSWER_BYTES, "bytes"),
    ],
    ids=["nan", "a NumPy number", "a NumPy array", "a cycle", "half a pair", "too large"],
)
def test_an_answer_that_cannot_be_sent_is_an_error_with_the_reason(
    value: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Coins):
        output = AnyAnswer

        def answer(self, params: CoinsInput, step: Step) -> AnyAnswer:
            return AnyAnswer(summary="Heads.", share=0.5, value=value)

    expect(answered(Faulty()), words, caplog)


@pytest.mark.parametrize(
    ("share", "words"),
    [(float("nan"), "share: Input should be a finite"), ("half", "share: Input should be")],
)
def test_an_answer_that_is_not_of_its_model_is_an_error_with_the_reason(
    share: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Coins):
        def answer(self, params: CoinsInput, step: Step) -> CoinsAnswer:
            return CoinsAnswer(summary="Heads.", share=share)

    expect(answered(Faulty()), f"it is not of its model: {words}", caplog)


def test_an_answer_of_another_model_is_an_error_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Coins):
        output = RoundsAnswer

    expect(answered(Faulty()), "it is a CoinsAnswer. Return the model `output`", caplog)


def expect(reply: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture) -> None:
    """Check that the reply is an error with the reason, which is logged once."""
    error = reply["error"]
    assert error["code"] == "internal_error"
    assert "gave an answer that cannot be sent" in error["message"]
    assert words in error["message"]
    assert len(error["message"]) <= 1_000
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info


@pytest.mark.parametrize("step", [2, 9])
def test_no_job_beyond_the_declared_number_is_submitted(step: int) -> None:
    class Endless(Rounds):
        def proceed(self, params: CoinsInput, step: Step) -> Job | RoundsAnswer:
            return self.round(params, 0)

    error = answered(Endless(), step=step, progress={"step": 1, "of": 3})["error"]
    assert "a run has at most 3 jobs" in error["message"]
