"""Where our jobs stand in a device's queue, from what the provider still tells."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.bounds import CLOCK_SKEW, HORIZON, MAX_QUEUE
from poller.scheduling.duration_estimate import CV_LEAST, CV_MOST, ENOUGH, SHORTEST, DurationEstimate
from poller.scheduling.job import JobObservation, ScheduledJob
from poller.scheduling.queue_estimator import FIRST_GUESS, Device
from poller.scheduling.served_curve import ServedCurve


def job(key: int, submitted: float, ahead: int | None = 0) -> ScheduledJob[int]:
    return ScheduledJob(key, "client", "fez", submitted, ahead, looked=submitted)


@pytest.mark.parametrize(
    ("ahead", "length", "now", "position"),
    [
        # Nothing has been served yet: all that were there are before us.
        (4, None, 0.0, 4),
        (4, None, 6.0, 2),
        # Slower than thought: still next, never behind the queue.
        (4, None, 60.0, 0),
        # The queue is shorter than the estimate: our own job is the last of it.
        (40, 3, 0.0, 2),
        # Others came after us: that says nothing about our place.
        (4, 90, 0.0, 4),
        (4, 0, 0.0, 0),
        # It was not told how many there were: as many as there are, less itself.
        (None, 7, 0.0, 6),
    ],
)
def test_place(ahead: int | None, length: int | None, now: float, position: int) -> None:
    device: Device[int] = Device()
    if length is not None:
        device.listed(length, True, 0.0)
    one = job(1, 0.0, ahead)
    device.add(one, 0.0)
    device.forecast(now)
    assert one.forecast.position == position
    assert one.forecast.mean >= now


@pytest.mark.parametrize(
    ("submitted", "finished", "length"),
    [
        # The list counted it, and it has ended since.
        (0.0, 12.0, 4),
        # It had ended before the list was made, or came after it.
        (0.0, 8.0, 5),
        (11.0, 12.0, 5),
    ],
)
def test_a_job_of_ours_that_ended_is_not_in_the_queue(submitted: float, finished: float, length: int) -> None:
    device: Device[int] = Device()
    one = job(1, submitted)
    device.add(one, submitted)
    device.listed(5, True, 10.0)
    device.saw(one, JobObservation("DONE", True, submitted, submitted, finished), 13.0)
    assert device.length() == length
    following = job(2, 13.0, ahead=None)
    device.add(following, 13.0)
    assert following.ahead == length
    assert device.length() == length + 1, "it came after the list"
    between = job(3, 12.5, ahead=None)
    device.add(between, 14.0)
    assert between.ahead == length, "the other one came after it"


def test_an_end_without_a_time_counts_if_a_look_after_the_list_showed_the_job() -> None:
    device: Device[int] = Device()
    one, two = job(1, 0.0), job(2, 0.0)
    for each in (one, two):
        device.add(each, 0.0)
    device.listed(2, True, 10.0)
    device.saw(one, JobObservation("RUNNING", False, 0.0), 11.0)
    device.saw(one, JobObservation("DONE", True, 0.0), 12.0)
    assert device.length() == 1
    device.saw(two, JobObservation("DONE", True, 0.0), 12.0)
    assert device.length() == 1, "it may have ended before the list"


def test_our_own_jobs_before_and_behind_bound_the_place() -> None:
    device: Device[int] = Device()
    jobs = [job(number, float(number), ahead=number) for number in range(10)]
    for one in jobs:
        device.add(one, 9.0)
    device.listed(10, True, 9.5)
    device.forecast(9.5)
    # The queue is ours alone: whatever the pace, each place is known.
    assert [one.forecast.position for one in jobs] == list(range(10))
    device.forecast(9.5 + 100 * FIRST_GUESS)
    assert [one.forecast.position for one in jobs] == list(range(10))


def test_a_start_that_is_seen_puts_right_what_waited_beside_it() -> None:
    """A device serves a job in 2 s where 3 were thought: the first's start tells the next one's place."""
    device: Device[int] = Device()
    first, second = job(1, 0.0, ahead=20), job(2, 10.0, ahead=22)
    device.add(first, 0.0)
    device.add(second, 10.0)
    device.saw(first, JobObservation("RUNNING", False, 0.0, started=40.0), 41.0)
    device.forecast(41.0)
    assert device.service.mean == pytest.approx(2.0)
    # 22 before it at 10 s; at 40 s fifteen of them were served, and half of one more since.
    assert second.forecast.position == pytest.approx(22 - 15.5, abs=0.51)
    assert second.forecast.mean == pytest.approx(41 + (22 - 15.5) * 2 + 2, abs=0.1)


def test_a_providers_own_figures_come_first() -> None:
    device: Device[int] = Device()
    one, two = job(1, 0.0, ahead=50), job(2, 0.0, ahead=50)
    device.add(one, 0.0)
    device.add(two, 0.0)
    device.saw(one, JobObservation("QUEUED", False, completion=500.0), 10.0)
    device.saw(two, JobObservation("QUEUED", False, position=9), 10.0)
    device.forecast(10.0)
    assert one.forecast.mean == pytest.approx(500.0)
    assert two.forecast.position == 9


def test_nothing_moves_while_the_device_is_down() -> None:
    device: Device[int] = Device()
    one = job(1, 0.0, ahead=100)
    device.add(one, 0.0)
    device.listed(101, True, 1.0)
    device.forecast(30.0)
    before = one.forecast.position
    device.listed(101, False, 30.0)
    device.forecast(3_630.0)
    assert one.forecast.position == before
    assert one.forecast.mean > 3_630.0 + 1_000.0, "what was down for an hour may be so for longer"
    device.listed(101, True, 3_630.0)
    device.forecast(3_660.0)
    assert one.forecast.position == before - 10


def test_another_pollers_estimate_is_used_where_nothing_is_known() -> None:
    device: Device[int] = Device()
    one = ScheduledJob(1, "client", "fez", 0.0, 400, looked=0.0, expected=900.0)
    device.add(one, 600.0)
    assert one.forecast.mean == pytest.approx(900.0, abs=1.0)


def test_a_job_that_is_late_is_expected_later_and_later() -> None:
    device: Device[int] = Device()
    one = job(1, 0.0, ahead=1)
    device.add(one, 0.0)
    left = []
    for now in (10.0, 100.0, 1_000.0, 10_000.0):
        device.forecast(now)
        left.append(one.forecast.mean - now)
    assert left == sorted(left)
    assert left[-1] > 1_000


def test_it_learns_how_long_our_jobs_run_beside_what_is_told() -> None:
    device: Device[int] = Device()
    for number in range(10):
        one = job(number, 100.0 * number)
        device.add(one, one.submitted)
        device.saw(
            one,
            JobObservation("DONE", True, one.submitted, one.submitted, one.submitted + 8.0, run_seconds=4.0),
            one.submitted + 9.0,
        )
    told = job(99, 5_000.0)
    device.add(told, 5_000.0)
    device.saw(told, JobObservation("RUNNING", False, 5_000.0, 5_000.0, run_seconds=20.0), 5_000.0)
    device.forecast(5_000.0)
    assert told.forecast.mean == pytest.approx(5_040.0, abs=2.0), "twice what is told, as always"


def test_on_a_steady_queue_the_estimate_is_right_within_its_uncertainty() -> None:
    """With other people's jobs too: most completions lie between the 2.5 % and the 97.5 % quantile."""
    dice = random.Random(7)
    device: Device[int] = Device()
    arrivals, free, at, inside, count = [], 0.0, 0.0, 0, 0
    departures: list[float] = []
    for number in range(600):
        at += dice.expovariate(0.2)
        ahead = sum(1 for gone in departures if gone > at)
        started = max(at, free)
        free = started + 4.0 * dice.lognormvariate(-0.125, 0.5)
        arrivals.append(at)
        departures.append(free)
        if number % 3:
            continue
        one = job(number, at, ahead)
        device.add(one, at)
        device.forecast(at)
        if number > 60:
            count += 1
            inside += one.forecast.quantile(0.025) <= free <= one.forecast.quantile(0.975)
        device.saw(one, JobObservation("DONE", True, at, started, free), free)
    assert inside / count > 0.85


#: Any number that a provider's JSON can hold, and any instant.
ANY = st.none() | st.floats(-1e12, 1e12) | st.floats() | st.integers(-(10**400), 10**400)
SIGHTINGS = st.builds(
    JobObservation,
    status=st.just("QUEUED"),
    final=st.booleans(),
    created=ANY,
    started=ANY | st.floats(-1e10, 1e10),
    finished=ANY | st.floats(-1e10, 1e10),
    completion=ANY,
    position=st.none() | st.integers(),
    run_seconds=ANY,
)


@given(
    ahead=st.none() | st.integers(0, MAX_QUEUE),
    length=st.none() | st.integers(0, MAX_QUEUE),
    expected=st.none() | st.floats(-1e12, 1e12),
    instants=st.lists(st.floats(-1e10, 1e10), min_size=3, max_size=3),
    operational=st.booleans(),
    observation=SIGHTINGS,
)
@example(
    ahead=1,
    length=None,
    expected=None,
    instants=[0.0, 0.0, 0.0],
    operational=False,
    observation=JobObservation("QUEUED", False, started=3661966685.0),
).via("a start a century ahead")
@example(
    ahead=1,
    length=None,
    expected=None,
    instants=[-1e10, 0.0, 0.0],
    operational=False,
    observation=JobObservation("QUEUED", False, started=-1.0),
).via("a job submitted centuries ago")
def test_every_forecast_is_sound(
    ahead: int | None,
    length: int | None,
    expected: float | None,
    instants: list[float],
    operational: bool,
    observation: JobObservation,
) -> None:
    """Whatever clocks and providers say: place not below 0, completion not before now, finite spread."""
    submitted, seen, now = instants
    device: Device[int] = Device()
    if length is not None:
        device.listed(length, operational, seen)
    one = ScheduledJob(1, "client", "fez", submitted, ahead, looked=submitted, expected=expected)
    device.add(one, now)
    device.saw(one, observation, now)
    device.forecast(now)
    assert_sound(one, now)


def assert_sound(one: ScheduledJob[int], now: float) -> None:
    assert one.forecast.position >= 0
    assert now - 1e-3 <= one.forecast.mean < now + 3e9
    assert 0 < one.forecast.scale < 1e12


@given(
    st.lists(
        st.tuples(st.floats(-1e10, 1e10), st.integers(0, MAX_QUEUE), SIGHTINGS), min_size=2, max_size=12
    ),
    st.floats() | st.none(),
)
def test_what_one_job_tells_leaves_the_forecasts_of_the_others_sound(
    jobs: list[tuple[float, int, JobObservation]], wait: float | None
) -> None:
    """What is learned from impossible instants is used for all jobs of the device."""
    device: Device[int] = Device()
    now = 1.8e9
    device.listed(MAX_QUEUE, True, now - 1.0, wait)
    for number, (submitted, ahead, _) in enumerate(jobs):
        device.add(job(number, submitted, ahead), now)
    watched = list(device.jobs)
    for one, (_, _, observation) in zip(watched, jobs, strict=True):
        device.saw(one, observation, now)
    late = job(99, now, MAX_QUEUE)
    device.add(late, now)
    device.forecast(now)
    for one in device.jobs:
        assert_sound(one, now)
    assert late in device.jobs


@given(SIGHTINGS, st.floats(0, 2e9), st.floats(0, 2e9))
def test_a_sighting_is_bounded_to_what_can_be_true(
    observation: JobObservation, submitted: float, waited: float
) -> None:
    now = submitted + waited
    bounded = observation.bounded(submitted, now)
    assert bounded.started is None or submitted <= bounded.started <= now
    if bounded.started is not None and bounded.finished is not None:
        assert 0 <= bounded.finished - bounded.started <= HORIZON + CLOCK_SKEW
        assert observation.finished is not None
        assert observation.started is not None
        took = float(observation.finished) - float(observation.started)
        assert bounded.finished - bounded.started == pytest.approx(took, abs=1e-3)
    assert bounded.completion is None or abs(bounded.completion - now) <= HORIZON
    assert bounded.position is None or 0 <= bounded.position <= MAX_QUEUE
    assert bounded.run_seconds is None or SHORTEST <= bounded.run_seconds <= HORIZON


def test_what_can_be_true_is_kept() -> None:
    seen = JobObservation("DONE", True, 100.0, 103.0, 109.0, 3, 110.0, 6.0)
    assert seen.bounded(100.0, 110.0) == seen
    # A clock that is ahead by a minute: the job cannot have started before it was seen, and ran for 6 s.
    ahead = JobObservation("DONE", True, 160.0, 163.0, 169.0)
    assert ahead.bounded(100.0, 110.0) == JobObservation("DONE", True, 160.0, 110.0, 116.0)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0.5, 20)), max_size=40))
def test_a_duration_is_positive_whatever_the_clocks_say(samples: list[tuple[float, float]]) -> None:
    learned = DurationEstimate(3.0)
    for seconds, weight in samples:
        learned.observe(seconds, weight)
    assert 0 < learned.mean <= 1e9 + 1
    assert CV_LEAST <= learned.cv <= CV_MOST


def test_one_outage_does_not_spoil_what_was_learned() -> None:
    learned = DurationEstimate(3.0)
    for _ in range(2 * ENOUGH):
        learned.observe(4.0)
    learned.observe(3_600.0)
    assert learned.mean < 6.0


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 50), st.floats(0, 1e4)), max_size=30))
def test_what_was_served_never_becomes_less(starts: list[tuple[float, int, float]]) -> None:
    served = ServedCurve()
    for came, ahead, waited in starts:
        served.pin(came, ahead, came + waited, 3.0)
    counts = [served.by(at, 3.0) for at in range(-100, 21_000, 500)]
    assert counts == sorted(counts)
