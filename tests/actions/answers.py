"""An algorithm's answers to outcomes that a test chooses."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from core.protocol import JobResult

Input = TypeVar("Input", bound=ActionInput)


def answer_to(
    algorithm: CircuitAlgorithm[Input], params: Input, counts: dict[str, int], *, noisy: bool = True
) -> dict[str, Any]:
    """Return the answer to the counts of register `meas`, which must be JSON."""
    answer = algorithm.answer(params, Step(0, JobResult(counts={"meas": counts}), None, "ibm_x", noisy))
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    return answer
