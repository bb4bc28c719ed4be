"""Hybrid algorithms: Estimator jobs that search for parameters, and a last job with the best ones.

Each job is a separate step, and the state of the search travels with it (docs/architecture.md, "Hybrid
algorithms").
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from actions.framework.algorithm import Algorithm
from actions.framework.answer import ActionAnswer, ConvergencePoint
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.toolkit import descent
from actions.toolkit.descent import SearchConfig, SearchState
from core.errors import InputError
from core.protocol import Progress, PubResult

#: Maximum number of steps of a search.
MAX_STEPS = 60


class HybridInput(ActionInput):
    """Base of the hybrid algorithms' inputs."""

    max_steps: int = Field(
        default=20,
        ge=1,
        le=MAX_STEPS,
        title="Maximum steps",
        description="Maximum number of jobs of the search. It ends earlier if another would gain nothing.",
    )


Input = TypeVar("Input", bound=HybridInput)


class HybridAlgorithm(Algorithm[Input]):
    """An algorithm that minimises an expectation value, with one Estimator job for each step."""

    #: The steps of the longest search, and the job with the best parameters.
    max_jobs = MAX_STEPS + 1

    @abstractmethod
    def plan(self, params: Input) -> SearchConfig:
        """Return the settings of the search."""

    @abstractmethod
    def origin(self, params: Input) -> Sequence[float]:
        """Return the point where the search starts.

        Raises:
            InputError: the input is valid by itself, but not as a whole.
        """

    @abstractmethod
    def trial(self, params: Input, rows: Sequence[Sequence[float]]) -> Pub:
        """Return the PUB that measures the cost at these points of the search."""

    @abstractmethod
    def value(self, params: Input, measured: float) -> float:
        """Return a measured cost in the caller's terms."""

    @abstractmethod
    def last(self, params: Input, search: SearchState) -> Job:
        """Return the job after the search; its state and progress are added."""

    @abstractmethod
    def answer(self, params: Input, step: Step, search: SearchState) -> ActionAnswer:
        """Return the last job's result in the caller's terms, with the `convergence` of the search."""

    def search_shots(self, params: Input) -> int | None:  # noqa: ARG002
        """Return the shots of the search's jobs; None means the caller's."""
        return None

    def start(self, params: Input) -> Job:
        return self._search(params, descent.begin(self.origin(params), self.plan(params)))

    def proceed(self, params: Input, step: Step) -> Job | ActionAnswer:
        search, over = _previous(step)
        if over:
            return self.answer(params, step, search)
        plan = self.plan(params)
        result = step.pubs[0]
        values = measured(result, len(descent.points(search, plan)))
        search = descent.advance(search, plan, values, _spread(result))
        if not descent.finished(search, plan):
            return self._search(params, search)
        job = self.last(params, search)
        return Job(job.pubs, job.shots, _state(search, over=True), self._progress(params, search), key="last")

    def convergence(self, params: Input, search: SearchState) -> list[ConvergencePoint]:
        """Return the value of each step, which the page draws."""
        return [
            ConvergencePoint(step=number, value=self.value(params, value))
            for number, value in enumerate(search.values)
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


def _previous(step: Step) -> tuple[SearchState, bool]:
    try:
        state = step.state or {}
        return SearchState.model_validate(state.get("search")), bool(state.get("over"))
    except ValidationError:
        raise InputError(
            "step.state: not a state of this algorithm. Start the run again.", field="step"
        ) from None


def measured(result: PubResult, count: int) -> list[float]:
    """Return the values of an Estimator's PUB.

    Args:
        result: the PUB's result.
        count: number of values that it must have.

    Raises:
        InputError: it does not have that many finite values.
    """
    values = result.evs if isinstance(result.evs, list) else [result.evs]
    if len(values) != count or not all(
        isinstance(value, int | float) and math.isfinite(value) for value in values
    ):
        raise InputError(f"step.result: does not have {count} finite expectation values.", field="step")
    return [float(value) for value in values]


def _spread(result: PubResult) -> float:
    """The mean standard deviation of the values; 0 if the Estimator gives none."""
    spreads = result.stds if isinstance(result.stds, list) else [result.stds]
    known = [float(spread) for spread in spreads if isinstance(spread, int | float) and math.isfinite(spread)]
    return sum(known) / len(known) if known else 0.0
