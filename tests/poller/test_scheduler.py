"""Which call comes next: nothing lost, nothing too early, nothing beyond the budget, nobody starved."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.poller import rivals
from benchmarks.poller.ours import IBM, Run, qwhisk
from benchmarks.poller.world import World, WorldPlan, build
from core.kafka.topics import WAITS
from poller.scheduling.budget import WINDOW
from poller.scheduling.call import Call, Limits
from poller.scheduling.forecast import expected_lag
from poller.scheduling.job import TRANSITIONS, IllegalTransitionError, Job, JobObservation, State
from poller.scheduling.job_table import JobTable
from poller.scheduling.pages import CLOCKS_UNKNOWN, LOOK_MOST
from poller.scheduling.scheduler import Scheduler
from tests.examples import examples


def world(seed: int, jobs: int = 60, length: float = 600.0, devices: int = 2, **more: Any) -> World:
    """Our jobs and others' on devices that serve one in 3 s, nine tenths of the time."""
    plans = []
    for number in range(devices):
        dice = random.Random(f"{seed}/{number}")
        ours = [
            (dice.uniform(0, length), f"client-{dice.randrange(5)}")
            for _ in range(jobs // devices + (number < jobs % devices))
        ]
        others = sorted(dice.uniform(0, length) for _ in range(max(0, int(0.3 * length) - len(ours))))
        plans.append(
            WorldPlan(sorted(ours), others, lambda d: 3 * d.lognormvariate(-0.125, 0.5), 3.0, **more)
        )
    return build("test", plans, seed)


class Watched(Run):
    """Checks every call, and lets some fail."""

    def __init__(self, *args: Any, failing: float = 0.0, seed: int = 0) -> None:
        super().__init__(*args)
        self.made: list[float] = []
        self.dice = random.Random(seed)
        self.failing = failing
        self.closed_until = 0.0

    def make(self, call: Call[Any], now: float) -> None:
        assert now >= self.closed_until, "a call was made while the account asked for patience"
        self.made.append(now)
        if call.kind == "look" and call.since is not None:
            self.check_look(call, now)
        if self.dice.random() < self.failing:
            retry_after = self.dice.choice([None, 3.0, 45.0])
            self.closed_until = now + (retry_after or 0.5)
            self.scheduler.call_failed(call, now, retry_after)
            return
        super().make(call, now)

    def check_look(self, call: Call[Any], now: float) -> None:
        """Not before its time: the expected lag is worth the call, or there was no look for long."""
        jobs = [job for device in self.scheduler.devices.values() for job in device.jobs]
        lag = expected_lag(
            now,
            np.array([job.forecast.mean for job in jobs]),
            np.array([job.forecast.scale for job in jobs]),
            np.array([job.looked for job in jobs]),
        ).sum()
        oldest = max(now - job.looked for job in jobs)
        assert lag > 0.9 * self.limits.price or oldest >= LOOK_MOST


@examples(25)
@given(
    seed=st.integers(0, 10**6),
    jobs=st.integers(1, 80),
    per_minute=st.none() | st.integers(10, 200),
    price=st.floats(0.02, 20),
    page=st.integers(2, 50),
    kept=st.integers(1, 100),
    failing=st.floats(0, 0.4),
    down=st.none() | st.floats(0, 500),
)
def test_every_job_is_delivered_once_within_the_budget(
    seed: int,
    jobs: int,
    per_minute: int | None,
    price: float,
    page: int,
    kept: int,
    failing: float,
    down: float | None,
) -> None:
    outage = () if down is None else ((down, down + 300.0),)
    limits = Limits(per_minute, price, page, list_every=30.0, jobs=kept)
    run = Watched(world(seed, jobs, down=outage), limits, "test", failing=failing, seed=seed)
    tally = run.run()
    tally.check(run.world)
    assert len(run.scheduler) == 0
    # An end to every wait: the longest wait topic, a look at the least so often, pauses, and the budget.
    bound = max(WAITS) + LOOK_MOST + 20 * 60.0 + jobs * (600.0 / (per_minute or 600))
    assert max(tally.lags.values()) < bound
    if per_minute is not None:
        for index, begin in enumerate(run.made):
            assert (
                sum(1 for at in run.made[index : index + per_minute + 2] if at < begin + WINDOW) <= per_minute
            )


def test_the_aims_on_a_small_world() -> None:
    """The benchmark's aims, on an hour of the same load."""
    hour = world(1, jobs=900, length=3_600.0, devices=3)
    paper = rivals.paper(hour)
    usual = qwhisk(hour)
    eager = qwhisk(hour, replace(IBM, price=0.05, per_minute=600))
    assert usual.per_job() < 3
    assert usual.mean < 0.6 * paper.mean
    assert eager.per_job() <= paper.per_job()
    assert eager.mean <= 0.11 * paper.mean


def test_a_client_with_a_thousand_jobs_does_not_starve_one_with_one() -> None:
    """All of them done at once, and a budget of thirty calls a minute."""
    scheduler: Scheduler[Any] = Scheduler(Limits(per_minute=30), 0.0)
    seen = {}
    for number in range(1000):
        scheduler.add(number, "many", "fez", False, 0.0, 0, 0.0)
        seen[number] = JobObservation("DONE", True, 0.0, 1.0, 2.0)
    scheduler.add(1000, "one", "fez", False, 0.0, 0, 0.0)
    seen[1000] = JobObservation("DONE", True, 0.0, 1.0, 2.0)
    scheduler.look_answered(Call("look", tuple(seen), since=0.0), seen, 3.0, full=False)
    calls: list[Call[Any]] = []
    while len(calls) < 4:
        if (call := scheduler.next_call(3.0)) is None:
            break
        calls.append(call)
    assert Call("fetch", (1000,)) in calls[:3]


def test_what_is_too_much_to_keep_waits_elsewhere_and_everyone_keeps_a_place() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(jobs=50), 0.0)
    for number in range(1000):
        scheduler.add(number, "many", "aer_simulator", True, 0.0, None, 0.0)
    for number in range(1000, 1010):
        scheduler.add(number, "few", "aer_simulator", True, 0.0, None, 0.0)
    requeued = {key for key, _ in scheduler.to_requeue(0.0)}
    assert len(scheduler) - len(requeued) <= 50
    assert not requeued & set(range(1000, 1010))


def test_looks_go_on_though_results_wait_to_be_fetched() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(per_minute=60, list_every=1e9), 0.0)
    seen = {number: JobObservation("DONE", True, 0.0, 1.0, 2.0) for number in range(100)}
    for number in seen:
        scheduler.add(number, "many", "fez", False, 0.0, 0, 0.0)
    scheduler.look_answered(Call("look", tuple(seen), since=0.0), seen, 3.0, full=False)
    scheduler.add("other", "one", "fez", False, 3.0, 0, 3.0)
    scheduler.add("other too", "one", "fez", False, 3.0, 0, 3.0)
    kinds = []
    for second in range(4, 40):
        if (call := scheduler.next_call(float(second))) is not None:
            kinds.append(call.kind)
            if call.kind == "look":
                scheduler.look_answered(call, {}, float(second), full=True)
    assert "look" in kinds[:20]


@pytest.mark.parametrize("kind", ["fetch", "look", "list"])
def test_a_failed_call_is_made_again(kind: str) -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=5.0), 0.0)
    scheduler.add(1, "client", "aer_simulator", kind != "list", 0.0, None, 0.0)
    if kind == "fetch":
        scheduler.look_answered(Call("look", (1,)), {1: JobObservation("DONE", True)}, 0.0, full=False)
    first = scheduler.next_call(0.0)
    while first is not None and first.kind != kind:
        first = scheduler.next_call(0.0)
    assert first is not None
    scheduler.call_failed(first, 0.0, retry_after=7.0)
    assert scheduler.next_call(6.9) is None
    assert scheduler.next_wake(0.1) == 7.0
    again: Call[Any] | None = None
    for tenth in range(70, 300):
        again = scheduler.next_call(tenth / 10)
        if again is not None and again.kind == kind:
            break
    assert again is not None
    assert again.kind == kind
    assert again.keys == first.keys


def test_a_job_that_a_page_does_not_tell_of_is_asked_for_alone() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9, price=0.01), 0.0)
    for number in range(4):
        scheduler.add(number, "client", "fez", False, 0.0, 0, 0.0)
    now, call = 0.0, None
    while call is None or call.kind != "look":
        now += 0.5
        call = scheduler.next_call(now)
    seen = {number: JobObservation("QUEUED", False, 0.0) for number in range(3)}
    scheduler.look_answered(call, seen, now, full=False)
    assert scheduler.next_call(now) == Call("look", (3,))


def test_a_job_that_failed_by_itself_is_tried_again_then_and_not_before() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add(1, "client", "aer_simulator", True, 0.0, None, 0.0)
    scheduler.look_answered(Call("look", (1,)), {1: JobObservation("DONE", True)}, 0.0, full=False)
    fetch = scheduler.next_call(0.0)
    assert fetch == Call("fetch", (1,))
    scheduler.job_failed(fetch, 5.0)
    assert scheduler.next_wake(0.0) == 5.0
    assert scheduler.next_call(4.9) is None
    assert scheduler.next_call(5.0) == fetch
    scheduler.fetch_delivered(1)
    assert len(scheduler) == 0


def test_one_job_that_the_account_refuses_again_and_again_does_not_close_it_for_the_others() -> None:
    """The service fails whenever it is asked for the result of one job; nothing is wrong with the rest."""
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add("bad", "client", "aer_simulator", True, 0.0, None, 0.0)
    scheduler.look_answered(Call("look", ("bad",)), {"bad": JobObservation("DONE", True)}, 0.0, full=False)
    now, tries = 0.0, 0
    while now < 3_600.0:
        if (call := scheduler.next_call(now)) is not None:
            assert call == Call("fetch", ("bad",))
            tries += 1
            scheduler.call_failed(call, now)
            scheduler.budget.succeeded()  # others' calls are answered
        now = max(now + 0.01, scheduler.next_wake(now))
    assert 60 <= tries <= 90, (
        "every minute at the end: tried on and on, but closing the account for 1 % of it"
    )


def test_a_job_that_may_be_final_is_looked_at_at_once() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add(1, "client", "fez", False, 0.0, 400, 0.0)
    assert scheduler.next_call(0.0) is None
    scheduler.look_now(1)
    assert scheduler.next_call(0.0) == Call("look", (1,))


def test_a_job_known_to_be_final_is_fetched_once_though_a_late_look_tells_it_again() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add(1, "client", "fez", False, 0.0, 0, 0.0)
    done = {1: JobObservation("DONE", True, 0.0, 1.0, 2.0)}
    scheduler.look_answered(Call("look", (1,)), done, 3.0, full=False)
    assert scheduler.next_call(3.0) == Call("fetch", (1,))
    scheduler.look_answered(Call("look", (1,), since=0.0), done, 3.0, full=False)
    assert scheduler.next_call(600.0) is None


def test_simulators_jobs_are_looked_at_soon_and_then_less_often() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9), 0.0)
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
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    for number in range(40):
        scheduler.add(number, "client", "aer_simulator", True, 0.0, None, 0.0)
    call = scheduler.next_call(0.0)
    assert call is not None
    assert call.newest_first
    assert len(call.keys) == 40


def started(scheduler: Scheduler[Any], count: int, submitted: float, now: float) -> None:
    for number in range(count):
        scheduler.add(number, "client", "fez", False, submitted, 0, now)


def next_look(scheduler: Scheduler[Any], now: float) -> Call[Any]:
    while True:
        call = scheduler.next_call(now)
        if call is None:
            now = max(scheduler.next_wake(now), now + 0.01)
        elif call.kind == "list":
            scheduler.backends_listed([], now)
        else:
            return call


@pytest.mark.parametrize("year", [1, 1970, 2086, 9999])
def test_one_job_with_an_impossible_instant_of_creation_misplaces_no_page(year: int) -> None:
    """Else pages would begin centuries ago, and be full of jobs that nobody asked for."""
    now = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    scheduler: Scheduler[Any] = Scheduler(Limits(page=50), now)
    started(scheduler, 3, now - 30.0, now)
    wrong = JobObservation("QUEUED", False, datetime(year, 1, 1, tzinfo=UTC).timestamp())
    right = JobObservation("QUEUED", False, now - 30.0)
    scheduler.look_answered(next_look(scheduler, now), {0: wrong, 1: right, 2: right}, now, full=False)
    call = next_look(scheduler, now + 1.0)
    assert call.since == pytest.approx(now - 30.0, abs=CLOCKS_UNKNOWN)


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_a_job_submitted_at_an_impossible_instant_can_be_looked_at(year: int) -> None:
    """`since` is told to the provider as a date: it must be one."""
    now = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    scheduler: Scheduler[Any] = Scheduler(Limits(page=50), now)
    started(scheduler, 2, datetime(year, 1, 1, tzinfo=UTC).timestamp(), now)
    call = next_look(scheduler, now)
    assert call.since is not None
    assert datetime.fromtimestamp(call.since, UTC) > datetime(2025, 1, 1, tzinfo=UTC)


def test_a_full_page_that_tells_of_none_of_its_jobs_is_followed_by_a_look_at_one() -> None:
    """The page was misplaced: asked for again, it would be the same, for ever."""
    scheduler: Scheduler[Any] = Scheduler(Limits(page=2), 0.0)
    started(scheduler, 3, 0.0, 0.0)
    call = next_look(scheduler, 0.0)
    assert len(call.keys) > 1
    others = {f"other {number}": JobObservation("DONE", True, -50.0) for number in range(2)}
    scheduler.look_answered(call, others, 1.0, full=True)
    alone = next_look(scheduler, 1.0)
    assert (alone.since, alone.keys) == (None, call.keys[:1])


def test_the_answer_to_a_look_at_one_job_allows_no_second_page() -> None:
    scheduler: Scheduler[Any] = Scheduler(Limits(list_every=1e9, price=0.01), 0.0)
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
    assert scheduler.next_call(now + LOOK_MOST) is None, "the page is not answered yet"
    scheduler.look_answered(page, {}, now, full=False)
    assert scheduler.next_call(now + LOOK_MOST) is not None


class Delayed(Watched):
    """Answers each call some time after it was made, as threads and a network do."""

    def __init__(self, *args: Any, seed: int, failing: float) -> None:
        super().__init__(*args, seed=seed, failing=failing)
        self.pages = 0

    def make(self, call: Call[int], now: float) -> None:
        is_page = call is self.scheduler._looks._page_call
        self.pages += is_page
        assert self.pages <= 1, "two pages of the devices' jobs are under way"

        def answer(later: float) -> None:
            self.pages -= is_page
            kind = self.dice.random()
            job = self.scheduler.job(call.keys[0]) if call.keys else None
            if kind < self.failing:
                self.scheduler.call_failed(call, later, self.dice.choice([None, 3.0]), now)
            elif kind < 1.5 * self.failing and call.kind != "list" and call.since is None:
                self.scheduler.job_failed(call, later + self.dice.uniform(0, 30), now)
            elif call.kind == "fetch" and job is None:
                self.scheduler.fetch_delivered(call.keys[0], now)
            else:
                Run.make(self, call, later)
            if self.dice.random() < 0.1 and self.scheduler.devices:
                device = self.dice.choice(list(self.scheduler.devices.values()))
                if device.jobs:
                    self.scheduler.look_now(self.dice.choice(device.jobs).key)

        self._at(now + self.dice.expovariate(2.0), answer)


@examples(25)
@given(
    seed=st.integers(0, 10**6), jobs=st.integers(1, 60), page=st.integers(2, 30), failing=st.floats(0, 0.3)
)
def test_late_answers_in_any_order_move_jobs_by_legal_transitions_only(
    seed: int, jobs: int, page: int, failing: float
) -> None:
    """An illegal transition raises, so this also shows that late answers cause none."""
    run = Delayed(
        world(seed, jobs), Limits(600, 0.5, page, list_every=30.0), "test", failing=failing, seed=seed
    )
    run.run().check(run.world)
    assert len(run.scheduler) == 0


@pytest.mark.parametrize(
    ("state", "forbidden"), [(a, b) for a in State for b in State if b not in TRANSITIONS[a]]
)
def test_an_illegal_transition_raises(state: State, forbidden: State) -> None:
    table: JobTable[int] = JobTable()
    job = Job(1, "client", "fez", 0.0, 0, looked=0.0, state=state)
    table.add(job)
    with pytest.raises(IllegalTransitionError, match=f"{state.value} cannot become {forbidden.value}"):
        table.move(job, forbidden)
    assert job.state is state
