"""The delayed consumer against a model: no message is stranded, lost, early, or committed too soon."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from confluent_kafka import KafkaException

from core.kafka import delayed_consumer
from core.kafka.delayed_consumer import DelayedConsumer, close_all
from core.kafka.offsets import Partition
from core.settings import KafkaSettings
from tests.core.librdkafka import Group, Member, Message

DELAY = 10.0
FAST, SLOW, SLOWER = ("fast", 0), ("slow", 0), ("slow", 1)
PLACES = [FAST, SLOW, SLOWER]
#: Calls of librdkafka that may fail.
FAILING = ["pause", "resume", "commit", "incremental_assign"]
#: Longer than any message waits, for any header and any clocks.
ENOUGH = 3 * DELAY


class World:
    """The broker, the clocks, and what is known about each message."""

    def __init__(self) -> None:
        self.group = Group(logs={place: [] for place in PLACES})
        self.monotonic = 1_000.0
        self.wall = 1_700_000_000.0
        #: False once the wall clock has jumped, or a message has its own time.
        self.exact = True
        self.done: set[tuple[Partition, int]] = set()

    def due_in(self, message: Any) -> float:
        return float(message.stamp + DELAY - self.wall) if message.topic() == "slow" else 0.0


class Owner:
    """A member and the messages that it was given: epochs count the assignments of a partition."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.epochs: dict[Partition, int] = {}
        self.given: list[tuple[Partition, int, int]] = []
        #: What was given in the present assignments and is not finished.
        self.open: set[tuple[Partition, int]] = set()
        self.full = False
        self.full_topics: set[str] = set()
        #: True once librdkafka has failed to do what was requested.
        self.deceived = False
        with one_member(world.group) as made:
            self.consumer = DelayedConsumer(
                KafkaSettings("nowhere:9092"),
                "group",
                ["fast", "slow"],
                commit_interval=1.0,
                delays={"slow": DELAY},
                due_in=world.due_in,
                lost=self._lost,
                clock=lambda: world.monotonic,
            )
        [self.kafka] = made

    def _lost(self, place: Partition) -> None:
        self.epochs[place] = self.epochs.get(place, 0) + 1
        self.open = {(where, offset) for where, offset in self.open if where != place}

    def take(self, most: int) -> None:
        messages = self.consumer.poll(0.0, most)
        assert len(messages) <= most
        for message in messages:
            assert isinstance(message, Message)
            place, offset = message.place, message.offset()
            epoch = self.epochs.get(place, 0)
            assert place in self.kafka.positions, "given after its partition was lost"
            before = [at for where, at, then in self.given if (where, then) == (place, epoch)]
            assert all(at < offset for at in before), "given twice, or out of order"
            if self.world.exact and place[0] == "slow":
                assert self.world.wall >= message.stamp + DELAY, "given early"
            self.given.append((place, offset, epoch))
            self.open.add((place, offset))

    def finish(self, which: int) -> None:
        place, offset, _ = self.given[which % len(self.given)]
        self.world.done.add((place, offset))
        self.open.discard((place, offset))
        self.consumer.finish(place, offset)

    def under_way(self) -> int:
        """Return the number of messages given in the present assignments that are not finished."""
        return sum(place in self.kafka.positions for place, _ in self.open)


@contextmanager
def one_member(group: Group) -> Iterator[list[Member]]:
    """While this is entered, `group_consumer` creates members of the group in memory."""
    made: list[Member] = []

    def make(_settings: Any, _group: str, _topics: Any, _patient: bool, **callbacks: Any) -> Member:
        made.append(Member(group, **callbacks))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delayed_consumer, "group_consumer", make)
        yield made


class Delayed:
    """Two members, three partitions, and all events that can happen to them."""

    def __init__(self) -> None:
        self.world = World()
        self.owners = [Owner(self.world), Owner(self.world)]
        for place in PLACES:
            self.world.group.move(place, self.owners[0].kafka)

    def produce(self, place: Partition, ahead: float) -> None:
        if place[0] == "slow" and ahead:
            self.world.exact = False
        self.world.group.produce(place, stamp=self.world.wall + ahead)

    def advance(self, seconds: float) -> None:
        self.world.monotonic += seconds
        self.world.wall += seconds

    def jump(self, seconds: float) -> None:
        self.world.exact = False
        self.world.wall += seconds

    def take(self, who: int, most: int) -> None:
        owner = self.owners[who]
        with suppress(KafkaException):
            owner.take(most)
            if owner.full and not owner.kafka.failing and not owner.deceived:
                assert set(owner.kafka.positions) <= owner.kafka.paused
            if not owner.kafka.failing and not owner.deceived:
                full = {place for place in owner.kafka.positions if place[0] in owner.full_topics}
                assert full <= owner.kafka.paused

    def finish(self, who: int, number: int) -> None:
        if self.owners[who].given:
            self.owners[who].finish(number)

    def regulate(self, who: int, full: bool, topics: set[str] | None = None) -> None:
        owner = self.owners[who]
        owner.full, owner.full_topics = full, topics or set()
        with suppress(KafkaException):
            owner.consumer.regulate(full, owner.full_topics)

    def move(self, place: Partition, who: int) -> None:
        self.world.group.move(place, self.owners[who].kafka)

    def expire(self, who: int) -> None:
        self.world.group.expire(self.owners[who].kafka)

    def commit(self, who: int) -> None:
        self.owners[who].consumer.commit()

    def replace(self, who: int) -> None:
        """One leaves and another replaces it; the partitions go to the member chosen to receive them."""
        self.owners[who].kafka.failing.clear()
        self.owners[who].consumer.close()
        self.owners[who] = Owner(self.world)

    def fail(self, who: int, names: set[str]) -> None:
        self.owners[who].kafka.failing = names

    def ignore(self, who: int, names: set[str]) -> None:
        self.owners[who].kafka.ignored = names
        self.owners[who].deceived |= bool(names)

    def nothing_without_an_outcome_is_committed(self) -> None:
        for place, position in self.world.group.committed.items():
            for offset in range(position):
                assert (place, offset) in self.world.done, f"{place}@{offset} was lost"

    def what_is_under_way_is_known(self) -> None:
        for owner in self.owners:
            ready = len(owner.consumer._ready)
            lost = bool(owner.kafka.events)
            assert lost or owner.consumer.under_way() == owner.under_way() + ready

    def end_well(self) -> None:
        """Once all faults are over, every message is handled in time, and all of it is committed."""
        for owner in self.owners:
            owner.kafka.failing, owner.kafka.ignored = set(), set()
            owner.full, owner.full_topics = False, set()
            owner.consumer.regulate(False)
        for number, place in enumerate(PLACES):
            if self.world.group.wanted.get(place) is None:
                self.world.group.move(place, self.owners[number % 2].kafka)
        total = sum(map(len, self.world.group.logs.values()))
        for _ in range(2 * total + 10):
            for owner in self.owners:
                owner.take(5)
                for number in range(len(owner.given)):
                    owner.finish(number)
                owner.consumer.commit()
            self.advance(ENOUGH)
        for place, log in self.world.group.logs.items():
            stranded = [m.offset() for m in log if (place, m.offset()) not in self.world.done]
            assert not stranded, f"{place}: {stranded} were stranded"
            assert self.world.group.committed.get(place, 0) == len(log)
        for owner in self.owners:
            owner.consumer.close()


def step(machine: Delayed, dice: random.Random) -> None:
    """Choose one event; normal ones are more likely than faults."""
    who, place = dice.randrange(2), dice.choice(PLACES)
    usual: list[Callable[[], None]] = [
        lambda: machine.produce(place, dice.choice([0.0, 0.0, 0.0, 1e9])),
        lambda: machine.take(who, dice.choice([0, 1, 2, 5, 5])),
        lambda: machine.take(1 - who, 5),
        lambda: machine.finish(who, dice.randrange(100)),
        lambda: machine.advance(dice.choice([0.5, 4.0, DELAY, ENOUGH])),
        lambda: machine.move(place, who),
    ]
    rare: list[Callable[[], None]] = [
        lambda: machine.regulate(who, dice.random() < 0.5),
        lambda: machine.regulate(who, False, {place[0]}),
        lambda: machine.commit(who),
        lambda: machine.expire(who),
        lambda: machine.replace(who),
        lambda: machine.jump(dice.choice([-1e6, 1e6])),
        lambda: machine.fail(who, set(dice.sample(FAILING, dice.randrange(len(FAILING) + 1)))),
        lambda: machine.fail(who, set()),
        lambda: machine.ignore(who, {"pause"} if dice.random() < 0.3 else set()),
    ]
    dice.choice(usual if dice.random() < 0.75 else rare)()


@pytest.mark.parametrize("seed", range(20))
def test_no_message_is_stranded_or_lost_in_any_sequence(seed: int) -> None:
    """Forty sequences of steps from each seed."""
    logging.disable(logging.CRITICAL)
    try:
        dice = random.Random(seed)
        for _ in range(40):
            machine = Delayed()
            for _ in range(dice.randrange(10, 60)):
                step(machine, dice)
                machine.nothing_without_an_outcome_is_committed()
                machine.what_is_under_way_is_known()
            machine.end_well()
    finally:
        logging.disable(logging.NOTSET)


@pytest.fixture(scope="module", autouse=True)
def commits_are_not_repeated_before_revocations() -> Iterator[None]:
    """The model's commits fail until a later step: nothing comes of waiting for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delayed_consumer, "REVOKE_TIMEOUT", 0.0)
        yield


@pytest.fixture
def finished() -> Owner:
    """A member that has finished one message and committed nothing."""
    world = World()
    owner = Owner(world)
    world.group.move(FAST, owner.kafka)
    world.group.produce(FAST)
    owner.take(5)
    owner.take(5)
    [(place, offset, _)] = owner.given
    owner.consumer.finish(place, offset)
    world.monotonic += 1.0
    return owner


def test_a_member_that_leaves_while_it_joins_commits_what_is_finished(finished: Owner) -> None:
    """Members form a new generation: the broker answers the commit late, and rejects it."""
    finished.kafka.joining = 5
    finished.consumer.commit()
    assert finished.world.group.committed == {}
    # One that arrives meanwhile is not handled, so another member must get it.
    finished.world.group.produce(FAST)
    finished.consumer.close()
    assert finished.world.group.committed == {FAST: 1}


def test_a_commit_without_an_answer_is_repeated_before_the_partition_is_revoked(
    finished: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, world = finished.kafka.commit, finished.world
    monkeypatch.setattr(finished.kafka, "commit", lambda offsets, asynchronous: None)
    finished.consumer.commit()
    monkeypatch.setattr(finished.kafka, "commit", commit)
    world.group.move(FAST, Member(world.group))
    finished.take(5)
    assert FAST not in finished.kafka.positions
    assert world.group.committed == {FAST: 1}


def test_a_commit_that_fails_before_a_revocation_is_repeated(
    finished: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that has just taken over rejects the first one."""
    monkeypatch.setattr(delayed_consumer, "REVOKE_TIMEOUT", 60.0)
    finished.kafka.failing = {"commit"}
    world, pauses = finished.world, []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        finished.kafka.failing.clear()

    world.group.move(FAST, Member(world.group))
    monkeypatch.setattr("core.kafka.delayed_consumer.time.sleep", pause)
    finished.take(5)
    assert pauses
    assert world.group.committed == {FAST: 1}


def test_members_that_leave_together_wait_for_one_session(
    finished: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is killed if it takes longer."""
    other = Owner(finished.world)
    finished.world.group.move(SLOW, other.kafka)
    finished.kafka.failing = {"commit"}
    finished.consumer._session = other.consumer._session = 0.2
    settled: list[Owner] = []

    def watched(owner: Owner) -> Callable[[], bool]:
        settle = owner.consumer._settle

        def settle_and_note() -> bool:
            settled.append(owner)
            return settle()

        return settle_and_note

    for owner in (finished, other):
        monkeypatch.setattr(owner.consumer, "_settle", watched(owner))
    close_all([finished.consumer, other.consumer])
    # The second did not wait until the first had given up.
    assert settled[:3] == [finished, other, finished]
    assert finished.world.group.owners == {FAST: None, SLOW: None}


def test_a_member_leaves_although_nothing_can_be_committed(finished: Owner) -> None:
    finished.kafka.failing = {"commit"}
    finished.consumer._session = 0.2
    finished.consumer.close()
    assert FAST not in finished.world.group.committed
    assert finished.world.group.owners[FAST] is None
