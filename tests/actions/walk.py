"""Runs an algorithm from its input to its answer through `main`, on a perfect or a useless machine."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub
from actions.framework.submission import Run, Submission
from core.protocol import JobEvent, JobResult, PubResult, ResultEvent, encode
from core.settings import ACTION_SETTINGS
from tests.actions.fakes import Provider, Publisher
from tests.actions.theory import result_of

#: Number of jobs after which a hybrid algorithm counts as endless.
MAX_JOBS = 500

ENVELOPE = {"client_id": "c-1", "process_job_id": "p-1", "topic": "results." + "a" * 24}

DEFAULT_SHOTS: int = ActionInput.model_fields["shots"].default

#: Part of every secret below.
SECRET = "s3cret"
#: The settings that the deployment binds to an action.
SETTINGS = {name: f"{SECRET}-{name.lower()}" for name in ACTION_SETTINGS}


class _Recording(Submission):
    """Submits to fakes, and keeps the jobs as the algorithm made them."""

    def __init__(self) -> None:
        self.publisher, self.jobs = Publisher(), list[Job]()
        provider: Any = Provider()
        publisher: Any = self.publisher
        # The fake lists no job, so there is nothing to wait for.
        super().__init__(provider, publisher, pauses=(0.0,), settle=0.0)

    def submit(self, run: Run, job: Job) -> dict[str, Any]:
        self.jobs.append(job)
        return super().submit(run, job)


@dataclass
class Caller:
    """Calls an algorithm's `main` as OpenWhisk does; nothing leaves the process.

    Args:
        algorithm: the algorithm whose `main` is called.
        fails: the error that every submission raises, or None.
    """

    algorithm: Algorithm[Any]
    fails: Exception | None = None
    submission: _Recording = field(default_factory=_Recording)
    #: Everything printed and logged.
    printed: io.StringIO = field(default_factory=io.StringIO)

    def submit(self, values: dict[str, Any]) -> dict[str, Any]:
        """Call `main` with a client's input."""
        return self.call(values | ENVELOPE)

    def call(self, params: dict[str, Any]) -> dict[str, Any]:
        """Call `main` with these parameters and the deployment's settings."""

        def shared(bound: dict[str, Any]) -> Submission:
            if self.fails is not None:
                raise self.fails
            return self.submission

        with patch.object(Submission, "shared", shared), self._captured():
            return self.algorithm.main(params | SETTINGS)

    @property
    def events(self) -> list[JobEvent]:
        """Return the JobEvents, as the poller reads them."""
        return self.submission.publisher.events()

    def step(self, result: JobResult, noisy: bool = False) -> dict[str, Any]:
        """Return the parameters of the call that follows the last job's result."""
        event = self.events[-1].model_dump() | {"backend_type": "hardware" if noisy else "simulator"}
        ended = ResultEvent(**event, status="DONE", result=result)
        return {"step": json.loads(encode(ended))}

    @contextmanager
    def _captured(self) -> Iterator[None]:
        handler = logging.StreamHandler(self.printed)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            with contextlib.redirect_stdout(self.printed), contextlib.redirect_stderr(self.printed):
                yield
        finally:
            root.removeHandler(handler)


@dataclass
class Walk:
    """One run of an algorithm.

    Args:
        caller: the caller, with the jobs and events of the run.
        outputs: the outputs of `main`, the answer last.
        steps: the step requests after each job.
    """

    caller: Caller
    outputs: list[dict[str, Any]]
    steps: list[dict[str, Any]]

    @property
    def answer(self) -> dict[str, Any]:
        """Return the answer. Raises AssertionError if there is none."""
        assert "answer" in self.outputs[-1], f"not an answer: {str(self.outputs[-1])[:500]}"
        answer: dict[str, Any] = self.outputs[-1]["answer"]
        return answer


def walk(algorithm: Algorithm[Any], values: dict[str, Any]) -> Walk:
    """Call `main` with the results of a perfect machine until there is no further job, or too many."""
    caller = Caller(algorithm)
    outputs, steps = [caller.submit(values)], list[dict[str, Any]]()
    while "job_id" in outputs[-1]:
        assert len(steps) < MAX_JOBS, f"no answer after {MAX_JOBS} jobs"
        steps.append(caller.step(result_of(caller.submission.jobs[-1], values.get("shots", DEFAULT_SHOTS))))
        outputs.append(caller.call(steps[-1]))
    return Walk(caller, outputs, steps)


def useless(job: Job) -> JobResult:
    """Return a result of a machine that gives random outcomes, and meaningless expectation values."""
    pubs = [_noise(pub) for pub in job.pubs]
    return JobResult(**pubs[0].model_dump(), pubs=pubs if len(pubs) > 1 else None)


def _noise(pub: Pub) -> PubResult:
    if pub.observable is not None:
        values = np.asarray(pub.values if pub.values is not None else [], dtype=float)
        if values.ndim < 2:
            return PubResult(evs=0.0, stds=1.0)
        return PubResult(evs=[0.0] * len(values), stds=[1.0] * len(values))
    counts = {}
    for register in pub.circuit.cregs:
        # A few outcomes spread over the whole range, each with a different count.
        outcomes = {number * (2**register.size - 1) // 4 for number in range(5)}
        counts[register.name] = {
            f"{outcome:0{register.size}b}": place + 1 for place, outcome in enumerate(sorted(outcomes))
        }
    return PubResult(
        counts=counts, shots=sum(sum(register_counts.values()) for register_counts in counts.values())
    )
