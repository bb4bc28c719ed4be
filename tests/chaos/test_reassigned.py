"""A partition that is revoked or lost while it is paused, and assigned again: both users resume it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.kafka import delayed_consumer
from core.kafka.offsets import Partition
from core.kafka.topics import JOBS, WEBHOOKS
from core.protocol import encode
from core.settings import KafkaSettings
from gateway.webhooks import Webhooks, loop
from gateway.webhooks.sender import Outcome
from poller import job_consumer
from poller.job_consumer import JobConsumer
from testkit.stack import wait_for
from tests.core.librdkafka import Group, Member
from tests.core.samples import result_event, wire
from tests.poller.fakes import Publisher

#: Seconds that messages have to wait; the wall clock is advanced past them.
DELAY = 5.0


class Clock:
    """Replaces the module `time`: the test controls the wall clock."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.wall = time.time()

    def time(self) -> float:
        return self.wall


class Taking:
    """A poller's JobConsumer: each message is finished as soon as it is consumed."""

    urgent, waiting = (JOBS, 0), ("jobs.wait.5s", 0)

    def __init__(self, groups: dict[str, Group], clock: Clock, patch: pytest.MonkeyPatch) -> None:
        self._groups, self._clock = groups, clock
        patch.setattr(job_consumer, "time", clock)
        publisher: Any = Publisher()
        self._job_consumer = JobConsumer(
            KafkaSettings("nowhere:9092"), publisher, lambda step: step(), lambda _: None
        )
        self.full = False
        self.done: set[str] = set()

    def group(self, place: Partition) -> Group:
        return self._groups["pollers" if place == self.urgent else "pollers.wait"]

    def submit(self, place: Partition, job: str) -> None:
        self.group(place).produce(place, wire(process_job_id=job), self._clock.wall)

    def turn(self) -> None:
        self._job_consumer.regulate(full=self.full)
        for taken in self._job_consumer.poll(0.0):
            self.done.add(taken.event.process_job_id)
            self._job_consumer.finish(taken.partition, taken.offset)
        self._job_consumer.commit()

    def close(self) -> None:
        self._job_consumer.close()


class WebhookSender:
    """Delivers everything, once it is allowed to."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.answers = threading.Event()
        self.answers.set()

    def post(self, url: str, headers: Any, body: bytes, source: str) -> Outcome:
        assert self.answers.wait(60)
        self.done.add(headers["webhook-id"].removeprefix("msg_"))
        return Outcome(True, "200")

    def close(self) -> None:
        """There is nothing to close."""


class Delivering:
    """A gateway's webhooks, in their own threads; `full` while no receiver answers."""

    urgent, waiting = (WEBHOOKS, 0), ("webhooks.wait.5s", 0)

    def __init__(self, groups: dict[str, Group], clock: Clock, patch: pytest.MonkeyPatch) -> None:
        self._groups, self._clock = groups, clock
        patch.setattr(loop, "time", clock)
        patch.setattr(loop, "POLL_TIMEOUT", 0.01)
        patch.setattr(loop, "GRACE", 0.1)
        self._sender = WebhookSender()
        self.done = self._sender.done
        arguments: Any = (KafkaSettings("nowhere:9092"), Publisher(), self._sender, "a secret")
        self._webhooks = Webhooks(*arguments)
        # Messages that wait are due when the test advances the clock.
        self._webhooks._consumer._clock = lambda: clock.wall + time.monotonic()
        self._fillers = 0

    @property
    def full(self) -> bool:
        return not self._sender.answers.is_set()

    @full.setter
    def full(self, full: bool) -> None:
        if not full:
            self._sender.answers.set()
            return
        self._sender.answers.clear()
        for number in range(loop.MAX_IN_FLIGHT):
            self._fillers += 1
            self.submit(self.urgent, f"filler-{self._fillers}", f"client-{number % 8}")
        wait_for(lambda: self._webhooks._room() <= 0)

    def group(self, place: Partition) -> Group:
        return self._groups["webhooks"]

    def submit(
        self, place: Partition, job: str, client: str = "client", url: str = "https://example.org/"
    ) -> None:
        event = result_event(status="DONE", process_job_id=job, client_id=client, callback_url=url)
        due = self._clock.wall + DELAY if place == self.waiting else 0.0
        headers = (("attempt", b"1"), ("first", b"1"), ("due", b"%.3f" % due))
        self.group(place).produce(place, encode(event), self._clock.wall, *headers)

    def turn(self) -> None:
        time.sleep(0.005)

    def close(self) -> None:
        self._sender.answers.set()
        self._webhooks.close()


@pytest.fixture(params=[Taking, Delivering], ids=["jobs", "webhooks"])
def user(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    groups: dict[str, Group] = {}

    def make(_settings: Any, group: str, topics: list[str], *_: Any, **callbacks: Any) -> Member:
        members = groups.setdefault(group, Group())
        member = Member(members, **callbacks)
        for topic in topics:
            members.move((topic, 0), member)
        return member

    monkeypatch.setattr(delayed_consumer, "group_consumer", make)
    clock = Clock()
    made = request.param(groups, clock, monkeypatch)
    made.clock = clock
    yield made
    made.close()


def until(user: Any, what: Callable[[], object]) -> None:
    """Run iterations until the condition holds."""

    def turned() -> object:
        user.turn()
        return what()

    wait_for(turned)


def away_and_back(user: Any, place: Partition, member: Member, how: str) -> None:
    """Assign the partition to another member, which does nothing, and back."""
    group, other = user.group(place), Member(user.group(place))
    if how == "lost":
        group.expire(member)
    group.move(place, other)
    until(user, lambda: group.owners[place] is other and place not in member.positions)
    group.move(place, member)
    other.poll(0)
    other.poll(0)
    until(user, lambda: place in member.positions)


@pytest.mark.parametrize("how", ["revoked", "lost"])
def test_a_waiting_head_is_consumed_if_its_partition_is_assigned_again(user: Any, how: str) -> None:
    place = user.waiting
    user.submit(place, "waits")
    member = user.group(place).owners[place]
    until(user, lambda: place in member.paused)
    away_and_back(user, place, member, how)
    user.clock.wall += DELAY + 1
    until(user, lambda: "waits" in user.done)


@pytest.mark.parametrize("how", ["revoked", "lost"])
@pytest.mark.parametrize("which", ["urgent", "waiting"])
def test_a_partition_assigned_again_after_its_owner_was_full_is_read(user: Any, which: str, how: str) -> None:
    place = getattr(user, which)
    user.submit(place, "before")
    user.clock.wall += DELAY + 1
    until(user, lambda: "before" in user.done)
    member = user.group(place).owners[place]
    user.full = True
    until(user, lambda: place in member.paused)
    group, other = user.group(place), Member(user.group(place))
    if how == "lost":
        group.expire(member)
    group.move(place, other)
    until(user, lambda: group.owners[place] is other and place not in member.positions)
    user.full = False
    until(user, lambda: not member.paused & set(member.positions))
    group.move(place, member)
    other.poll(0)
    other.poll(0)
    user.submit(place, "after")
    user.clock.wall += DELAY + 1
    until(user, lambda: "after" in user.done)


def test_a_partition_assigned_while_its_owner_is_full_is_not_read(user: Any) -> None:
    place = user.waiting
    user.submit(place, "waits")
    user.clock.wall += DELAY + 1
    until(user, lambda: "waits" in user.done)
    member = user.group(place).owners[place]
    user.full = True
    until(user, lambda: place in member.paused)
    away_and_back(user, place, member, "revoked")
    until(user, lambda: place in member.paused)
    user.submit(place, "more")
    user.clock.wall += DELAY + 1
    for _ in range(20):
        user.turn()
    assert "more" not in user.done
    user.full = False
    until(user, lambda: "more" in user.done)


@pytest.mark.parametrize("user", [Delivering], ids=["webhooks"], indirect=True)
def test_a_message_that_cannot_be_handed_to_a_worker_is_handed_over_later(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine has no more threads for a moment: consumed messages are neither dropped nor finished."""
    workers = user._webhooks._workers
    original, left = workers.submit, [RuntimeError("can't start new thread")] * 2

    def submit(*values: Any) -> Any:
        if left:
            raise left.pop()
        return original(*values)

    monkeypatch.setattr(workers, "submit", submit)
    for number in range(4):
        user.submit(user.urgent, f"job-{number}")
    until(user, lambda: user.done == {f"job-{number}" for number in range(4)})
    until(user, lambda: user.group(user.urgent).committed.get(user.urgent) == 4)
    assert (len(user._webhooks), user._webhooks._room()) == (0, loop.MAX_IN_FLIGHT)


@pytest.mark.parametrize("user", [Delivering], ids=["webhooks"], indirect=True)
@pytest.mark.parametrize(
    "url", ["http://[", "http://[::1", "https://\u2100.example/", "x", "//", "\ud7ff\x00"]
)
def test_an_invalid_address_does_not_block_a_partition(user: Any, url: str) -> None:
    """Anyone who calls an action directly can give it any address."""
    user.submit(user.urgent, "odd", url=url)
    user.submit(user.urgent, "usual")
    until(user, lambda: user.group(user.urgent).committed.get(user.urgent) == 2)


@pytest.mark.parametrize("user", [Delivering], ids=["webhooks"], indirect=True)
@pytest.mark.parametrize("how", ["revoked", "closed"])
def test_a_delivery_in_progress_is_awaited_before_its_partition_is_given_up(
    user: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next member delivers the event again."""
    monkeypatch.setattr(loop, "GRACE", 60.0)
    monkeypatch.setattr(loop, "STOP_GRACE", 60.0)
    place = user.urgent
    group, sender = user.group(place), user._sender
    sender.answers.clear()
    user.submit(place, "slow")
    until(user, lambda: len(user._webhooks) == 1)
    other = Member(group)
    # The receiver answers only after the member would have given the partition up.
    answer = threading.Timer(0.5, sender.answers.set)
    if how == "revoked":
        group.move(place, other)
        answer.start()
    else:
        group.wanted[place] = other
        answer.start()
        user._webhooks.close()
    until(user, lambda: group.owners[place] is other)
    assert group.committed == {place: 1}


@pytest.mark.parametrize("user", [Delivering], ids=["webhooks"], indirect=True)
def test_a_receiver_that_does_not_answer_keeps_no_gateway_from_leaving(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was delivered is committed, and the partitions are free, before the process is killed."""
    monkeypatch.setattr(loop, "GRACE", 60.0)
    monkeypatch.setattr(loop, "STOP_GRACE", 0.2)
    slow, fast = user.urgent, user.waiting
    group = user.group(slow)
    user.submit(fast, "fast")
    user.clock.wall += DELAY + 1
    until(user, lambda: "fast" in user.done)
    user._sender.answers.clear()
    user.submit(slow, "slow")
    until(user, lambda: len(user._webhooks) == 1)
    user._webhooks.stop()
    until(user, lambda: not user._webhooks.alive())
    assert group.committed == {fast: 1, slow: 0}
    assert (group.owners[slow], group.owners[fast]) == (None, None)
