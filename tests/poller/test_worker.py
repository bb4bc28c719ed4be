"""The poller's turns, with everything around it replaced: what is taken is never lost."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import (
    EventError,
    InvocationError,
    JobNotFoundError,
    ProviderError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    StreamError,
)
from core.kafka import delayed_consumer
from core.kafka.topics import CANCEL, DEAD, JOBS
from core.protocol import MAX_EVENT_BYTES, JobEvent, ResultEvent, decode, encode
from core.settings import KafkaSettings
from core.strays import lost, stray
from poller.cancellation import CANCEL_PATIENCE, STRAY_PATIENCE, Answer
from poller.delivery.result_delivery import ResultDelivery
from poller.delivery.step_reply import StepError
from poller.job_consumer import MAX_BATCH
from poller.scheduling.budget import Budget
from poller.state import MAX_RUNS, CancellationRequest, RunProgress, Stage, TrackedJob
from poller.worker import Poller
from tests.core.samples import job, wire
from tests.poller import results
from tests.poller.fakes import (
    Consumer,
    Documents,
    Invoke,
    Message,
    Provider,
    Publisher,
    consumers_of,
    group_consumer,
    view,
)

WAIT = "jobs.wait.5s"


class Rig:
    """A poller between fakes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delayed_consumer, "group_consumer", group_consumer)
        self.provider, self.publisher = Provider(), Publisher()
        fakes: Any = (self.provider, self.publisher, Documents(), Invoke({"answer": {}}))
        self.delivery = ResultDelivery(*fakes)
        arguments: Any = (self.provider, self.delivery, self.publisher, 1, 1e12)
        self.poller = Poller(KafkaSettings("nowhere:9092", partitions=1), *arguments)
        self.consumer, self.waiting = consumers_of(self.poller.job_consumer)
        self.poller.poll(time.time())  # the partitions come
        for account_worker in self.poller.accounts:
            account_worker.scheduler._list_due = math.inf  # the list of backends is no part of these tests

    def turn_until(self, condition: Callable[[], bool]) -> None:
        """Turns until the condition holds; at most ten seconds."""
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            self.poller.step(time.monotonic())

    def finals(self) -> list[ResultEvent]:
        """The final events that were published."""
        return [e for e in self.results() if e.final]

    def results(self) -> list[ResultEvent]:
        """What clients were told."""
        return [
            decode(ResultEvent, value)
            for topic, _, value in self.publisher.sent
            if topic.startswith("results.")
        ]

    def put_back(self) -> list[tuple[str, str, bytes]]:
        """What went elsewhere than to clients."""
        return [sent for sent in self.publisher.sent if not sent[0].startswith("results.")]

    def text(self) -> bytes:
        """The metrics."""
        return self.poller.metrics.text(self.poller.tracker.states)

    def run_pending(self) -> None:
        """Let the workers end, and commit."""
        self.poller.close()

    def job(self) -> TrackedJob:
        """The only tracked message, which is a job."""
        [tracked] = self.poller.tracker
        assert isinstance(tracked, TrackedJob)
        return tracked

    def request(self) -> CancellationRequest:
        """The only tracked message, which is a cancellation request."""
        [tracked] = self.poller.tracker
        assert isinstance(tracked, CancellationRequest)
        return tracked


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(monkeypatch)
    yield made
    made.poller.close()


def old() -> float:
    """A time at which everything that waits is due."""
    return time.time() - 3600


@pytest.mark.parametrize("count", [1, MAX_BATCH - 1, MAX_BATCH, MAX_BATCH + 1, 2 * MAX_BATCH + 7])
@pytest.mark.parametrize("kind", ["jobs", "waiting"])
def test_every_message_that_is_taken_is_under_way(rig: Rig, kind: str, count: int) -> None:
    consumer, topic = (rig.consumer, JOBS) if kind == "jobs" else (rig.waiting, WAIT)
    rig.provider.views["d1abc"] = view("QUEUED")
    consumer.messages.extend(
        Message(topic, offset, wire(process_job_id=f"p{offset}"), old()) for offset in range(count)
    )
    for _ in range(4):
        rig.poller.poll(time.time())
    assert not consumer.messages
    assert rig.poller.job_consumer.under_way() == count
    assert len(rig.poller.tracker) == count


def test_a_message_that_comes_in_at_any_moment_of_a_turn_is_kept(rig: Rig) -> None:
    """The broker hands messages over between one poll and the next, not only before a turn."""
    for late in range(6):
        rig.waiting.messages.clear()
        start = rig.waiting.polls

        def poll(timeout: float, start: int = start, late: int = late) -> Message | None:
            if rig.waiting.polls - start == late:
                rig.waiting.messages.append(Message(WAIT, late, wire(process_job_id=f"p{late}"), old()))
            return Consumer.poll(rig.waiting, timeout)

        rig.waiting.poll = poll  # type: ignore[method-assign]
        for _ in range(8):
            rig.poller.poll(time.time())
        assert not rig.waiting.messages
        assert rig.poller.job_consumer.under_way() == late + 1


def test_a_finished_job_is_delivered_and_then_committed(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.consumer.messages.append(Message(JOBS, 7, wire()))
    rig.turn_until(lambda: not len(rig.poller.tracker) and rig.finals() != [])
    assert [event.status for event in rig.finals()] == ["CANCELLED"]
    rig.run_pending()
    assert rig.consumer.committed == {JOBS: 8}


def test_nothing_is_committed_while_the_outcome_is_not_acknowledged(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.publisher.error = StreamError("Kafka is down.")
    rig.consumer.messages.append(Message(JOBS, 7, wire()))
    rig.turn_until(lambda: any(tracked.failures for tracked in rig.poller.tracker))
    rig.run_pending()
    assert rig.consumer.committed.get(JOBS, 7) == 7


def test_what_is_no_event_goes_to_the_dead_letters_with_the_reason(rig: Rig) -> None:
    rig.consumer.messages.append(Message(JOBS, 3, b'{"v":1,"job_id":"s3cret value"}'))
    rig.turn_until(lambda: rig.publisher.sent != [])
    [(topic, key, value)] = rig.publisher.sent
    assert (topic, key, value) == (DEAD, "process-1", b'{"v":1,"job_id":"s3cret value"}')
    assert b"job_id: String should match" in rig.publisher.headers[0]["reason"]
    assert rig.publisher.headers[0]["topic"] == b"jobs"
    rig.run_pending()
    assert rig.consumer.committed == {JOBS: 4}


def test_a_dead_letter_fits_into_a_message_with_its_reason(rig: Rig) -> None:
    """Kafka's client refuses one over 1,000,000 bytes, headers included: its offset would stay for ever."""
    rig.consumer.messages.append(Message(JOBS, 3, b"x" * 999_900))
    rig.turn_until(lambda: rig.publisher.sent != [])
    [(topic, _, value)] = rig.publisher.sent
    assert (topic, value) == (DEAD, b"x" * MAX_EVENT_BYTES)


@pytest.mark.parametrize("ahead", [0.0, 1e9])
def test_a_head_that_is_not_due_pauses_its_partition(rig: Rig, ahead: float) -> None:
    """For the topic's delay at the longest, whatever the clock of who put it there says."""
    rig.waiting.messages.append(Message(WAIT, 0, wire(), time.time() + ahead))
    rig.poller.poll(time.time())
    assert rig.waiting.paused == [WAIT]
    assert rig.poller.job_consumer.under_way() == 0
    rig.poller.job_consumer._waiting._clock = lambda: time.monotonic() + 5.1
    rig.poller.poll(time.time())
    assert rig.waiting.paused == []
    assert rig.poller.job_consumer.under_way() == 1


def test_an_event_that_waits_longer_is_put_back_and_committed(rig: Rig) -> None:
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller.poll(time.time())
    tracked = rig.job()
    rig.poller.tracker.requeue(tracked, 30.0)
    [(topic, key, value)] = rig.put_back()
    assert (topic, key) == ("jobs.wait.30s", "process-1")
    event = decode(JobEvent, value)
    assert event.estimated_completion_time is not None
    assert event.model_copy(update={"estimated_completion_time": None}) == job(attempt=1)
    rig.poller.callbacks.run_pending()
    rig.run_pending()
    assert rig.consumer.committed == {JOBS: 1}


def test_an_event_that_cannot_be_put_back_stays_here(rig: Rig) -> None:
    """With its estimate it is a little longer than it came, and may just not fit any more."""
    room = MAX_EVENT_BYTES - len(wire(params={"x": ""})) - 150
    event = job(params={"x": "a" * room})
    rig.consumer.messages.append(Message(JOBS, 0, wire(params={"x": "a" * room})))
    rig.poller.poll(time.time())
    tracked = rig.job()
    tracked.event = event.model_copy(update={"params": {"x": "a" * (room + 300)}})
    rig.poller.tracker.requeue(tracked, 30.0)
    assert rig.put_back() == []
    assert tracked.stage is Stage.SCHEDULED
    assert next(iter(rig.poller.accounts)).scheduler.job(tracked.key) is not None


def test_a_job_whose_end_cannot_be_told_does_not_spin(rig: Rig) -> None:
    """Giving up may fail too: then it is tried again later, and not at once for ever."""
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
    rig.turn_until(lambda: len(tries) >= 1)
    rig.turn_until(lambda: tracked.stage is Stage.SCHEDULED)
    for _ in range(20):
        rig.poller.step(time.monotonic())
    assert len(tries) == 1


@pytest.mark.parametrize("error", [ProviderUnavailableError("Not now."), RuntimeError("a mistake")])
def test_no_job_of_a_batch_freezes_when_something_fails(rig: Rig, error: Exception) -> None:
    """A failed listing, or a mistake of ours, costs a look and not the jobs."""
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
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    assert sorted(event.job_id for event in rig.finals()) == ["d0", "d1", "d2", "d3"]
    assert calls[1] - calls[0] > 0.4, "after a failure there is a pause"


def test_a_refused_key_ends_no_job(rig: Rig) -> None:
    """An operator who changes the key must not lose what runs meanwhile."""
    rig.provider.views["d1abc"] = ProviderUnauthorizedError("No.")
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller.poll(time.time())
    tracked = rig.job()
    tracked.failures = 50
    [account_worker] = rig.poller.accounts
    account_worker.scheduler.look_now(tracked.key)
    rig.turn_until(lambda: account_worker.scheduler.budget.failures > 0)
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    assert [event.status for event in rig.finals()] == ["CANCELLED"]


@pytest.mark.parametrize("retry_after", [None, 2.0])
def test_an_account_that_asks_for_patience_is_left_alone(rig: Rig, retry_after: float | None) -> None:
    rig.provider.views["d1abc"] = ProviderUnavailableError("429", retry_after)
    rig.consumer.messages.append(Message(JOBS, 0, wire(backend_type="simulator")))
    [account_worker] = rig.poller.accounts
    rig.turn_until(lambda: account_worker.scheduler.budget.failures > 0)
    assert account_worker.scheduler.budget.ready_at(0.0) - time.time() > (retry_after or 0.5) - 0.4


def test_a_job_past_its_deadline_has_an_end_though_nobody_answers(rig: Rig) -> None:
    rig.poller.completion.deadline = 60.0
    rig.provider.views["d1abc"] = ProviderUnavailableError("Not now.")
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller._swept = 0.0
    [account_worker] = rig.poller.accounts
    rig.turn_until(lambda: account_worker.scheduler.budget.failures > 0)
    rig.poller._swept = 0.0
    rig.turn_until(lambda: rig.finals() != [])
    [event] = rig.finals()
    assert event.error is not None
    assert event.error.code == "deadline"


def test_metrics_count_calls_jobs_and_lag(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.consumer.messages.append(Message(JOBS, 0, wire(backend_type="simulator")))
    rig.poller.poll(time.time())
    assert b'qwhisk_poller_jobs{state="not_looked_at"} 1.0' in rig.text()
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    text = rig.text().decode()
    for line in (
        'qwhisk_poller_api_calls_total{account="hardware",kind="fetch"} 1.0',
        'qwhisk_poller_delivered_total{status="CANCELLED"} 1.0',
        'qwhisk_poller_lag_seconds_count{backend_type="simulator"} 1.0',
    ):
        assert line in text


# --- steps seen twice, and cancelling ------------------------------------------------------------------


def take(rig: Rig, *messages: Message) -> None:
    rig.consumer.messages.extend(messages)
    rig.poller.poll(time.time())


def test_a_step_that_comes_twice_is_watched_once_and_both_are_committed(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    take(rig, Message(JOBS, 0, wire()), Message(JOBS, 1, wire()))
    assert len(rig.poller.tracker) == 1
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    take(rig, Message(JOBS, 2, wire()))
    assert len(rig.poller.tracker) == 0
    rig.run_pending()
    assert rig.consumer.committed == {JOBS: 3}
    assert len(rig.finals()) == 1


def test_a_step_that_was_taken_is_past_before_its_successor_comes(rig: Rig) -> None:
    """As after a crash, when the step itself and its job's second announcement are both on their way."""
    take(rig, Message(JOBS, 0, wire(step=3)))
    tracked = rig.job()
    told = ResultEvent(**tracked.event.model_dump() | {"step": 4}, status="RUNNING")
    rig.poller.completion.delivered(tracked, told)
    take(rig, Message(JOBS, 1, wire(step=3)))
    assert len(rig.poller.tracker) == 0


def test_a_step_whose_successor_is_announced_is_past(rig: Rig) -> None:
    """As after a crash between the function's reply and the commit."""
    take(rig, Message(JOBS, 0, wire(step=4, job_id="d4")), Message(JOBS, 1, wire(step=3, job_id="d3")))
    assert [tracked.event.step for tracked in rig.poller.tracker] == [4]


def test_a_lost_reply_of_a_step_that_was_taken_does_not_repeat_it(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("QUEUED")
    take(rig, Message(JOBS, 0, wire(step=3)))
    tracked = rig.job()
    take(rig, Message(JOBS, 1, wire(step=4, job_id="d4")))
    rig.poller.completion.failed(tracked, StepError("It did not answer in time."))
    assert [left.event.step for left in rig.poller.tracker] == [4]
    assert rig.finals() == []


def test_an_event_back_from_a_wait_topic_is_no_duplicate_of_the_one_that_left(rig: Rig) -> None:
    """Its acknowledgement may be late: then the newcomer is all there is of the event."""
    take(rig, Message(JOBS, 0, wire()))
    tracked = rig.job()
    rig.poller.tracker.move(tracked, Stage.REQUEUEING)
    rig.waiting.messages.append(Message(WAIT, 0, wire(attempt=1), old()))
    rig.poller.poll(time.time())
    assert len(rig.poller.tracker) == 2
    rig.poller.tracker.finish(tracked)
    assert [left.event.attempt for left in rig.poller.tracker] == [1]
    take(rig, Message(JOBS, 1, wire()))
    assert len(rig.poller.tracker) == 1, "the newcomer is the one that is known"


def test_runs_are_remembered_within_bounds() -> None:
    run_progress = RunProgress()
    for number in range(MAX_RUNS + 5):
        run_progress.note(job(process_job_id=f"p{number}", step=1))
    assert not run_progress.is_past(job(process_job_id="p0", step=0)), "forgotten"
    assert run_progress.is_past(job(process_job_id=f"p{MAX_RUNS}", step=0))
    run_progress.end(job(process_job_id=f"p{MAX_RUNS}", step=0))
    run_progress.note(job(process_job_id=f"p{MAX_RUNS}", step=2))
    assert run_progress.is_past(job(process_job_id=f"p{MAX_RUNS}", step=9)), "an end is an end"


def test_a_wish_to_cancel_finds_the_job_that_a_loop_has_now(rig: Rig) -> None:
    rig.provider.views = {"d1abc": view("DONE"), "d2": view("DONE", job_id="d2")}
    rig.provider.tags = {"qwhisk-process-1": ["d2", "d1abc"]}
    take(rig, Message(CANCEL, 0, wire()))
    tracked = rig.request()
    rig.turn_until(lambda: tracked.due > tracked.consumed_at and tracked.stage is Stage.WAITING)
    assert (rig.provider.cancelled, rig.publisher.sent) == ([], []), "between two steps there is nothing yet"
    rig.provider.views["d3"] = view("QUEUED", job_id="d3")
    rig.provider.tags["qwhisk-process-1"].insert(0, "d3")
    rig.turn_until(lambda: rig.provider.cancelled == ["d3"])
    rig.provider.views["d3"] = view("CANCELLED", job_id="d3")
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    [event] = rig.finals()
    assert (event.status, event.job_id) == ("CANCELLED", "d3")


def test_each_call_of_a_wish_to_cancel_comes_out_of_the_budget(rig: Rig) -> None:
    """Of a run with three open jobs it takes one call to find them and three to cancel them."""
    [account_worker] = rig.poller.accounts
    account_worker.scheduler.limits = replace(account_worker.scheduler.limits, per_minute=8)
    account_worker.scheduler.budget = Budget(8, time.time())  # two at once, one in ten seconds after that
    open_jobs = {f"d{number}": view("QUEUED", job_id=f"d{number}") for number in range(3)}
    rig.provider.views = dict(open_jobs)
    rig.provider.tags = {"qwhisk-process-1": list(open_jobs)}
    take(rig, Message(CANCEL, 0, wire()))
    rig.turn_until(lambda: rig.provider.cancelled == ["d0"])
    for _ in range(20):
        rig.poller.step(time.monotonic())
    assert rig.provider.cancelled == ["d0"], "more calls than the account allows"
    tracked = rig.request()
    assert 5 < tracked.due - time.time() < 15
    account_worker.scheduler.budget = Budget(None, time.time())
    tracked.due = 0.0
    rig.turn_until(lambda: rig.provider.cancelled == ["d0", "d1", "d2"])
    assert b'qwhisk_poller_api_calls_total{account="hardware",kind="cancel"} 3.0' in rig.text()
    assert b'qwhisk_poller_api_calls_total{account="hardware",kind="find"} 1.0' in rig.text()


def test_a_wish_to_cancel_that_is_refused_for_the_moment_closes_the_account(rig: Rig) -> None:
    [account_worker] = rig.poller.accounts
    rig.provider.views["d1abc"] = ProviderUnavailableError("429", 30.0)
    take(rig, Message(CANCEL, 0, wire()))
    rig.turn_until(lambda: account_worker.scheduler.budget.failures == 1)
    assert account_worker.scheduler.budget.ready_at(0.0) - time.time() > 20
    tracked = rig.request()
    assert tracked.due - time.time() > 20


def test_a_refused_wish_to_cancel_ends_no_job(rig: Rig) -> None:
    rig.provider.views["d1abc"] = ProviderError("No.")
    take(rig, Message(CANCEL, 0, wire()))
    tracked = rig.request()
    tracked.failures = 50
    rig.turn_until(lambda: tracked.failures == 51)
    assert (tracked.stage, rig.publisher.sent) == (Stage.WAITING, [])


def stray_rig(rig: Rig, event: JobEvent) -> CancellationRequest:
    """A poller that is asked for this, submitted just now."""
    event = event.model_copy(update={"submitted_at": datetime.now(UTC)})
    take(rig, Message(CANCEL, 0, encode(event)))
    return rig.request()


@pytest.mark.parametrize("attempt", [None, "a1b2"])
def test_a_job_whose_answer_was_lost_is_looked_for_and_cancelled(rig: Rig, attempt: str | None) -> None:
    tag = "qwhisk-process-1-0" + (f"-{attempt}" if attempt else "")
    rig.provider.views = {"late": view("QUEUED", job_id="late"), "other": view("QUEUED", job_id="other")}
    rig.provider.tags = {"qwhisk-process-1": ["other"]}
    tracked = stray_rig(rig, lost(job(), attempt))
    rig.turn_until(lambda: tracked.due > tracked.consumed_at and tracked.stage is Stage.WAITING)
    assert (rig.provider.cancelled, len(rig.poller.tracker)) == ([], 1), "it may still come"
    rig.provider.tags[tag] = ["late"]
    tracked.due = 0.0
    hidden = [("late", ["qwhisk-process-1", tag])] if attempt else []
    rig.turn_until(lambda: rig.provider.tagged_anew == [*hidden, ("late", [])])
    assert rig.provider.cancelled == ["late"], "and no other job of the run"
    tracked.event.submitted_at -= timedelta(seconds=STRAY_PATIENCE + 1)
    rig.turn_until(lambda: tracked.stage is not Stage.CALLING)
    tracked.due = 0.0
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    assert rig.publisher.sent == [], "the client is told nothing"
    rig.run_pending()
    assert rig.consumer.committed == {CANCEL: 1}


def test_the_looks_for_a_lost_job_grow_rarer(rig: Rig) -> None:
    [account_worker] = rig.poller.accounts
    tracked = stray_rig(rig, lost(job()))
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
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    assert (rig.provider.cancelled, rig.provider.tagged_anew) == (["d9"], [("d9", [])])
    assert rig.publisher.sent == []


def test_a_stray_that_is_gone_is_no_failure(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise JobNotFoundError("IBM Quantum does not know it.")

    monkeypatch.setattr(rig.provider, "cancel", gone)
    monkeypatch.setattr(rig.provider, "tag", gone)
    stray_rig(rig, stray(job(), "d9"))
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)


def test_a_stray_is_not_tried_for_ever_but_an_account_that_is_closed_is_waited_for(rig: Rig) -> None:
    tracked = stray_rig(rig, lost(job()))
    rig.provider.tags["qwhisk-process-1-0"] = ["d9"]
    rig.provider.views["d9"] = ProviderUnavailableError("503")
    tracked.failures = 100
    rig.turn_until(lambda: tracked.failures == 101)
    assert len(rig.poller.tracker) == 1
    rig.provider.views["d9"] = ProviderError("400")
    [account_worker] = rig.poller.accounts
    account_worker.scheduler.budget = Budget(None, time.time())
    tracked.due = 0.0
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)


def test_of_two_jobs_announced_for_one_step_the_first_counts(rig: Rig) -> None:
    rig.provider.views = {"d1abc": view("QUEUED"), "twin": view("QUEUED", job_id="twin")}
    take(rig, Message(JOBS, 0, wire()))
    take(rig, Message(JOBS, 1, wire(job_id="twin")), Message(JOBS, 2, wire()))
    rig.turn_until(lambda: rig.provider.tagged_anew == [("twin", [])])
    assert rig.provider.cancelled == ["twin"]
    rig.turn_until(lambda: len(rig.poller.tracker) == 1)
    tracked = rig.job()
    assert tracked.event.job_id == "d1abc"


def test_a_wish_that_comes_too_late_is_given_up(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("DONE")
    take(rig, Message(CANCEL, 0, wire()))
    tracked = rig.request()
    tracked.consumed_at -= CANCEL_PATIENCE + 1
    rig.turn_until(lambda: len(rig.poller.tracker) == 0)
    assert rig.publisher.sent == []


# --- the order of news ----------------------------------------------------------------------------------


class Slow(Invoke):
    """Answers a step with the next job only once it is allowed to."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(reply)
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any) -> dict[str, Any]:
        self.asked.set()
        assert self.may_answer.wait(20)
        return super().__call__(*arguments)


def next_job(step: int) -> dict[str, Any]:
    return {
        "job_id": f"d{step}",
        "backend": "aer_simulator",
        "step": step,
        "progress": {"step": step, "of": 9, "value": -1.0},
    }


def take_third_step(rig: Rig) -> None:
    """The event of a loop's third job, which is done."""
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d3": view("DONE", job_id="d3")}
    progress = {"step": 3, "of": 9, "value": 0.0}
    take(rig, Message(JOBS, 0, wire(step=3, job_id="d3", backend_type="simulator", progress=progress)))


@pytest.mark.parametrize("told", [4, 5])
def test_the_news_of_a_slow_step_do_not_come_after_those_of_a_later_one(rig: Rig, told: int) -> None:
    """The function has announced the next job, and is slow to answer: that one is told of meanwhile."""
    invoke = Slow(next_job(4))
    rig.delivery._invoke = invoke  # type: ignore[assignment]
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d3": view("DONE", job_id="d3")}
    looping = {"function": "smile_super_position", "progress": {"step": 3, "of": 9, "value": 0.0}}
    take(rig, Message(JOBS, 0, wire(step=3, job_id="d3", backend_type="simulator", **looping)))
    rig.turn_until(invoke.asked.is_set)
    later = job(**looping | {"step": told, "job_id": f"d{told}"})
    rig.delivery.notify(ResultEvent(**later.model_dump(), status="RUNNING"))
    invoke.may_answer.set()
    rig.turn_until(lambda: not len(rig.poller.tracker))
    assert [event.step for event in rig.results()] == [told]
    assert rig.finals() == []


def test_without_a_later_step_a_slow_steps_news_are_told(rig: Rig) -> None:
    rig.delivery._invoke = Invoke(next_job(4))  # type: ignore[assignment]
    take_third_step(rig)
    rig.turn_until(lambda: not len(rig.poller.tracker))
    assert [(event.step, event.status) for event in rig.results()] == [(4, "RUNNING")]


def test_a_step_that_fails_though_its_next_job_is_announced_ends_no_run(rig: Rig) -> None:
    """The reply got lost again and again; the run goes on with its next job."""
    rig.delivery._invoke = Invoke(InvocationError("It was slow.", status=504))  # type: ignore[assignment]
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d3": view("DONE", job_id="d3"), "d4": view("QUEUED", job_id="d4")}
    take(rig, Message(JOBS, 0, wire(step=3, job_id="d3")), Message(JOBS, 1, wire(step=4, job_id="d4")))
    [tracked] = [tracked for tracked in rig.poller.tracker if tracked.event.step == 3]
    tracked.failures = 1_000
    rig.turn_until(lambda: [left.event.step for left in rig.poller.tracker] == [4])
    assert rig.finals() == []


def test_news_of_a_run_that_is_another_pollers_by_now_are_that_ones_to_tell(rig: Rig) -> None:
    invoke = Slow(next_job(4))
    rig.delivery._invoke = invoke  # type: ignore[assignment]
    take_third_step(rig)
    rig.turn_until(invoke.asked.is_set)
    rig.poller._revoked((JOBS, 0))
    invoke.may_answer.set()
    rig.turn_until(lambda: not rig.poller.accounts.busy)
    assert rig.results() == []


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), max_size=30))
def test_no_client_is_told_of_an_older_step_after_a_newer_one(news: list[tuple[int, bool, bool]]) -> None:
    run_progress, publisher = RunProgress(), Publisher()
    for step, from_previous_step, final in news:
        event = ResultEvent(**job(step=step).model_dump(), status="DONE" if final else "RUNNING")
        run_progress.in_order(
            event, partial(lambda event: [publisher.send("t", "k", encode(event))], event), from_previous_step
        )
    told = publisher.events()
    before_the_end = list(itertools.takewhile(lambda event: not event.final, told))
    steps = [event.step for event in before_the_end]
    assert steps == sorted(steps)
    assert len(told) - len(before_the_end) == any(final for _, _, final in news), (
        "one end, and nothing after it"
    )


def test_an_end_that_was_not_acknowledged_is_told_again_with_all_that_belongs_to_it(rig: Rig) -> None:
    event = job(callback_url="https://example.org/hook")
    rig.publisher.error = StreamError("Kafka is down.")
    with pytest.raises(StreamError):
        rig.delivery.deliver(event, view("CANCELLED"))
    rig.publisher.error = None
    for _ in range(2):  # the job's own watch, and the wish to cancel it
        assert rig.delivery.deliver(event, view("CANCELLED")).final
    assert [topic.partition(".")[0] for topic, _, _ in rig.publisher.sent] == ["results", "webhooks"]
