"""Cancellation requests: runs, and jobs that no client knows of."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import (
    JobNotFoundError,
    ProviderError,
    ProviderUnavailableError,
)
from core.kafka.topics import CANCEL
from core.protocol import JobEvent, encode
from core.strays import lost, stray
from poller.cancellation import CANCEL_PATIENCE, STRAY_PATIENCE, Answer
from poller.scheduling.budget import Budget
from poller.state import CancellationRequest, Stage
from tests.core.samples import job, wire
from tests.poller.fakes import (
    Message,
    view,
)
from tests.poller.harness import Rig


def test_a_cancellation_request_finds_the_present_job_of_a_loop(rig: Rig) -> None:
    rig.provider.views = {"d1abc": view("DONE"), "d2": view("DONE", job_id="d2")}
    rig.provider.tags = {"qwhisk-process-1": ["d2", "d1abc"]}
    rig.consume(Message(CANCEL, 0, wire()))
    tracked = rig.request()
    rig.step_until(lambda: tracked.due > tracked.consumed_at and tracked.stage is Stage.WAITING)
    assert (rig.provider.cancelled, rig.publisher.sent) == ([], []), "between two steps there is no job yet"
    rig.provider.views["d3"] = view("QUEUED", job_id="d3")
    rig.provider.tags["qwhisk-process-1"].insert(0, "d3")
    rig.step_until(lambda: rig.provider.cancelled == ["d3"])
    rig.provider.views["d3"] = view("CANCELLED", job_id="d3")
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    [event] = rig.finals()
    assert (event.status, event.job_id) == ("CANCELLED", "d3")


def test_each_call_of_a_cancellation_request_is_charged_to_the_budget(rig: Rig) -> None:
    """For a run with three open jobs, one call finds them and three cancel them."""
    [account_worker] = rig.poller.accounts
    account_worker.scheduler.limits = replace(account_worker.scheduler.limits, per_minute=8)
    account_worker.scheduler.budget = Budget(8, time.time())  # two at once, one in ten seconds after that
    open_jobs = {f"d{number}": view("QUEUED", job_id=f"d{number}") for number in range(3)}
    rig.provider.views = dict(open_jobs)
    rig.provider.tags = {"qwhisk-process-1": list(open_jobs)}
    rig.consume(Message(CANCEL, 0, wire()))
    rig.step_until(lambda: rig.provider.cancelled == ["d0"])
    for _ in range(20):
        rig.poller.step(time.monotonic())
    assert rig.provider.cancelled == ["d0"], "more calls than the account allows"
    tracked = rig.request()
    assert 5 < tracked.due - time.time() < 15
    account_worker.scheduler.budget = Budget(None, time.time())
    tracked.due = 0.0
    rig.step_until(lambda: rig.provider.cancelled == ["d0", "d1", "d2"])
    assert b'qwhisk_poller_api_calls_total{account="hardware",kind="cancel"} 3.0' in rig.metrics()
    assert b'qwhisk_poller_api_calls_total{account="hardware",kind="find"} 1.0' in rig.metrics()


def test_a_cancellation_request_that_is_rejected_with_429_pauses_the_account(rig: Rig) -> None:
    [account_worker] = rig.poller.accounts
    rig.provider.views["d1abc"] = ProviderUnavailableError("429", 30.0)
    rig.consume(Message(CANCEL, 0, wire()))
    rig.step_until(lambda: account_worker.scheduler.budget.failures == 1)
    assert account_worker.scheduler.budget.ready_at(0.0) - time.time() > 20
    tracked = rig.request()
    assert tracked.due - time.time() > 20


def test_a_rejected_cancellation_ends_no_job(rig: Rig) -> None:
    rig.provider.views["d1abc"] = ProviderError("No.")
    rig.consume(Message(CANCEL, 0, wire()))
    tracked = rig.request()
    tracked.failures = 50
    rig.step_until(lambda: tracked.failures == 51)
    assert (tracked.stage, rig.publisher.sent) == (Stage.WAITING, [])


def stray_rig(rig: Rig, event: JobEvent, clock: timedelta = timedelta()) -> CancellationRequest:
    """Consume and return a cancellation request for a job submitted just now, by a clock that is off."""
    event = event.model_copy(update={"submitted_at": datetime.now(UTC) + clock})
    rig.consume(Message(CANCEL, 0, encode(event)))
    return rig.request()


@pytest.mark.parametrize("attempt", [None, "a1b2"])
def test_a_job_whose_submission_reply_was_lost_is_found_and_cancelled(rig: Rig, attempt: str | None) -> None:
    tag = "qwhisk-process-1-0" + (f"-{attempt}" if attempt else "")
    rig.provider.views = {"late": view("QUEUED", job_id="late"), "other": view("QUEUED", job_id="other")}
    rig.provider.tags = {"qwhisk-process-1": ["other"]}
    tracked = stray_rig(rig, lost(job(), attempt))
    rig.step_until(lambda: tracked.due > tracked.consumed_at and tracked.stage is Stage.WAITING)
    assert (rig.provider.cancelled, len(rig.poller.tracker)) == ([], 1), "the job may still appear"
    rig.provider.tags[tag] = ["late"]
    tracked.due = 0.0
    hidden = [("late", ["qwhisk-process-1", tag])] if attempt else []
    rig.step_until(lambda: rig.provider.tagged_anew == [*hidden, ("late", [])])
    assert rig.provider.cancelled == ["late"], "another job of the run was cancelled"
    tracked.consumed_at -= STRAY_PATIENCE + 1
    rig.step_until(lambda: tracked.stage is not Stage.CALLING)
    tracked.due = 0.0
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert rig.publisher.sent == [], "the client must get no event"
    rig.close()
    assert rig.consumer.committed == {CANCEL: 1}


@pytest.mark.parametrize("clock", [timedelta(), timedelta(hours=-1), timedelta(hours=1)], ids=str)
def test_the_searches_for_a_lost_job_become_less_frequent(rig: Rig, clock: timedelta) -> None:
    [account_worker] = rig.poller.accounts
    tracked = stray_rig(rig, lost(job()), clock)
    looks = []
    now, patience = tracked.consumed_at, STRAY_PATIENCE
    while now - tracked.consumed_at <= patience:
        looks.append(now)
        rig.poller.tracker.now = lambda now=now: now  # type: ignore[misc]
        rig.poller.tracker.move(tracked, Stage.CALLING)
        rig.poller.cancellations._answered(account_worker, tracked, Answer(), now)
        now = tracked.due
    assert len(looks) < 12
    assert len(rig.poller.tracker) == 1
    rig.poller.tracker.move(tracked, Stage.CALLING)
    rig.poller.cancellations._answered(account_worker, tracked, Answer(), now)
    assert len(rig.poller.tracker) == 0


def test_a_stray_is_cancelled_and_nothing_else(rig: Rig) -> None:
    rig.provider.views = {"d9": view("QUEUED", job_id="d9"), "d1abc": view("QUEUED")}
    rig.provider.tags = {"qwhisk-process-1": ["d9", "d1abc"], "qwhisk-process-1-0": ["d9", "d1abc"]}
    stray_rig(rig, stray(job(), "d9"))
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert (rig.provider.cancelled, rig.provider.tagged_anew) == (["d9"], [("d9", [])])
    assert rig.publisher.sent == []


def test_a_stray_that_no_longer_exists_is_not_a_failure(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise JobNotFoundError("IBM Quantum does not know it.")

    monkeypatch.setattr(rig.provider, "cancel", gone)
    monkeypatch.setattr(rig.provider, "tag", gone)
    stray_rig(rig, stray(job(), "d9"))
    rig.step_until(lambda: len(rig.poller.tracker) == 0)


def test_the_search_for_a_stray_ends_after_failures_that_are_not_the_accounts(rig: Rig) -> None:
    tracked = stray_rig(rig, lost(job()))
    rig.provider.tags["qwhisk-process-1-0"] = ["d9"]
    rig.provider.views["d9"] = ProviderUnavailableError("503")
    tracked.failures = 100
    rig.step_until(lambda: tracked.failures == 101)
    assert len(rig.poller.tracker) == 1
    rig.provider.views["d9"] = ProviderError("400")
    [account_worker] = rig.poller.accounts
    account_worker.scheduler.budget = Budget(None, time.time())
    tracked.due = 0.0
    rig.step_until(lambda: len(rig.poller.tracker) == 0)


def test_a_cancellation_request_for_a_finished_run_ends(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("DONE")
    rig.consume(Message(CANCEL, 0, wire()))
    tracked = rig.request()
    tracked.consumed_at -= CANCEL_PATIENCE + 1
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert rig.publisher.sent == []
