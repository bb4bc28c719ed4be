"""The device queue, in virtual time."""

from __future__ import annotations

import math
import statistics

import pytest

from simulator.device_queue import DeviceQueue, QueueEvent
from simulator.settings import QueueSettings


def quiet(initial: int = 0, **changes: float) -> DeviceQueue:
    """Return a queue at which no other jobs arrive."""
    settings = QueueSettings(arrivals_per_second=0.0, initial_length=initial, seed=1, **changes)
    return DeviceQueue(settings, now=0.0)


def test_an_empty_device_starts_a_job_at_once() -> None:
    queue = quiet()
    assert queue.submit("a", 10.0) == [QueueEvent("started", "a", 10.0)]
    assert queue.length == 1


def test_a_job_leaves_when_its_time_is_over_and_its_result_is_available() -> None:
    queue = quiet()
    queue.submit("a", 0.0)
    assert queue.next_change() is None
    assert queue.advance(100.0) == []
    assert queue.set_computed("a", 101.0, service_seconds=2.0) == [QueueEvent("finished", "a", 101.0)]
    queue.submit("b", 200.0)
    assert queue.set_computed("b", 200.5, service_seconds=2.0) == []
    assert queue.next_change() == 202.0
    assert queue.advance(201.9) == []
    assert queue.advance(202.0) == [QueueEvent("finished", "b", 202.0)]
    assert queue.length == 0


def test_first_come_first_served() -> None:
    queue = quiet(initial=2)
    assert queue.submit("a", 0.0) == []
    assert queue.submit("b", 0.0) == []
    assert queue.length == 4
    events = queue.advance(1000.0)
    assert [(event.kind, event.job_id) for event in events] == [("started", "a")]
    events = queue.set_computed("a", 1000.0, 1.0)
    assert [(event.kind, event.job_id) for event in events] == [("finished", "a"), ("started", "b")]


def test_a_cancelled_job_lets_the_next_start() -> None:
    queue = quiet()
    queue.submit("a", 0.0)
    queue.submit("b", 0.0)
    queue.submit("c", 0.0)
    assert queue.cancel("b", 1.0) == []
    assert queue.cancel("a", 2.0) == [QueueEvent("started", "c", 2.0)]
    assert queue.set_computed("a", 3.0, 1.0) == []
    assert queue.cancel("unknown", 3.0) == []
    assert queue.length == 1


def test_speed_up() -> None:
    queue = quiet(speed_up=10.0)
    queue.submit("a", 0.0)
    queue.set_computed("a", 0.0, service_seconds=5.0)
    assert queue.next_change() == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_course() -> None:
    def course(seed: int) -> list[int]:
        queue = DeviceQueue(QueueSettings(seed=seed), now=0.0)
        lengths = []
        for second in range(100):
            queue.advance(float(second))
            lengths.append(queue.length)
        return lengths

    assert course(1) == course(1)
    assert course(1) != course(2)


def test_the_length_converges_to_arrivals_times_service() -> None:
    queue = DeviceQueue(QueueSettings(arrivals_per_second=4.0, service_seconds=1.0, seed=5), now=0.0)
    lengths = []
    for step in range(1, 6000):
        queue.advance(step * 1.0)
        lengths.append(queue.length)
    assert statistics.mean(lengths) == pytest.approx(4.0, rel=0.15)
    assert max(lengths) < 20


def test_default_waits_are_visible_but_short() -> None:
    waits = []
    for seed in range(200):
        queue = DeviceQueue(QueueSettings(seed=seed), now=0.0)
        now = 0.0
        events = queue.submit("a", now)
        while not events:
            now = queue.next_change() or math.inf
            events = queue.advance(now)
        waits.append(events[0].at)
    assert 3 < statistics.median(waits) < 7
    assert sorted(waits)[10] > 1
    assert sorted(waits)[190] < 12


def test_a_long_absence_costs_nothing_and_time_never_goes_back() -> None:
    queue = DeviceQueue(QueueSettings(seed=3), now=0.0)
    assert queue.advance(1e9) == []
    assert queue.length < 20
    change = queue.next_change()
    assert change is not None
    assert change >= 1e9
    assert queue.advance(5.0) == []


def test_waiting_times_are_reported() -> None:
    queue = DeviceQueue(QueueSettings(seed=3), now=0.0)
    queue.advance(60.0)
    waits = queue.waits()
    assert 0 <= waits["p50"] <= waits["p95"]
    assert 0 < waits["average"] < 20
