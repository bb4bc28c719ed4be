"""The poller's turns, with everything around it replaced: what is taken is never lost."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.errors import (
    EventError,
    ProviderError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    StreamError,
)
from core.events import MAX_EVENT_BYTES, JobEvent, decode
from core.settings import KafkaSettings
from core.topics import DEAD, JOBS
from poller import intake
from poller.intake import MAX_BATCH
from poller.loop import Poller
from poller.retriever import Retriever
from poller.schedule import Plan
from tests.core.samples import job, wire
from tests.poller.fakes import Consumer, Documents, Invoke, Message, Provider, Publisher, view

WAIT = "jobs.wait.5s"


class Rig:
    """A poller between fakes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.consumer, self.waiting = Consumer(), Consumer()
        consumers = deque([self.consumer, self.waiting])
        monkeypatch.setattr(intake, "group_consumer", lambda *a, **k: consumers.popleft())
        self.provider, self.publisher = Provider(), Publisher()
        fakes: Any = (self.provider, self.publisher, Documents(), Invoke({"answer": {}}))
        self.retriever = Retriever(*fakes)
        arguments: Any = (self.provider, self.retriever, self.publisher, 1, 1e12)
        self.poller = Poller(KafkaSettings("nowhere:9092"), *arguments)
        self.poller._last_backends = math.inf  # the list of backends is no part of these tests

    def turn_until(self, condition: Callable[[], bool]) -> None:
        """Turns until the condition holds; at most ten seconds."""
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            self.poller.step(time.monotonic())

    def settle(self) -> None:
        """Let the workers end, and commit."""
        self.poller.close()


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
    consumer.messages.extend(Message(topic, offset, wire(), old()) for offset in range(count))
    for _ in range(4):
        rig.poller._take(time.monotonic())
    assert not consumer.messages
    assert rig.poller._intake.under_way() == count
    assert len(rig.poller._watches) == count


def test_a_message_that_comes_in_at_any_moment_of_a_turn_is_kept(rig: Rig) -> None:
    """The broker hands messages over between one poll and the next, not only before a turn."""
    for late in range(6):
        rig.waiting.messages.clear()
        start = rig.waiting.polls

        def poll(timeout: float, start: int = start, late: int = late) -> Message | None:
            if rig.waiting.polls - start == late:
                rig.waiting.messages.append(Message(WAIT, late, wire(), old()))
            return Consumer.poll(rig.waiting, timeout)

        rig.waiting.poll = poll  # type: ignore[method-assign]
        for _ in range(8):
            rig.poller._take(time.monotonic())
        assert not rig.waiting.messages
        assert rig.poller._intake.under_way() == late + 1


def test_a_finished_job_is_delivered_and_then_committed(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.consumer.messages.append(Message(JOBS, 7, wire()))
    rig.turn_until(lambda: not rig.poller._watches and rig.publisher.sent != [])
    assert [event.status for event in rig.publisher.events()] == ["CANCELLED"]
    rig.settle()
    assert rig.consumer.committed == {JOBS: 8}


def test_nothing_is_committed_while_the_outcome_is_not_acknowledged(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.publisher.error = StreamError("Kafka is down.")
    rig.consumer.messages.append(Message(JOBS, 7, wire()))
    rig.turn_until(lambda: any(watch.failures for watch in rig.poller._watches.values()))
    rig.settle()
    assert rig.consumer.committed.get(JOBS, 7) == 7


def test_what_is_no_event_goes_to_the_dead_letters_with_the_reason(rig: Rig) -> None:
    rig.consumer.messages.append(Message(JOBS, 3, b'{"v":1,"job_id":"s3cret value"}'))
    rig.turn_until(lambda: rig.publisher.sent != [])
    [(topic, key, value)] = rig.publisher.sent
    assert (topic, key, value) == (DEAD, "process-1", b'{"v":1,"job_id":"s3cret value"}')
    assert b"job_id: String should match" in rig.publisher.headers[0]["reason"]
    assert rig.publisher.headers[0]["topic"] == b"jobs"
    rig.settle()
    assert rig.consumer.committed == {JOBS: 4}


def test_a_head_that_is_not_due_pauses_its_partition(rig: Rig) -> None:
    rig.waiting.messages.append(Message(WAIT, 0, wire(), time.time()))
    rig.poller._take(time.monotonic())
    assert rig.waiting.paused == [WAIT]
    assert rig.poller._intake.under_way() == 0
    now = time.monotonic()
    rig.poller._intake.regulate(now + 4, full=False)
    assert rig.waiting.paused == [WAIT]
    rig.poller._intake.regulate(now + 6, full=False)
    assert rig.waiting.paused == []


def test_an_event_that_waits_longer_is_put_back_and_committed(rig: Rig) -> None:
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller._take(time.monotonic())
    [watch] = rig.poller._watches.values()
    rig.poller._apply(watch, Plan(30.0, "jobs.wait.30s"))
    [(topic, key, value)] = rig.publisher.sent
    assert (topic, key) == ("jobs.wait.30s", "process-1")
    assert decode(JobEvent, value) == job(attempt=1)
    rig.settle()
    assert rig.consumer.committed == {JOBS: 1}


def test_an_event_that_cannot_be_put_back_stays_here(rig: Rig) -> None:
    """With its estimate it is a little longer than it came, and may just not fit any more."""
    room = MAX_EVENT_BYTES - len(wire(params={"x": ""})) - 150
    event = job(params={"x": "a" * room})
    rig.consumer.messages.append(Message(JOBS, 0, wire(params={"x": "a" * room})))
    rig.poller._take(time.monotonic())
    [watch] = rig.poller._watches.values()
    watch.event = event.model_copy(update={"params": {"x": "a" * (room + 300)}})
    rig.poller._apply(watch, Plan(30.0, "jobs.wait.30s"))
    assert rig.publisher.sent == []
    assert not watch.busy
    assert watch.due > time.monotonic()


def test_a_job_whose_end_cannot_be_told_does_not_spin(rig: Rig) -> None:
    """Giving up may fail too: then it is tried again later, and not at once for ever."""
    tries: list[float] = []

    def fail(*_: Any) -> None:
        tries.append(time.monotonic())
        raise EventError("It does not fit.")

    rig.retriever.give_up = fail  # type: ignore[assignment,method-assign]
    rig.provider.views["d1abc"] = ProviderError("No.")
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller._take(time.monotonic())
    [watch] = rig.poller._watches.values()
    watch.failures = 9
    rig.turn_until(lambda: len(tries) >= 1)
    rig.turn_until(lambda: not watch.busy)
    for _ in range(20):
        rig.poller.step(time.monotonic())
    assert len(tries) == 1
    assert watch.due > time.monotonic()


@pytest.mark.parametrize("failing", ["backends", "look_since"])
def test_no_job_of_a_batch_freezes_when_something_fails(rig: Rig, failing: str) -> None:
    """A failed listing, or a mistake of ours, costs a look and not the jobs."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ProviderUnavailableError("Not now.") if failing == "backends" else RuntimeError("a mistake")

    rig.provider.views = {f"d{number}": view("QUEUED", job_id=f"d{number}") for number in range(4)}
    rig.provider.look_since = lambda _: rig.provider.views  # type: ignore[attr-defined]
    setattr(rig.provider, failing, fail)
    for number in range(4):
        message = Message(JOBS, number, wire(job_id=f"d{number}", backend_type="hardware"))
        rig.consumer.messages.append(message)
    rig.poller._take(time.monotonic())
    watches = list(rig.poller._watches.values())
    assert len(watches) == 4
    rig.turn_until(lambda: all(not watch.busy and watch.due > time.monotonic() for watch in watches))


def test_a_refused_key_ends_no_job(rig: Rig) -> None:
    """An operator who changes the key must not lose what runs meanwhile."""
    rig.provider.views["d1abc"] = ProviderUnauthorizedError("No.")
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller._take(time.monotonic())
    [watch] = rig.poller._watches.values()
    watch.failures = 50
    rig.turn_until(lambda: watch.failures > 50 and (rig.publisher.sent != [] or not watch.busy))
    assert all(topic.startswith("jobs.wait.") for topic, _, _ in rig.publisher.sent)
