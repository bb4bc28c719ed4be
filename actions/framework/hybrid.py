"""Hybrid algorithms: Estimator jobs that search for parameters, and a last job with what was found.

Each job is a step of its own (docs/architecture.md, "Hybrid algorithms"): the search's state travels with it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.toolkit import descent
from actions.toolkit.descent import SearchConfig, SearchState
from core.errors import InputError
from core.protocol import Progress, PubResult

#: Steps of a search at most, whatever the caller asks for.
MAX_STEPS = 60


class HybridInput(ActionInput):
    """Base of the hybrid algorithms' inputs."""

    max_steps: int = Field(
        default=20,
        ge=1,
        le=MAX_STEPS,
        title="Steps at most",
        description="Jobs that the search may take; it ends earlier where a further one would gain nothing.",
    )


Input = TypeVar("Input", bound=HybridInput)


class HybridAlgorithm(Algorithm[Input]):
    """An algorithm that minimises what the Estimator measures, one job a step."""

    @abstractmethod
    def plan(self, params: Input) -> SearchConfig:
        """How to search."""

    @abstractmethod
    def origin(self, params: Input) -> Sequence[float]:
        """Where the search starts. InputError where the input makes no sense."""

    @abstractmethod
    def trial(self, params: Input, rows: Sequence[Sequence[float]]) -> Pub:
        """What the Estimator is to run for these points of the search."""

    @abstractmethod
    def value(self, params: Input, measured: float) -> float:
        """What the caller sees of a measured value."""

    @abstractmethod
    def last(self, params: Input, search: SearchState) -> Job:
        """The job after the search; its state and progress are added."""

    @abstractmethod
    def answer(self, params: Input, step: Step, search: SearchState) -> dict[str, Any]:
        """The result in the caller's terms, of the last job; `convergence` is added."""

    def search_shots(self, params: Input) -> int | None:  # noqa: ARG002
        """Shots of the search's jobs; None takes the caller's."""
        return None

    def start(self, params: Input) -> Job:
        return self._search(params, descent.begin(self.origin(params), self.plan(params)))

    def proceed(self, params: Input, step: Step) -> Job | dict[str, Any]:
        search, over = _remembered(step)
        if over:
            return self.answer(params, step, search) | {"convergence": self.convergence(params, search)}
        plan = self.plan(params)
        found = step.pubs[0]
        values = measured(found, len(descent.points(search, plan)))
        search = descent.advance(search, plan, values, _spread(found))
        if not descent.finished(search, plan):
            return self._search(params, search)
        job = self.last(params, search)
        return Job(job.pubs, job.shots, _state(search, over=True), self._progress(params, search), key="last")

    def convergence(self, params: Input, search: SearchState) -> list[dict[str, float]]:
        """What was reached at each step, as the page draws it."""
        return [
            {"step": number, "value": self.value(params, value)} for number, value in enumerate(search.values)
        ]

    def _search(self, params: Input, search: SearchState) -> Job:
        pub = self.trial(params, descent.points(search, self.plan(params)))
        progress = self._progress(params, search)
        state = _state(search, over=False)
        return Job([pub], self.search_shots(params), state, progress, key="search")

    def _progress(self, params: Input, search: SearchState) -> Progress:
        reached = self.value(params, search.values[-1]) if search.values else None
        return Progress(step=len(search.values), of=params.max_steps + 1, value=reached)


def _state(search: SearchState, over: bool) -> dict[str, Any]:
    return {"search": search.dump(), "over": over}


def _remembered(step: Step) -> tuple[SearchState, bool]:
    try:
        remembered = step.state or {}
        return SearchState.model_validate(remembered.get("search")), bool(remembered.get("over"))
    except ValidationError:
        raise InputError("step.state: is not this algorithm's. Start the run again.", field="step") from None


def measured(found: PubResult, count: int) -> list[float]:
    """The Estimator's values, `count` of them and all finite; InputError if they are not."""
    values = found.evs if isinstance(found.evs, list) else [found.evs]
    if len(values) != count or not all(
        isinstance(value, int | float) and math.isfinite(value) for value in values
    ):
        raise InputError(f"step.result: has no {count} finite expectation values.", field="step")
    return [float(value) for value in values]


def _spread(found: PubResult) -> float:
    """Standard deviation of a value, as the Estimator tells it; 0 if it does not."""
    spreads = found.stds if isinstance(found.stds, list) else [found.stds]
    known = [float(spread) for spread in spreads if isinstance(spread, int | float) and math.isfinite(spread)]
    return sum(known) / len(known) if known else 0.0
