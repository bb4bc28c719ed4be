"""The outcomes of calls: delivery, failures of a job and of an account, and the deadline."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import (
    EventError,
    InvocationError,
    JobNotFoundError,
    ProviderError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    StreamError,
)
from core.kafka.topics import JOBS
from poller.call_outcomes import UNKNOWN_GRACE
from poller.delivery.step_reply import StepError
from poller.state import Stage
from tests.core.samples import wire
from tests.poller import results
from tests.poller.fakes import (
    Message,
    view,
)
from tests.poller.harness import Rig


def test_a_finished_job_is_delivered_and_then_committed(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.consumer.messages.append(Message(JOBS, 7, wire()))
    rig.step_until(lambda: not len(rig.poller.tracker) and rig.finals() != [])
    assert [event.status for event in rig.finals()] == ["CANCELLED"]
    rig.close()
    assert rig.consumer.committed == {JOBS: 8}


def test_nothing_is_committed_while_the_outcome_is_not_acknowledged(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.publisher.error = StreamError("Kafka is down.")
    rig.consumer.messages.append(Message(JOBS, 7, wire()))
    rig.step_until(lambda: any(tracked.failures for tracked in rig.poller.tracker))
    rig.close()
    assert rig.consumer.committed.get(JOBS, 7) == 7


def test_a_job_that_is_not_yet_known_is_awaited_whatever_the_clock_of_its_action_says(rig: Rig) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    rig.consumer.messages.append(Message(JOBS, 0, wire(submitted_at=an_hour_ago.isoformat())))
    rig.poller.poll(time.time())
    tracked, error = rig.job(), JobNotFoundError("IBM Quantum does not know the job.")
    for _ in range(3):
        assert rig.poller.completion.failed(tracked, error) > 0
        assert tracked.stage is Stage.SCHEDULED, "the provider may list it later"
    tracked.consumed_at -= UNKNOWN_GRACE
    rig.poller.completion.failed(tracked, error)
    rig.step_until(lambda: bool(rig.finals()))
    [final] = rig.finals()
    assert final.error is not None
    assert final.error.code == "job_not_found"


def test_a_failed_final_event_is_retried_after_a_pause(rig: Rig) -> None:
    """Publishing the error may fail too: then it is retried after a pause, not at once without end."""
    tries: list[float] = []

    def fail(*_: Any) -> None:
        tries.append(time.monotonic())
        raise EventError("It does not fit.")

    rig.delivery.fail_permanently = fail  # type: ignore[assignment,method-assign]
    rig.provider.views["d1abc"] = ProviderError("No.")
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller.poll(time.time())
    tracked = rig.job()
    tracked.failures = 9
    rig.step_until(lambda: len(tries) >= 1)
    rig.step_until(lambda: tracked.stage is Stage.SCHEDULED)
    for _ in range(20):
        rig.poller.step(time.monotonic())
    assert len(tries) == 1


@pytest.mark.parametrize("error", [ProviderUnavailableError("Not now."), RuntimeError("a mistake")])
def test_no_job_of_a_batch_is_stuck_after_a_failed_look(rig: Rig, error: Exception) -> None:
    """A failed listing, or an error of ours, delays a look but loses no job."""
    calls: list[float] = []
    look = rig.provider.look_since

    def fail(*arguments: Any) -> Any:
        calls.append(time.monotonic())
        if len(calls) == 1:
            raise error
        return look(*arguments)

    rig.provider.views = {f"d{number}": view("CANCELLED", job_id=f"d{number}") for number in range(4)}
    rig.provider.look_since = fail  # type: ignore[method-assign,assignment]
    for number in range(4):
        message = Message(
            JOBS, number, wire(job_id=f"d{number}", process_job_id=f"p{number}", backend_type="simulator")
        )
        rig.consumer.messages.append(message)
    rig.poller.poll(time.time())
    assert len(rig.poller.tracker) == 4
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert sorted(event.job_id for event in rig.finals()) == ["d0", "d1", "d2", "d3"]
    assert calls[1] - calls[0] > 0.4, "after a failure there is a pause"


def test_a_rejected_api_key_ends_no_job(rig: Rig) -> None:
    """An operator who replaces the key must not lose the jobs that run in the meantime."""
    rig.provider.views["d1abc"] = ProviderUnauthorizedError("No.")
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller.poll(time.time())
    tracked = rig.job()
    tracked.failures = 50
    [account_worker] = rig.poller.accounts
    account_worker.scheduler.look_now(tracked.key)
    rig.step_until(lambda: account_worker.scheduler.budget.failures > 0)
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert [event.status for event in rig.finals()] == ["CANCELLED"]


@pytest.mark.parametrize("retry_after", [None, 2.0])
def test_an_account_that_asks_to_wait_is_paused(rig: Rig, retry_after: float | None) -> None:
    rig.provider.views["d1abc"] = ProviderUnavailableError("429", retry_after)
    rig.consumer.messages.append(Message(JOBS, 0, wire(backend_type="simulator")))
    [account_worker] = rig.poller.accounts
    rig.step_until(lambda: account_worker.scheduler.budget.failures > 0)
    assert account_worker.scheduler.budget.ready_at(0.0) - time.time() > (retry_after or 0.5) - 0.4


def test_a_job_past_its_deadline_ends_although_the_provider_does_not_answer(rig: Rig) -> None:
    rig.poller.completion.deadline = 60.0
    rig.provider.views["d1abc"] = ProviderUnavailableError("Not now.")
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller._swept = 0.0
    [account_worker] = rig.poller.accounts
    rig.step_until(lambda: account_worker.scheduler.budget.failures > 0)
    rig.poller._swept = 0.0
    rig.step_until(lambda: rig.finals() != [])
    [event] = rig.finals()
    assert event.error is not None
    assert event.error.code == "deadline"


def test_a_lost_reply_of_a_step_whose_successor_is_tracked_does_not_repeat_it(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("QUEUED")
    rig.consume(Message(JOBS, 0, wire(step=3)))
    tracked = rig.job()
    rig.consume(Message(JOBS, 1, wire(step=4, job_id="d4")))
    rig.poller.completion.failed(tracked, StepError("It did not answer in time."))
    assert [left.event.step for left in rig.poller.tracker] == [4]
    assert rig.finals() == []


def test_a_step_that_fails_although_its_next_job_is_announced_ends_no_run(rig: Rig) -> None:
    """The reply was lost repeatedly; the run continues with its next job."""
    rig.invoke.reply = InvocationError("It was slow.", status=504)
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d3": view("DONE", job_id="d3"), "d4": view("QUEUED", job_id="d4")}
    rig.consume(Message(JOBS, 0, wire(step=3, job_id="d3")), Message(JOBS, 1, wire(step=4, job_id="d4")))
    [tracked] = [tracked for tracked in rig.poller.tracker if tracked.event.step == 3]
    tracked.failures = 1_000
    rig.step_until(lambda: [left.event.step for left in rig.poller.tracker] == [4])
    assert rig.finals() == []
