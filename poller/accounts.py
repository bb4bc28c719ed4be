"""All provider accounts of this process, each with its worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.protocol import JobEvent
from core.provider import Provider
from poller.account import AccountWorker, CallOutcome
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Limits


class Accounts:
    """The AccountWorker of each account.

    Args:
        provider: the provider of the accounts.
        delivery: fetches and delivers the results.
        workers: for each account, the number of threads for looks, and the number for deliveries.
        limits: what the accounts for `hardware` and `simulator` allow; None for the defaults.
        now: the time in seconds since 1970.
        report: called in a worker thread with the outcome of each call.
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
        """Return the worker of the account that the job belongs to."""
        return self._accounts[self._provider.account(event.backend_type)]

    @property
    def busy(self) -> bool:
        """Whether a call is in progress."""
        return any(account_worker.busy for account_worker in self)

    def wake(self, now: float) -> float:
        """Return when the next call is due, in seconds since 1970."""
        return min(account_worker.scheduler.next_wake(now) for account_worker in self)

    def share(self, part: float) -> None:
        """Set this poller's share of each account's limit.

        Args:
            part: the share, as a fraction of the limit. Pollers share limits as they share the partitions.
        """
        for account_worker in self:
            allowed, budget = account_worker.scheduler.limits.per_minute, account_worker.scheduler.budget
            if allowed is not None and (share := max(2, round(allowed * part))) != budget.per_minute:
                budget.share(share)

    def close(self) -> None:
        """Wait for the calls in progress and start no more."""
        for account_worker in self:
            account_worker.close()
