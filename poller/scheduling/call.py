"""One call to an account, and what an account allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal

from poller.scheduling.job import Key

Kind = Literal["fetch", "look", "list"]


@dataclass(frozen=True, slots=True)
class Call(Generic[Key]):
    """One call to make.

    Attributes:
        kind: of the call; `list` is the list of backends.
        keys: the job, or the jobs, that it is about.
        since: instant of creation, by the provider's clock, from which on a page of jobs is asked for; None
            where a job is looked at alone.
        newest_first: whether that page has the newest jobs, else the oldest.
    """

    kind: Kind
    keys: tuple[Key, ...] = ()
    since: float | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account allows and how dear its calls are.

    Attributes:
        per_minute: calls in any 60 seconds; None for any number.
        price: seconds of lag that one call is worth.
        page: jobs that one call tells of at the most.
        list_every: seconds between lists of backends.
        jobs: jobs kept in memory; more wait at the broker.
    """

    per_minute: int | None = None
    price: float = 0.02
    page: int = 200
    list_every: float = 10.0
    jobs: int = 2_000
