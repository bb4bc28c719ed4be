"""Which look comes next, and the jobs that an answer omits."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from poller.scheduling.call import Call, Limits
from poller.scheduling.job import JobObservation
from poller.scheduling.pages import CLOCKS_UNKNOWN, LOOK_MOST
from poller.scheduling.scheduler import Scheduler


def test_a_job_that_a_page_omits_is_looked_at_alone() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9, price=0.01), 0.0)
    for number in range(4):
        scheduler.add(number, "client", "fez", False, 0.0, 0, 0.0)
    now, call = 0.0, None
    while call is None or call.kind != "look":
        now += 0.5
        call = scheduler.next_call(now)
    seen = {number: JobObservation("QUEUED", False, 0.0) for number in range(3)}
    scheduler.look_answered(call, seen, now, full=False)
    assert scheduler.next_call(now) == Call("look", (3,))


def test_a_simulators_jobs_are_looked_at_soon_and_then_less_frequently() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add(1, "client", "aer_simulator", True, 0.0, None, 0.0)
    looks, now = [], 0.0
    while now < 60:
        call = scheduler.next_call(now)
        if call is not None:
            looks.append(now)
            scheduler.look_answered(call, {1: JobObservation("RUNNING", False)}, now, full=False)
        now = max(scheduler.next_wake(now), now + 1e-6)
    assert looks[0] == 0.0
    assert looks[1] < 0.01
    assert len(looks) < 80
    assert max(b - a for a, b in pairwise(looks)) <= 2.0


def test_many_due_jobs_of_a_simulator_are_looked_at_in_one_call() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    for number in range(40):
        scheduler.add(number, "client", "aer_simulator", True, 0.0, None, 0.0)
    call = scheduler.next_call(0.0)
    assert call is not None
    assert call.newest_first
    assert len(call.keys) == 40


def started(scheduler: Scheduler[int], count: int, submitted: float, now: float) -> None:
    for number in range(count):
        scheduler.add(number, "client", "fez", False, submitted, 0, now)


def next_look(scheduler: Scheduler[int], now: float) -> Call[int]:
    while True:
        call = scheduler.next_call(now)
        if call is None:
            now = max(scheduler.next_wake(now), now + 0.01)
        elif call.kind == "list":
            scheduler.backends_listed([], now)
        else:
            return call


@pytest.mark.parametrize("year", [1, 1970, 2086, 9999])
def test_one_job_with_an_impossible_creation_time_misplaces_no_page(year: int) -> None:
    """Otherwise pages would begin centuries ago, and be full of other jobs."""
    now = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    scheduler: Scheduler[int] = Scheduler(Limits(page=50), now)
    started(scheduler, 3, now - 30.0, now)
    wrong = JobObservation("QUEUED", False, datetime(year, 1, 1, tzinfo=UTC).timestamp())
    right = JobObservation("QUEUED", False, now - 30.0)
    scheduler.look_answered(next_look(scheduler, now), {0: wrong, 1: right, 2: right}, now, full=False)
    call = next_look(scheduler, now + 1.0)
    assert call.since == pytest.approx(now - 30.0, abs=CLOCKS_UNKNOWN)


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_a_job_with_an_impossible_submission_time_can_be_looked_at(year: int) -> None:
    """`since` is sent to the provider as a date, so it must be a valid one."""
    now = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    scheduler: Scheduler[int] = Scheduler(Limits(page=50), now)
    started(scheduler, 2, datetime(year, 1, 1, tzinfo=UTC).timestamp(), now)
    call = next_look(scheduler, now)
    assert call.since is not None
    assert datetime.fromtimestamp(call.since, UTC) > datetime(2025, 1, 1, tzinfo=UTC)


def test_a_full_page_without_its_jobs_is_followed_by_a_look_at_one_job() -> None:
    """The page was misplaced: a repeated request would give the same page, without end."""
    scheduler: Scheduler[int] = Scheduler(Limits(page=2), 0.0)
    started(scheduler, 3, 0.0, 0.0)
    call = next_look(scheduler, 0.0)
    assert len(call.keys) > 1
    others = {100 + number: JobObservation("DONE", True, -50.0) for number in range(2)}
    scheduler.look_answered(call, others, 1.0, full=True)
    alone = next_look(scheduler, 1.0)
    assert (alone.since, alone.keys) == (None, call.keys[:1])


def test_the_answer_to_a_look_at_one_job_allows_no_second_page() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9, price=0.01), 0.0)
    scheduler.next_call(0.0)
    for number in range(6):
        scheduler.add(number, "client", "fez", False, 0.0, 0, 0.0)
    now = 0.0
    while (page := scheduler.next_call(now)) is None:
        now += 0.5
    assert page.since is not None
    for number in range(6, 12):
        scheduler.add(number, "client", "fez", False, now, 0, now)
    scheduler.look_now(6)
    alone = scheduler.next_call(now)
    assert alone == Call("look", (6,))
    scheduler.look_answered(alone, {6: JobObservation("QUEUED", False, now)}, now, full=False)
    assert scheduler.next_call(now + LOOK_MOST) is None, (
        "a second page was requested before the answer to the first"
    )
    scheduler.look_answered(page, {}, now, full=False)
    assert scheduler.next_call(now + LOOK_MOST) is not None


def test_a_job_that_may_be_final_is_looked_at_at_once() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add(1, "client", "fez", False, 0.0, 400, 0.0)
    assert scheduler.next_call(0.0) is None
    scheduler.look_now(1)
    assert scheduler.next_call(0.0) == Call("look", (1,))
