"""A call to an account, and the limits of an account. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal

from poller.scheduling.job import Key

CallKind = Literal["fetch", "look", "list"]


@dataclass(frozen=True, slots=True)
class Call(Generic[Key]):
    """A call to make.

    Attributes:
        kind: `fetch` a result, `look` at jobs, or `list` the backends.
        keys: the jobs that the call is about.
        since: the page has jobs created from this time on, by the provider's clock; None for a look at one
            job.
        newest_first: whether the page starts with the newest jobs instead of the oldest.
    """

    kind: CallKind
    keys: tuple[Key, ...] = ()
    since: float | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account allows, and the price of its calls.

    Attributes:
        per_minute: calls in any 60 seconds; None for no limit.
        price: seconds of lag that one call is worth.
        page: the most jobs that one look returns.
        list_every: seconds between lists of backends.
        jobs: the most jobs kept in memory; others wait at the broker.
    """

    per_minute: int | None = None
    price: float = 0.02
    page: int = 200
    list_every: float = 10.0
    jobs: int = 2_000
