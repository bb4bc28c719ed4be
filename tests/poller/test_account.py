"""Accounts and their worker threads: limits that pollers share, and errors of a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import ProviderError, QwhiskError
from core.kafka.topics import JOBS
from poller.account import AccountWorker, CallOutcome
from poller.scheduling.call import Call
from tests.core.samples import job, wire
from tests.poller.fakes import Message, view
from tests.poller.harness import Rig


def worker_of(rig: Rig) -> AccountWorker:
    """Return the worker of the only account."""
    [account_worker] = rig.poller.accounts
    return account_worker


def test_backend_types_of_one_account_share_its_worker(rig: Rig) -> None:
    hardware, simulator = job(backend_type="hardware"), job(backend_type="simulator")
    assert rig.poller.accounts.of(hardware) is rig.poller.accounts.of(simulator) is worker_of(rig)


@pytest.mark.parametrize(("part", "calls"), [(1.0, 100), (0.25, 25), (0.001, 2)])
def test_pollers_share_the_limit_of_an_account(rig: Rig, part: float, calls: int) -> None:
    scheduler = worker_of(rig).scheduler
    scheduler.limits = replace(scheduler.limits, per_minute=100)
    rig.poller.accounts.share(part)
    assert scheduler.budget.per_minute == calls


def test_an_account_without_a_limit_stays_without_one(rig: Rig) -> None:
    rig.poller.accounts.share(0.25)
    assert worker_of(rig).scheduler.budget.per_minute is None


@pytest.mark.parametrize(
    ("error", "message"),
    [(ProviderError("No."), "No."), (RuntimeError("a defect"), "The poller failed; see its log.")],
)
def test_an_error_of_work_is_handed_to_the_loop(rig: Rig, error: Exception, message: str) -> None:
    results: list[QwhiskError | None] = []

    def fail() -> None:
        raise error

    worker_of(rig).run(fail, results.append, "the work")
    rig.step_until(lambda: bool(results))
    [result] = results
    assert isinstance(result, QwhiskError)
    assert result.message == message


@pytest.mark.parametrize("kind", ["look", "fetch"])
def test_no_call_is_made_for_a_job_that_was_revoked_before_its_thread_ran(rig: Rig, kind: str) -> None:
    rig.provider.views["d1abc"] = view("DONE")
    rig.consume(Message(JOBS, 0, wire()))
    tracked = rig.job()
    rig.poller.tracker.revoke((JOBS, 0))
    call = Call("look" if kind == "look" else "fetch", (tracked.key,))
    with pytest.raises(QwhiskError, match="another poller"):
        worker_of(rig)._call(tracked, CallOutcome(call, 0.0))
    assert rig.provider.asked == []
