"""The whole loop of a hybrid algorithm in memory, on a perfect machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from actions.framework.hybrid import HybridAlgorithm
from actions.framework.job import Job, Step
from core.protocol import MAX_STATE_BYTES
from tests.actions.answers import answer_of
from tests.actions.theory import step_of


def looped(
    algorithm: HybridAlgorithm[Any], values: dict[str, Any], spread: float = 0.0, seed: int = 1
) -> tuple[dict[str, Any], list[Job]]:
    """Return the answer and all jobs.

    Args:
        algorithm: the algorithm whose loop is run.
        values: the caller's input.
        spread: standard deviation of noise on the Estimator's values, which are exact by default.
        seed: the seed of the noise, and of the Sampler's shots.
    """
    random = np.random.default_rng(seed)
    params = algorithm.input.model_validate(values)
    jobs = [algorithm.start(params)]
    assert algorithm.start(params) == jobs[0], "a different job; keep the circuit (lru_cache)"
    while True:
        job = jobs[-1]
        state = orjson.dumps(job.state)
        assert len(state) < MAX_STATE_BYTES
        assert job.progress is not None
        assert job.progress.step == len(jobs) - 1 <= job.progress.of == params.max_steps + 1
        step = noisy(
            replace(step_of(job, len(jobs) - 1, seed=seed), state=orjson.loads(state)), spread, random
        )
        reply = algorithm.proceed(params, step)
        assert algorithm.proceed(params, step) == reply, "a repeated step must give the same reply"
        if not isinstance(reply, Job):
            return answer_of(reply), jobs
        jobs.append(reply)


def noisy(step: Step, spread: float, random: np.random.Generator) -> Step:
    """Return the step with noise on its expectation values."""
    if not spread or step.result.evs is None:
        return step
    evs = (np.array(step.result.evs) + spread * random.normal(size=len(step.result.evs))).tolist()
    return replace(step, result=step.result.model_copy(update={"evs": evs, "stds": [spread] * len(evs)}))
