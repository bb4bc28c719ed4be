"""Days of pollers in virtual time, made of random events: jobs, failures, crashes, rebalances, cancellations.

The pollers are the real ones. Broker, provider and functions are in memory, and the clock jumps to what is
due next. `make trial-faults` tries more days.
"""

from __future__ import annotations

import os
import time as real_time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.errors import InvocationError, ProviderUnavailableError, StreamError
from core.kafka import delayed_consumer
from core.kafka.offsets import Partition
from core.kafka.topics import CANCEL, JOBS, WAITS, new_results_topic
from core.protocol import JobEvent, ResultEvent, decode, encode
from core.provider import JobView
from core.settings import KafkaSettings
from poller import job_consumer, worker
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Limits
from poller.worker import Poller
from tests.core.librdkafka import Group, Member
from tests.core.samples import job
from tests.poller import fakes, results

DAY = 86_400.0
#: Days that are tried.
DAYS = int(os.environ.get("VIRTUAL_DAYS", "2"))
CLIENTS, PARTITIONS, MOST_POLLERS = 3, 2, 3
#: Seconds between two steps of idle pollers, at most.
IDLE = 60.0
#: Seconds after the last event in which every job must have ended, once nothing fails any more.
SETTLED = 4 * 3600.0

#: The accounts, as in a deployment; the backends are listed rarely, since each list is a step.
HARDWARE = Limits(per_minute=120, price=1.0, page=20, list_every=600.0)
SIMULATOR = Limits(per_minute=None, price=0.02, page=20, list_every=600.0)

URGENT, WAITING = "pollers", "pollers.wait"
#: For each group its partitions.
PLACES = {
    URGENT: [*((JOBS, number) for number in range(PARTITIONS)), (CANCEL, 0)],
    WAITING: [(topic, number) for topic in WAITS.values() for number in range(PARTITIONS)],
}

#: What counts over all days.
TOTAL: Counter[str] = Counter()


class Clock:
    """Replaces the module `time` in the pollers."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, tzinfo=UTC).timestamp()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class World(fakes.Provider):
    """The provider: jobs that end at their time, unless it fails."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.down = False
        self.raw = results.sampler({"0": 3})
        self._ends: dict[str, float] = {}
        self._cancelled: set[str] = set()
        self._run_tags: dict[str, str] = {}

    def add(self, event: JobEvent, seconds: float) -> None:
        self._ends[event.job_id] = self._clock.now + seconds
        self._run_tags[event.job_id] = f"qwhisk-{event.process_job_id}"

    def _check(self) -> None:
        if self.down:
            raise ProviderUnavailableError("down", status=503)

    def _view(self, job_id: str) -> JobView:
        if job_id in self._cancelled:
            return fakes.view("CANCELLED", job_id)
        return fakes.view("DONE" if self._clock.now >= self._ends[job_id] else "RUNNING", job_id)

    def look(self, job_id: str) -> JobView:
        self._check()
        return self._view(job_id)

    def look_since(self, created_after: datetime, newest_first: bool = True) -> dict[str, JobView]:
        self._check()
        return {job_id: self._view(job_id) for job_id in self._ends}

    def tagged(self, *tags: str) -> list[JobView]:
        self._check()
        return [self._view(job_id) for job_id, tag in self._run_tags.items() if tag in tags]

    def result(self, view: JobView) -> Any:
        self._check()
        return super().result(view)

    def cancel(self, job_id: str) -> None:
        self._check()
        if self._clock.now < self._ends[job_id]:
            self._cancelled.add(job_id)


class Broker(fakes.Publisher):
    """Puts what is published into the groups' logs, or into a client's topic."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.groups = {name: Group() for name in PLACES}
        self.topics: defaultdict[str, list[ResultEvent]] = defaultdict(list)

    def send(self, topic: str, key: str, value: bytes, headers: Any = None) -> Any:
        if self.error is None:
            self._store(topic, key, value)
        return super().send(topic, key, value, headers)

    def _store(self, topic: str, key: str, value: bytes) -> None:
        number = sum(key.encode()) % PARTITIONS if topic != CANCEL else 0
        for name, places in PLACES.items():
            if (topic, number) in places:
                self.groups[name].produce((topic, number), value, self._clock.now)
        if topic.startswith("results."):
            self.topics[topic].append(decode(ResultEvent, value))


class Day:
    """The pollers and what they work on."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world, self.broker = World(self.clock), Broker(self.clock)
        self.invoke = fakes.Invoke({"answer": {}})
        self.pollers: list[Poller] = []
        self.members: list[dict[str, Member]] = []
        self._making: dict[str, Member] = {}
        self.accepted: dict[str, JobEvent] = {}
        self.clients = {f"client-{number}": new_results_topic(number) for number in range(CLIENTS)}
        self.join()

    def make_member(self, _settings: Any, group: str, _topics: Any, *_: Any, **callbacks: Any) -> Member:
        """Replaces `group_consumer`."""
        self._making[group] = Member(self.broker.groups[group], **callbacks)
        return self._making[group]

    # --- events -------------------------------------------------------------------------------------

    def join(self) -> None:
        if len(self.pollers) == MOST_POLLERS:
            return
        self._making = {}
        delivery = ResultDelivery(self.world, self.broker, fakes.Documents(), self.invoke)
        kafka = KafkaSettings("nowhere:9092", partitions=PARTITIONS)
        self.pollers.append(
            Poller(
                kafka, self.world, delivery, self.broker, workers=1, hardware=HARDWARE, simulator=SIMULATOR
            )
        )
        self.members.append(self._making)
        self._share()

    def _share(self) -> None:
        """Give each member its share of the partitions."""
        for name, places in PLACES.items():
            for number, place in enumerate(places):
                self._move(name, place, self.members[number % len(self.members)][name])

    def _move(self, name: str, place: Partition, member: Member) -> None:
        # Not its owner: another member may be about to get it, such as one that has crashed.
        if self.broker.groups[name].wanted.get(place) is not member:
            self.broker.groups[name].move(place, member)

    def crash(self, number: int) -> None:
        """End a poller without a commit; a new one starts if it was the only one."""
        number %= len(self.pollers)
        poller, members = self.pollers.pop(number), self.members.pop(number)
        poller.accounts.close()
        for name, member in members.items():
            self.broker.groups[name].expire(member)
        if not self.pollers:
            self.join()
        self._share()

    def leave(self, number: int) -> None:
        if len(self.pollers) == 1:
            return
        number %= len(self.pollers)
        poller = self.pollers.pop(number)
        self.members.pop(number)
        poller.close()
        self._share()

    def submit(self, client: int, seconds: float, where: str) -> None:
        name = f"client-{client}"
        number = len(self.accepted)
        event = job(
            process_job_id=f"process-{number}",
            job_id=f"d{number}",
            client_id=name,
            topic=self.clients[name],
            backend_type=where,
            submitted_at=datetime.fromtimestamp(self.clock.now, UTC).isoformat(),
        )
        self.accepted[event.process_job_id] = event
        self.world.add(event, seconds)
        # The action publishes it, whatever happens to the pollers' connections.
        self.broker._store(JOBS, event.process_job_id, encode(event))

    def cancel(self, number: int) -> None:
        if self.accepted:
            event = list(self.accepted.values())[number % len(self.accepted)]
            self.broker._store(CANCEL, event.process_job_id, encode(event))

    def fail(self, what: str, failing: bool) -> None:
        match what:
            case "provider":
                self.world.down = failing
            case "broker":
                self.broker.error = StreamError("down") if failing else None
            case "functions":
                down = InvocationError("down", status=502)
                self.invoke.reply = down if failing else {"answer": {}}

    # --- time ---------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let the pollers work for these seconds of virtual time."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            for poller in self.pollers:
                self._step(poller)
            wakes = [poller.accounts.wake(self.clock.now) for poller in self.pollers]
            wakes += [poller.tracker.next_request_at() for poller in self.pollers]
            due = min([*wakes, self.clock.now + IDLE])
            self.clock.now = min(end, max(due, self.clock.now + 0.5))

    def _step(self, poller: Poller) -> None:
        """Run iterations until no call is in progress."""
        began = real_time.monotonic()
        poller.step(self.clock.now)
        while poller.accounts.busy or poller.callbacks:
            assert real_time.monotonic() - began < 60, "a call does not end"
            real_time.sleep(0.0001)  # lets the worker threads run
            poller.step(self.clock.now)

    def ended(self) -> set[str]:
        """Return the jobs with a final event."""
        published = (event for events in self.broker.topics.values() for event in events)
        return {event.process_job_id for event in published if event.final}

    def close(self) -> None:
        for poller in self.pollers:
            poller.close()


PLACE = st.integers(0, 7)
EVENT = st.one_of(
    st.tuples(
        st.just("submit"),
        st.integers(0, CLIENTS - 1),
        st.sampled_from([0.0, 3.0, 90.0, 1_500.0, 9_000.0]),
        st.sampled_from(["simulator", "hardware"]),
    ),
    st.tuples(st.just("cancel"), PLACE),
    st.tuples(st.just("crash"), PLACE),
    st.tuples(st.just("leave"), PLACE),
    st.tuples(st.just("join")),
    st.tuples(st.just("fail"), st.sampled_from(["provider", "broker", "functions"]), st.booleans()),
)
#: Each event with the seconds until the next one.
EVENTS = st.lists(
    st.tuples(EVENT, st.sampled_from([0.0, 0.7, 6.0, 40.0, 700.0, 2_000.0])), min_size=15, max_size=40
)


def live(events: list[tuple[Any, float]]) -> Day:
    """Let the events happen, and the rest of the day pass without any."""
    day = Day.__new__(Day)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            delayed_consumer, "group_consumer", lambda *args, **more: day.make_member(*args, **more)
        )
        day.__init__()  # type: ignore[misc]
        for module in (worker, job_consumer):
            patch.setattr(module, "time", day.clock)
        for name in ("IDLE", "BUSY"):
            patch.setattr(worker, name, 0.0)
        defaults = cast(dict[str, Any], delayed_consumer.DelayedConsumer.__init__.__kwdefaults__)
        patch.setitem(defaults, "clock", day.clock.monotonic)
        day.crash(0)  # the first poller was made with the real clock
        begun = day.clock.now
        for (name, *values), seconds in events:
            getattr(day, name)(*values)
            day.advance(seconds)
        for what in ("provider", "broker", "functions"):
            day.fail(what, False)
        day.advance(max(SETTLED, begun + DAY - day.clock.now))
        day.close()
    return day


@pytest.mark.timeout(120 + 60 * DAYS)
@settings(
    max_examples=DAYS,
    deadline=None,
    # To make a failing day shorter would take days.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(events=EVENTS)
def test_every_job_of_a_day_ends_at_its_client(events: list[tuple[Any, float]]) -> None:
    day = live(events)
    TOTAL.update(days=1, events=len(events), accepted=len(day.accepted))
    assert day.accepted.keys() - day.ended() == set(), "these have no end"
    for name, topic in day.clients.items():
        for event in day.broker.topics[topic]:
            assert event.client_id == name, "seen by another client"
            assert event.process_job_id in day.accepted
    finals: defaultdict[str, set[str]] = defaultdict(set)
    for published in day.broker.topics.values():
        for event in published:
            if event.final:
                finals[event.process_job_id].add(event.status)
    assert [job_id for job_id, statuses in finals.items() if len(statuses) > 1] == [], "two different ends"


@pytest.fixture(scope="module", autouse=True)
def _print() -> Any:
    yield
    print("\nvirtual days:", dict(TOTAL))
