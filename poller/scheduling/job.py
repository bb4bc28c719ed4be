"""A job as the scheduler sees it: its state, and what is known about it. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Generic, TypeVar

from core.bounds import CLOCK_SKEW, HORIZON, MAX_QUEUE, value_within
from poller.scheduling.duration_estimate import SHORTEST
from poller.scheduling.forecast import Forecast

#: The type of the keys by which the owner identifies jobs.
Key = TypeVar("Key", bound=Hashable)


class State(Enum):
    """What the scheduler does with a job."""

    #: It is looked at when a look is worth its call or, on a simulator, when its next look is due.
    WAITING = "waiting"
    #: The next look is at this job alone.
    LOOK_DUE = "look due"
    #: A page of jobs that includes it was requested and is not answered.
    LOOKING = "looking"
    #: A look at this job alone was requested and is not answered.
    LOOKING_ALONE = "looking alone"
    #: It is final at the provider, and its result is to be fetched.
    READY = "ready"
    #: Its result was requested and is not delivered.
    FETCHING = "fetching"
    #: It failed, and nothing is done before `retry_at`.
    BACKING_OFF = "backing off"


#: The states that may follow each state. A job is added as WAITING and removed in any state.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset(
        {State.LOOK_DUE, State.LOOKING, State.LOOKING_ALONE, State.READY, State.BACKING_OFF}
    ),
    State.LOOK_DUE: frozenset({State.LOOKING_ALONE, State.READY, State.BACKING_OFF}),
    State.LOOKING: frozenset({State.WAITING, State.LOOK_DUE, State.READY, State.BACKING_OFF}),
    State.LOOKING_ALONE: frozenset({State.WAITING, State.LOOK_DUE, State.READY, State.BACKING_OFF}),
    State.READY: frozenset({State.FETCHING}),
    State.FETCHING: frozenset({State.READY, State.BACKING_OFF}),
    State.BACKING_OFF: frozenset({State.LOOK_DUE, State.READY}),
}

#: The states in which a page may include the job.
UNKNOWN = (State.WAITING, State.LOOK_DUE)
#: The states in which a look that includes the job is in progress.
BEING_LOOKED_AT = (State.LOOKING, State.LOOKING_ALONE)


class IllegalTransitionError(RuntimeError):
    """A job was moved to a state that cannot follow the one it is in."""


@dataclass(frozen=True, slots=True)
class JobObservation:
    """A job's state at the provider. Instants are in seconds since 1970, by the provider's clock.

    `position`, `completion` and `run_seconds` are the provider's own expectations, where it states them.
    """

    status: str
    final: bool
    created: float | None = None
    started: float | None = None
    finished: float | None = None
    position: int | None = None
    completion: float | None = None
    run_seconds: float | None = None

    def bounded(self, submitted: float, now: float) -> JobObservation:
        """Return a copy without implausible values, which a wrong clock of the provider can cause.

        Args:
            submitted: when the job was submitted, by our clock. It did not start before.
            now: when it was observed, by our clock. What is reported happened before.
        """
        started = value_within(self.started, now - HORIZON, now + CLOCK_SKEW)
        finished = value_within(self.finished, now - HORIZON, now + CLOCK_SKEW)
        if started is not None:
            real = min(max(started, submitted), now)
            # The time between the two is right even if both are wrong.
            finished = None if finished is None or finished < started else real + (finished - started)
            started = real
        return replace(
            self,
            started=started,
            finished=finished,
            position=None if value_within(self.position, 0, MAX_QUEUE) is None else self.position,
            completion=value_within(self.completion, now - HORIZON, now + HORIZON),
            run_seconds=value_within(self.run_seconds, SHORTEST, HORIZON),
        )


@dataclass(eq=False, slots=True)
class ScheduledJob(Generic[Key]):
    """A job that is not delivered yet. Instants are in seconds since 1970.

    Attributes:
        key: what the owner identifies it by.
        client: the id of its client.
        backend: the backend's name.
        submitted: when it was submitted.
        ahead: the number of jobs in the queue when it was submitted; None if unknown.
        looked: when it was last known not to be final.
        expected: its completion as the provider or another poller expects it; None if unknown.
        simulator: whether its completion cannot be estimated.
        stated: whether the provider stated `expected`.
        started: when it began to run; None if it did not, or if unknown.
        run_seconds: how long the provider expects it to run; None if unknown.
        forecast: the position and completion as estimated here.
        state: what the scheduler does with it. Only `JobTable.move` changes it.
        final: whether it is known to be final at the provider.
        refusals: calls about this job alone that the account rejected in a row.
        retry_at: while BACKING_OFF, when it ends.
        poll_at: on a simulator, when the next look is due.
        added: when it was added here.
    """

    key: Key
    client: str
    backend: str
    submitted: float
    ahead: int | None
    looked: float
    expected: float | None = None
    simulator: bool = False
    stated: bool = False
    started: float | None = None
    run_seconds: float | None = None
    forecast: Forecast = field(default=Forecast(0, 0.0, 1.0))
    state: State = State.WAITING
    final: bool = False
    refusals: int = 0
    retry_at: float = 0.0
    poll_at: float = 0.0
    added: float = 0.0
