"""Which call comes next: no job is lost, no call exceeds the budget, and no client is starved."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kafka.topics import WAITS
from poller.scheduling.budget import WINDOW
from poller.scheduling.call import Call, Limits
from poller.scheduling.forecast import expected_lag
from poller.scheduling.job import JobObservation
from poller.scheduling.pages import LOOK_MOST
from poller.scheduling.scheduler import Scheduler
from testkit.scheduling import rivals
from testkit.scheduling.ours import IBM, Run, qwhisk
from testkit.scheduling.world import World, WorldPlan, build
from tests.examples import examples


def world(
    seed: int,
    jobs: int = 60,
    length: float = 600.0,
    devices: int = 2,
    down: Sequence[tuple[float, float]] = (),
) -> World:
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
            WorldPlan(sorted(ours), others, lambda d: 3 * d.lognormvariate(-0.125, 0.5), 3.0, down=down)
        )
    return build("test", plans, seed)


class Watched(Run):
    """Checks every call, and lets some fail."""

    def __init__(self, world: World, limits: Limits, *, failing: float = 0.0, seed: int = 0) -> None:
        super().__init__(world, limits, "test")
        self.made: list[float] = []
        self.dice = random.Random(seed)
        self.failing = failing
        self.closed_until = 0.0

    def make(self, call: Call[int], now: float) -> None:
        assert now >= self.closed_until, "a call was made during a pause of the account"
        self.made.append(now)
        if call.kind == "look" and call.since is not None:
            self.check_look(call, now)
        if self.dice.random() < self.failing:
            retry_after = self.dice.choice([None, 3.0, 45.0])
            self.closed_until = now + (retry_after or 0.5)
            self.scheduler.call_failed(call, now, retry_after)
            return
        super().make(call, now)

    def check_look(self, call: Call[int], now: float) -> None:
        """A look is not early: the expected lag is worth the call, or the last look was long ago."""
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
    run = Watched(world(seed, jobs, down=outage), limits, failing=failing, seed=seed)
    tally = run.run()
    tally.check(run.world)
    assert len(run.scheduler) == 0
    # Every wait ends: the longest wait topic, the maximum interval of looks, pauses, and the budget.
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
    scheduler: Scheduler[int] = Scheduler(Limits(per_minute=30), 0.0)
    seen = {}
    for number in range(1000):
        scheduler.add(number, "many", "fez", False, 0.0, 0, 0.0)
        seen[number] = JobObservation("DONE", True, 0.0, 1.0, 2.0)
    scheduler.add(1000, "one", "fez", False, 0.0, 0, 0.0)
    seen[1000] = JobObservation("DONE", True, 0.0, 1.0, 2.0)
    scheduler.look_answered(Call("look", tuple(seen), since=0.0), seen, 3.0, full=False)
    calls: list[Call[int]] = []
    while len(calls) < 4:
        if (call := scheduler.next_call(3.0)) is None:
            break
        calls.append(call)
    assert Call("fetch", (1000,)) in calls[:3]


def test_looks_continue_while_results_wait_to_be_fetched() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(per_minute=60, list_every=1e9), 0.0)
    seen = {number: JobObservation("DONE", True, 0.0, 1.0, 2.0) for number in range(100)}
    for number in seen:
        scheduler.add(number, "many", "fez", False, 0.0, 0, 0.0)
    scheduler.look_answered(Call("look", tuple(seen), since=0.0), seen, 3.0, full=False)
    scheduler.add(100, "one", "fez", False, 3.0, 0, 3.0)
    scheduler.add(101, "one", "fez", False, 3.0, 0, 3.0)
    kinds = []
    for second in range(4, 40):
        if (call := scheduler.next_call(float(second))) is not None:
            kinds.append(call.kind)
            if call.kind == "look":
                scheduler.look_answered(call, {}, float(second), full=True)
    assert "look" in kinds[:20]


@pytest.mark.parametrize("kind", ["fetch", "look", "list"])
def test_a_failed_call_is_retried(kind: str) -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=5.0), 0.0)
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
    again: Call[int] | None = None
    for tenth in range(70, 300):
        again = scheduler.next_call(tenth / 10)
        if again is not None and again.kind == kind:
            break
    assert again is not None
    assert again.kind == kind
    assert again.keys == first.keys


def test_a_job_that_failed_is_retried_at_the_given_time_and_not_before() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9), 0.0)
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


def test_a_fetch_that_made_no_call_costs_nothing_and_says_nothing_about_the_account() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(per_minute=4, list_every=1e9), 0.0)
    scheduler._list_due = 1e9
    scheduler.add(1, "client", "aer_simulator", True, 0.0, None, 0.0)
    scheduler.look_answered(Call("look", (1,)), {1: JobObservation("DONE", True)}, 0.0, full=False)
    fetch = Call("fetch", (1,))
    for now in range(10):
        assert scheduler.next_call(now) == fetch, "the budget was charged for calls that were not made"
        scheduler.fetch_postponed(fetch, now + 1.0)
    scheduler.budget.failed(9.0)
    scheduler.fetch_postponed(fetch, 10.0)
    assert scheduler.budget.failures == 1


def test_one_job_that_the_account_always_rejects_does_not_pause_the_others_for_long() -> None:
    """The service fails for every request for the result of one job; all other requests succeed."""
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add(1, "client", "aer_simulator", True, 0.0, None, 0.0)
    scheduler.look_answered(Call("look", (1,)), {1: JobObservation("DONE", True)}, 0.0, full=False)
    now, tries = 0.0, 0
    while now < 3_600.0:
        if (call := scheduler.next_call(now)) is not None:
            assert call == Call("fetch", (1,))
            tries += 1
            scheduler.call_failed(call, now)
            scheduler.budget.succeeded()  # calls for other jobs are answered
        now = max(now + 0.01, scheduler.next_wake(now))
    assert 60 <= tries <= 90, "it must be retried every minute, and pause the account 1 % of the time"


def test_a_final_job_is_fetched_once_although_a_late_look_shows_it_again() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(list_every=1e9), 0.0)
    scheduler.next_call(0.0)
    scheduler.add(1, "client", "fez", False, 0.0, 0, 0.0)
    done = {1: JobObservation("DONE", True, 0.0, 1.0, 2.0)}
    scheduler.look_answered(Call("look", (1,)), done, 3.0, full=False)
    assert scheduler.next_call(3.0) == Call("fetch", (1,))
    scheduler.look_answered(Call("look", (1,), since=0.0), done, 3.0, full=False)
    assert scheduler.next_call(600.0) is None


class Delayed(Watched):
    """Answers each call some time after it was made, as threads and a network do."""

    def __init__(self, world: World, limits: Limits, *, seed: int, failing: float) -> None:
        super().__init__(world, limits, seed=seed, failing=failing)
        self.pages = 0

    def make(self, call: Call[int], now: float) -> None:
        is_page = call is self.scheduler._looks._page_call
        self.pages += is_page
        assert self.pages <= 1, "two pages of the devices' jobs are in progress"

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
    run = Delayed(world(seed, jobs), Limits(600, 0.5, page, list_every=30.0), failing=failing, seed=seed)
    run.run().check(run.world)
    assert len(run.scheduler) == 0
