"""The device queue, in virtual time."""

from __future__ import annotations

import math
import statistics

import pytest

from simulator.device_queue import DeviceQueue, QueueEvent
from simulator.settings import QueueSettings


def quiet(initial: int = 0, speed_up: float = 1.0, order: str = "arrival") -> DeviceQueue:
    """Return a queue at which no other jobs arrive."""
    settings = QueueSettings(
        arrivals_per_second=0.0, initial_length=initial, seed=1, speed_up=speed_up, order=order
    )
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


def test_forecasts_are_the_course_if_nothing_else_arrives() -> None:
    queue = quiet(initial=2)
    queue.submit("a", 0.0, expected=3.0)
    queue.submit("b", 0.0, expected=4.0)
    forecasts = queue.forecasts(0.0)
    assert [forecasts[name].position for name in "ab"] == [2, 3]
    # Other people's jobs are expected to take the mean time.
    assert (forecasts["a"].start, forecasts["a"].completion) == (2.0, 5.0)
    assert (forecasts["b"].start, forecasts["b"].completion) == (5.0, 9.0)
    queue.advance(1000.0)
    running = queue.forecasts(1000.0)["a"]
    assert running.position == 0
    assert running.start < 1000.0 <= running.completion


def test_fair_share_serves_the_user_who_has_used_the_device_least() -> None:
    queue = quiet(order="fair_share")
    for name in ("a1", "a2", "a3"):
        queue.submit(name, 0.0, user="a")
    queue.submit("b1", 0.0, user="b")
    assert {name: item.position for name, item in queue.forecasts(0.0).items()} == {
        "a1": 0,
        "b1": 1,
        "a2": 2,
        "a3": 3,
    }
    events = queue.set_computed("a1", 5.0, 5.0)
    assert [event.job_id for event in events if event.kind == "started"] == ["b1"]
    # A cancelled job has used the device too.
    events = queue.cancel("b1", 9.0)
    assert [event.job_id for event in events if event.kind == "started"] == ["a2"]
    queue.submit("b2", 9.0, user="b")
    assert queue.forecasts(9.0)["b2"].position == 1


def test_who_uses_a_device_much_waits_longer() -> None:
    settings = QueueSettings(
        arrivals_per_second=3.0, service_seconds=1.0, seed=4, order="fair_share", users=5
    )
    queue = DeviceQueue(settings, now=0.0)

    def wait(name: str, user: str, now: float) -> float:
        arrived, events = now, queue.submit(name, now, user)
        while not any(event.kind == "started" for event in events):
            now = queue.next_change() or math.inf
            events = queue.advance(now)
        waits[user].append(now - arrived)
        queue.set_computed(name, now, 20.0 if user == "much" else 0.1)
        return now + 30.0

    waits: dict[str, list[float]] = {"much": [], "little": []}
    now = 0.0
    for index in range(60):
        now = wait(f"{index}", "much" if index % 2 else "little", now)
    assert statistics.mean(waits["little"]) < statistics.mean(waits["much"])
    # The least user waits for the running job only.
    assert max(waits["little"]) < 30


def test_fair_share_of_the_other_users_is_the_same_after_a_long_absence() -> None:
    settings = QueueSettings(seed=4, order="fair_share", arrivals_per_second=1.0)
    queue = DeviceQueue(settings, now=0.0)
    queue.advance(1e9)
    queue.submit("a", 1e9)
    forecast = queue.forecasts(1e9)["a"]
    assert forecast.position <= 1
