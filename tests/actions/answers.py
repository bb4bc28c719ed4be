"""An algorithm's answers to outcomes that a test chooses."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.answer import ActionAnswer
from actions.framework.input import ActionInput
from actions.framework.job import Job, Step
from core.protocol import JobResult

Input = TypeVar("Input", bound=ActionInput)


def answer_to(
    algorithm: CircuitAlgorithm[Input], params: Input, counts: dict[str, int], *, noisy: bool = True
) -> dict[str, Any]:
    """Return the answer to the counts of register `meas`, which must be JSON."""
    reply = algorithm.answer(params, Step(0, JobResult(counts={"meas": counts}), None, "ibm_x", noisy))
    answer = answer_of(reply)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    return answer


def answer_of(reply: Job | ActionAnswer | dict[str, Any]) -> dict[str, Any]:
    """Return a reply, which must be an answer, as the caller receives it."""
    assert isinstance(reply, ActionAnswer), f"not an answer: {reply}"
    return reply.as_dict()
