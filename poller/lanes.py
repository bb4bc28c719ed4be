"""All accounts that this process looks after, each with its lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.events import JobEvent
from core.provider import Provider
from poller.call import Limits
from poller.lane import Found, Lane
from poller.retriever import Retriever


class Lanes:
    """A lane for each account.

    Args:
        provider: where the accounts are.
        retriever: delivers the results.
        workers: threads that look, and as many that deliver, for each account.
        limits: what the accounts for `hardware` and `simulator` allow.
        now: the time, in seconds since 1970.
        report: hands a finding to the loop's thread.
    """

    def __init__(
        self,
        provider: Provider,
        retriever: Retriever,
        workers: int,
        limits: dict[str, Limits | None],
        now: float,
        report: Callable[[Lane, Found], None],
    ) -> None:
        self._provider = provider
        self._lanes: dict[Any, Lane] = {}
        for name, allowed in limits.items():
            account = provider.account(name)
            if account not in self._lanes:
                self._lanes[account] = Lane(
                    name, account, allowed or Limits(), retriever, workers, now, report
                )

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def of(self, event: JobEvent) -> Lane:
        """The lane of the account that the job belongs to."""
        return self._lanes[self._provider.account(event.backend_type)]

    @property
    def busy(self) -> bool:
        """True while a call is under way."""
        return any(lane.busy for lane in self)

    def wake(self, now: float) -> float:
        """The instant at which the next call is due."""
        return min(lane.desk.wake(now) for lane in self)

    def share(self, part: float) -> None:
        """Pollers share what an account allows, as they share the partitions."""
        for lane in self:
            allowed, budget = lane.desk.limits.per_minute, lane.desk.budget
            if allowed is not None and (share := max(2, round(allowed * part))) != budget.per_minute:
                budget.share(share)

    def close(self) -> None:
        """Wait for what is under way; begin nothing more."""
        for lane in self:
            lane.close()
