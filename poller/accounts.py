"""All accounts that this process looks after, each with its lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.events import JobEvent
from core.provider import Provider
from poller.account import AccountWorker, CallOutcome
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Limits


class Accounts:
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
        delivery: ResultDelivery,
        workers: int,
        limits: dict[str, Limits | None],
        now: float,
        report: Callable[[AccountWorker, CallOutcome], None],
    ) -> None:
        self._provider = provider
        self._accounts: dict[Any, AccountWorker] = {}
        for name, allowed in limits.items():
            account = provider.account(name)
            if account not in self._accounts:
                self._accounts[account] = AccountWorker(
                    name, account, allowed or Limits(), delivery, workers, now, report
                )

    def __iter__(self) -> Iterator[AccountWorker]:
        return iter(self._accounts.values())

    def of(self, event: JobEvent) -> AccountWorker:
        """The lane of the account that the job belongs to."""
        return self._accounts[self._provider.account(event.backend_type)]

    @property
    def busy(self) -> bool:
        """True while a call is under way."""
        return any(account_worker.busy for account_worker in self)

    def wake(self, now: float) -> float:
        """The instant at which the next call is due."""
        return min(account_worker.scheduler.next_wake(now) for account_worker in self)

    def share(self, part: float) -> None:
        """Pollers share what an account allows, as they share the partitions."""
        for account_worker in self:
            allowed, budget = account_worker.scheduler.limits.per_minute, account_worker.scheduler.budget
            if allowed is not None and (share := max(2, round(allowed * part))) != budget.per_minute:
                budget.share(share)

    def close(self) -> None:
        """Wait for what is under way; begin nothing more."""
        for account_worker in self:
            account_worker.close()
