"""The pooler: what it submits, and that no participant is lost, doubled or given another's circuits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProviderQuotaError, ProviderUnavailableError
from core.kafka.topics import POOL, POOLS
from core.protocol import JobEvent, PooledPub, PoolGroup, PoolRecord, PoolSubmission, decode
from core.provider import run_tag
from poller.pooling import history, pooler
from poller.pooling.extent import IBM_JOB
from poller.pooling.policy import PoolLimits
from poller.scheduling.job import JobObservation
from testkit.growth import excess
from tests.poller.pooling import messages
from tests.poller.pooling.world import OUTCOMES, World


def submission(
    run: str, *widths: int, client: str = "client", step: int = 0, backend: str = "fake_fez"
) -> PoolSubmission:
    """A participant whose circuits have these widths, by which they are recognised."""
    from actions.framework.job import Job, Pub
    from actions.framework.pooling import pool_submission

    params = {"widths": list(widths)}
    event = messages.submission(run, client, params=params, step=step, backend=backend).event
    circuits = [messages.circuit(width) for width in widths or (1,)]
    return pool_submission(event, Job([Pub(each) for each in circuits]), circuits, shots=100)


def shares(events: list[JobEvent]) -> dict[str, tuple[int, int]]:
    return {e.process_job_id: (e.pool.first, e.pool.count) for e in events if e.pool is not None}


def renamed(one: PoolSubmission, process_job_id: str, **changes: object) -> PoolSubmission:
    """Return the same circuits of another run; cheaper than circuits of its own."""
    event = one.event.model_copy(update={"process_job_id": process_job_id})
    return one.model_copy(update={"event": event, **changes})


def test_circuits_that_arrive_together_are_one_job() -> None:
    world = World()
    world.add(submission("a", 1, 2), submission("b", 3, client="other"), submission("c", 4))
    world.step()
    assert world.account.attempts == [4]
    world.check()
    events = world.announced()
    assert sorted(shares(events).values()) == [(0, 2), (2, 1), (3, 1)] or len(shares(events)) == 3
    assert {event.message_key for event in events} == {events[0].job_id}, "one poller gets them all"
    assert world.finished == {0, 1, 2}
    assert [event.status for event in world.progress()] == ["QUEUED"] * 3


def test_circuits_are_collected_while_a_job_is_pending() -> None:
    world = World()
    world.add(submission("a", 1))
    world.step()
    world.add(submission("b", 2), submission("c", 3))
    world.step(1.0)
    assert world.account.attempts == [1]
    assert {event.status for event in world.progress()} == {"QUEUED", "POOLED"}
    assert [event.queue_position for event in world.progress() if event.status == "POOLED"] == [0, 1]
    world.end_jobs()
    world.step()
    assert world.account.attempts == [1, 2]
    world.check()


def test_whoever_opens_many_sessions_does_not_keep_another_out_of_the_next_job() -> None:
    world = World(PoolLimits(job=replace(IBM_JOB, pubs=3)))
    for number in range(9):
        world.add(submission(f"run{number}", 1, client=f"{number:016}" + "attackeratta"))
    world.add(submission("victim", 2, client="9" * 16 + "victimvictim"))
    world.step()
    assert "victim" in {event.process_job_id for event in world.announced()}


def test_whoever_has_jobs_of_many_options_does_not_keep_another_out_of_the_next_job() -> None:
    world = World(PoolLimits(pending=1, most_pending=1))
    for number in range(20):
        different = submission(f"run{number}", 1, client="0" * 16 + "attackeratta")
        different.shots = 100 + number
        world.add(different)
    world.step()
    world.add(submission("victim", 2, client="9" * 16 + "victimvictim"))
    world.end_jobs()
    world.step()
    assert "victim" in {event.process_job_id for event in world.announced()}
    for _ in range(20):
        world.end_jobs()
        world.step()
    assert len(world.announced()) == 21


def test_new_clients_do_not_keep_an_old_one_with_other_options_waiting() -> None:
    world = World(PoolLimits(pending=1, most_pending=1))
    old = "0" * 16 + "oldoldoldold"
    world.add(submission("first", 1, client=old))
    world.step()
    different = submission("second", 1, client=old)
    different.shots = 777
    world.add(submission("new", 1, client="1" * 16 + "sourcesource"), different)
    for number in range(3):
        world.end_jobs()
        world.step()
        world.add(submission(f"new{number}", 1, client="1" * 16 + f"source{number:06}"))
    assert "second" in {event.process_job_id for event in world.announced()}


def test_the_work_to_notify_clients_grows_with_their_number() -> None:
    one = submission("run", 1)

    def make(size: int) -> Callable[[], object]:
        world = World(PoolLimits(job=replace(IBM_JOB, pubs=1), most_pending=1))
        for number in range(size):
            world.add(renamed(one, f"run{number}"))
        world.step()

        def notify() -> None:
            world.held = []
            world.now += 1.0
            for member in world.pooler._members.values():
                member.notified = False
            world.pooler.step(world.now)

        return notify

    assert excess(make, 1_500) is None


def test_the_work_of_an_iteration_does_not_grow_with_the_pools_that_wait() -> None:
    one = submission("run", 1)

    def make(size: int) -> Callable[[], object]:
        # As many iterations as pools: in proportion to one of them, if each iteration costs the same.
        world = World(PoolLimits(wait=1e9))
        world.add(one)
        world.step()
        for number in range(size):
            world.add(renamed(one, f"run{number}", shots=100 + number))
        world.step()

        def iterate() -> None:
            for _ in range(size):
                world.pooler.step(world.now)
                assert world.pooler.next_at() > world.now

        return iterate

    assert excess(make, 50) is None


def test_the_work_of_an_iteration_does_not_grow_with_the_groups_that_wait() -> None:
    one = submission("run", 1)

    def make(size: int) -> Callable[[], object]:
        world = World(PoolLimits(most_pending=1))
        world.add(one)
        world.step()
        for number in range(size):
            group = PoolGroup(id=f"job.{number}", size=2, generation=1)
            world.add(renamed(one, f"run{number}", group=group))
        world.step()

        def iterate() -> None:
            for _ in range(size):
                world.pooler.step(world.now)

        return iterate

    assert excess(make, 1_000) is None


def test_an_event_has_the_queue_without_our_jobs_that_have_ended_since_it_was_listed() -> None:
    world = World()
    one = submission("a", 1)
    scheduler, now = world.pooler._accounts.of(one.event).scheduler, world.now
    key = ("alone", 0)
    scheduler.add(key, "client", "fake_fez", False, now - 5.0, 0, now)
    scheduler.backends_listed([("fake_fez", 1, True, None)], now)
    scheduler.look_now(key)
    call = scheduler.next_call(now)
    assert call is not None
    assert call.keys == (key,)
    ended = JobObservation("DONE", True, now - 5.0, now - 4.0, now + 1.0)
    scheduler.look_answered(call, {key: ended}, now + 2.0, full=False)
    world.add(one)
    world.step(2.0)
    assert [event.queue_length_at_submit for event in world.announced()] == [0]


def test_an_event_counts_pooled_jobs_that_another_poller_tracks() -> None:
    world = World(PoolLimits(pending=10, most_pending=10))
    for number in range(7):
        world.add(submission(f"run{number}", 1))
        world.step(1.0)
    # The backends were listed with a queue of four before.
    assert [event.queue_length_at_submit for event in world.announced()] == [4, 4, 4, 4, 4, 5, 6]
    world.end_jobs()
    world.step()
    world.add(submission("later", 1))
    world.step(1.0)
    assert world.announced()[-1].queue_length_at_submit == 4


def test_the_plan_limits_the_jobs_of_an_account() -> None:
    world = World(PoolLimits(pending=1, most_pending=2, wait=10.0))
    for number in range(4):
        world.add(submission(f"run{number}", 1))
        world.step(11.0)
    assert world.account.attempts == [1, 1]
    world.end_jobs()
    world.step()
    assert world.account.attempts == [1, 1, 2]


def test_a_bad_circuit_costs_its_owner_and_not_its_neighbours() -> None:
    world = World(PoolLimits(pending=1, most_pending=1_000))
    world.account.poison = {5}
    world.add(*(submission(f"run{number}", 5 if number in (3, 17) else 1) for number in range(25)))
    world.step()
    assert {event.process_job_id for event in world.announced()} == {
        f"run{number}" for number in range(25) if number not in (3, 17)
    }
    ends = [event for event in world.progress() if event.final]
    assert {event.process_job_id for event in ends} == {"run3", "run17"}
    assert {event.error.message for event in ends if event.error} == {"A circuit is not for this device."}
    assert len(world.account.attempts) <= 1 + 5 + 10
    assert len(world.finished) == 25
    world.check()


def test_circuits_with_which_the_provider_fails_do_not_keep_others_from_it() -> None:
    world = World(PoolLimits(pending=1, most_pending=1_000))
    world.account.crashing = {5}
    world.add(*(submission(f"run{number}", 5 if number == 3 else 1) for number in range(9)))
    world.step()
    assert not world.announced()
    world.add(submission("later", 2, client="other"))
    for _ in range(60):
        world.step(30.0)
        world.end_jobs()
    assert {event.process_job_id for event in world.announced()} == {
        "later",
        *(f"run{number}" for number in range(9) if number != 3),
    }
    assert not [event for event in world.progress() if event.final]
    world.account.crashing = set()
    world.step(300.0)
    assert "run3" in {event.process_job_id for event in world.announced()}
    world.check()


def test_circuits_that_failed_have_their_turn_although_another_device_has_many() -> None:
    world = World(PoolLimits(job=replace(IBM_JOB, pubs=1), most_pending=1))
    world.account.crashing.add(2)
    world.add(submission("failed", 2, backend="aer_simulator"))
    for _ in range(pooler.SUSPICIOUS + 1):
        world.step(1_000.0)
    world.account.crashing.clear()
    world.add(*(submission(f"run{number}", 1) for number in range(9)))
    for _ in range(3):
        world.step(1_000.0)
        world.end_jobs()
    assert "failed" in {event.process_job_id for event in world.announced()}


def test_circuits_with_which_submissions_are_unclear_do_not_keep_others_from_the_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(PoolLimits(pending=1, most_pending=1_000))
    submit = world.account.submit

    def fail(pubs: Sequence[Any], *more: Any) -> str:
        if any(pub[0].num_qubits == 5 for pub in pubs):
            world.account.attempts.append(len(pubs))
            # The first search fails too, so that the job is adopted later, and then given up.
            world.account.blind = 1
            raise ProviderUnavailableError("No answer.", unclear=True)
        return submit(pubs, *more)

    monkeypatch.setattr(world.account, "submit", fail)
    world.add(*(submission(f"run{number}", 5 if number == 3 else 1) for number in range(9)))
    world.step()
    world.step(30.0)
    assert not world.announced()
    world.step(30.0)
    world.add(submission("later", 2, client="other"))
    for _ in range(60):
        world.step(30.0)
        world.end_jobs()
    assert {event.process_job_id for event in world.announced()} == {
        "later",
        *(f"run{number}" for number in range(9) if number != 3),
    }
    assert not [event for event in world.progress() if event.final]
    world.check()


def test_who_is_left_of_a_job_that_is_rejected_runs_again() -> None:
    world = World()
    world.account.outcomes.append("refused")
    # While they are submitted, a message arrives: an earlier job with the circuits of one of them has failed.
    again = submission("a", 5).model_copy(update={"group": PoolGroup(id="j1.0", size=1, generation=1)})
    world.account.meanwhile = lambda: world.add(again)
    world.add(submission("a", 5), submission("b", 1, client="other"))
    world.step()
    assert world.account.attempts[0] == 2
    assert not [event for event in world.progress() if event.final]
    world.end_jobs()
    world.step()
    assert {event.process_job_id for event in world.announced()} == {"a", "b"}


def test_circuits_of_a_later_job_do_not_run_in_the_place_of_the_earlier_ones() -> None:
    world = World(PoolLimits(most_pending=100))
    world.account.outcomes.append("unavailable")
    world.add(submission("a", 5), submission("b", 1, client="other"))
    world.step()
    # Their job is submitted again later. Another poller has announced one to `a`, which has failed.
    group = PoolGroup(id="j1.0", size=1, generation=1)
    world.add(submission("a", 5).model_copy(update={"group": group}))
    world.step(60.0)
    generations = {event.process_job_id: event.pool.generation for event in world.announced() if event.pool}
    assert generations == {"a": 1, "b": 0}
    assert world.account.attempts == [2, 1, 1]
    world.check()


def test_an_outage_does_not_divide_the_circuits_that_wait() -> None:
    world = World(PoolLimits(pending=1, most_pending=1_000))
    world.account.outcomes.extend(["unavailable"] * 20)
    world.add(*(submission(f"run{number}", 1) for number in range(9)))
    for _ in range(40):
        world.step(300.0)
    assert world.account.attempts == [9] * 21


@pytest.mark.parametrize("outcome", ["ok", "lost"])
def test_each_pays_for_its_executions_also_if_another_poller_announces_the_job(outcome: str) -> None:
    # An expectation value takes an execution for each basis, of which the provider's result tells nothing.
    world = World()
    one, four = submission("one", 1), submission("four", 1)
    four.executions = 4 * one.executions
    world.account.outcomes.append(outcome)
    if outcome == "lost":
        world.publisher.limits["jobs"] = 0
    world.add(one, four)
    world.step()
    if outcome == "lost":
        del world.publisher.limits["jobs"]
        world.take_over()
        world.step()
    paid = {event.process_job_id: event.pool.fraction for event in world.announced() if event.pool}
    assert paid == {"one": pytest.approx(0.2), "four": pytest.approx(0.8)}


def test_a_quota_ends_all_at_once_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def submit(*_: Any, **__: Any) -> str:
        world.account.attempts.append(0)
        raise ProviderQuotaError("The plan's quantum time is used up.")

    monkeypatch.setattr(world.account, "submit", submit)
    world.add(*(submission(f"run{number}", 1) for number in range(9)))
    world.step()
    assert len(world.account.attempts) == 1
    assert [event.status for event in world.progress()] == ["ERROR"] * 9


def test_an_unreadable_participant_fails_alone() -> None:
    world = World(PoolLimits(most_pending=100))
    bad = submission("bad", 1)
    bad.pubs = [PooledPub(circuit=7)]
    world.add(submission("a", 1), bad, submission("b", 2))
    world.step()
    assert {event.process_job_id for event in world.announced()} == {"a", "b"}
    assert [event.process_job_id for event in world.progress() if event.final] == ["bad"]


def test_circuits_too_large_to_share_a_job_run_alone() -> None:
    world = World()
    large = submission("large", 1)
    large.executions = IBM_JOB.executions + 1
    world.add(large, submission("a", 1))
    world.step()
    assert world.account.attempts == [1]
    world.end_jobs()
    world.step()
    assert world.account.attempts == [1, 1]


def test_a_cancelled_participant_is_not_submitted() -> None:
    world = World()
    world.add(submission("first", 1))
    world.step()
    world.add(submission("a", 2), submission("b", 3))
    world.step()
    world.run_progress.cancel(world.messages[1].event)
    world.step(1.0)
    assert 1 in world.finished
    world.end_jobs()
    world.step()
    assert {event.process_job_id for event in world.announced()} == {"first", "b"}
    world.check()


def test_a_repeated_step_is_one_participant() -> None:
    world = World()
    world.add(submission("first", 1))
    world.step()
    world.add(submission("a", 2), submission("a", 2))
    world.step()
    world.end_jobs()
    world.step()
    assert world.account.attempts == [1, 1]
    world.add(submission("a", 2))
    world.step()
    assert world.account.attempts == [1, 1], "it was announced already"
    assert world.finished == {0, 1, 2, 3}


def test_a_group_waits_for_its_members_but_not_for_ever() -> None:
    world = World()
    members = [
        submission(f"run{number}", 1).model_copy(update={"group": PoolGroup(id="j1.0", size=3, generation=1)})
        for number in range(3)
    ]
    world.add(*members[:2])
    world.step(1.0)
    assert world.account.attempts == []
    world.step(60.0)
    assert world.account.attempts == [2]
    world.add(members[2])
    world.step(60.0)
    assert world.account.attempts == [2, 1]
    assert {event.pool.generation for event in world.announced() if event.pool} == {1}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_poller_that_takes_over_finds_the_job_or_submits_it_again(outcome: str) -> None:
    world = World(PoolLimits(most_pending=100))
    world.account.outcomes.append(outcome)
    world.add(submission("a", 1, 2), submission("b", 3))
    # The process is killed after the submission and before anything is announced.
    world.publisher.limits["jobs"] = 0
    world.step()
    del world.publisher.limits["jobs"]
    world.take_over()
    for _ in range(10):
        world.step(5.0)
    world.appear()
    for _ in range(10):
        world.step(30.0)
    assert {event.process_job_id for event in world.announced()} == {"a", "b"}
    assert world.finished == {0, 1}
    world.check()
    _no_job_without_participants(world)


def test_a_job_is_announced_to_all_although_its_messages_come_in_pieces() -> None:
    world = World()
    world.add(*(submission(f"run{number}", number % 5 + 1) for number in range(6)))
    world.publisher.limits["jobs"] = 0
    world.step()
    del world.publisher.limits["jobs"]
    world.take_over(first=2)
    world.step(5.0)
    world.redeliver()
    for _ in range(3):
        world.step(5.0)
    assert {event.process_job_id for event in world.announced()} == {f"run{number}" for number in range(6)}
    assert world.finished == set(range(6))
    assert world.account.attempts == [6]
    world.check()


@pytest.mark.parametrize("outcome", ["lost", "late", "unlisted"])
def test_a_job_is_not_submitted_again_while_the_provider_cannot_be_searched(outcome: str) -> None:
    world = World()
    world.account.outcomes.append(outcome)
    world.account.blind = 3
    world.add(submission("a", 1), submission("b", 2))
    world.step()
    assert world.account.attempts == [2]
    for _ in range(10):
        world.step(5.0)
    world.appear()
    assert {event.process_job_id for event in world.announced()} == {"a", "b"}
    assert world.account.attempts == ([2] if outcome == "lost" else [2, 2])
    world.check()
    _no_job_without_participants(world)


def test_a_thread_that_outlives_a_revocation_announces_nothing() -> None:
    world = World()
    world.add(submission("a", 1), submission("b", 2))
    world.step()
    world.end_jobs()
    world.add(submission("c", 3), submission("d", 4))
    world.held = []
    world.step()
    world.take_over()
    stale, world.held = world.held, None
    for _ in range(3):
        world.step(5.0)
    world.held = stale
    world.release()
    for _ in range(3):
        world.step(5.0)
    jobs_of: dict[str, set[str]] = {}
    for event in world.announced():
        jobs_of.setdefault(event.process_job_id, set()).add(event.job_id)
    assert {run: len(jobs) for run, jobs in jobs_of.items()} == dict.fromkeys("abcd", 1)
    world.check()
    _no_job_without_participants(world)


def test_a_submission_that_outlives_a_revocation_is_not_announced() -> None:
    world = World(PoolLimits(most_pending=100))

    def another_poller() -> None:
        world.take_over()
        for _ in range(5):
            world.step(5.0)

    world.account.meanwhile = another_poller
    world.add(submission("a", 1), submission("b", 2))
    world.step()
    for _ in range(3):
        world.step(5.0)
    assert len({event.job_id for event in world.announced()}) == 1
    assert len(world.account.submitted) == 2
    assert world.finished == {0, 1}
    world.check()
    _no_job_without_participants(world)


def test_circuits_that_wait_for_longer_than_the_deadline_fail() -> None:
    world = World()
    world.deadline = 100.0
    world.take_over()
    now = datetime.fromtimestamp(world.now, UTC)
    world.account.outcomes.extend(["unavailable"] * 50)
    waiting = submission("a", 1)
    waiting.event.submitted_at = now
    world.add(waiting)
    for _ in range(10):
        world.step(30.0)
    [end] = [event for event in world.progress() if event.final]
    assert end.error is not None
    assert end.error.code == "deadline"
    assert world.finished == {0}


def test_a_poller_that_stalls_while_it_gives_a_job_up_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(PoolLimits(most_pending=100))
    publish = world.publisher.publish
    stalled: list[str] = []

    def stall(topic: str, key: str, value: bytes, headers: Mapping[str, bytes] | None = None) -> None:
        if topic == POOLS and not stalled and decode(PoolRecord, value).state == "given_up":
            stalled.append(key)
            # The job appears, and another poller finds and announces it.
            world.appear()
            world.take_over()
            world.step()
        publish(topic, key, value, headers)

    monkeypatch.setattr(world.publisher, "publish", stall)
    world.account.outcomes.append("late")
    world.add(submission("a", 1), submission("b", 2, client="other"))
    world.step()
    [job_id] = {event.job_id for event in world.announced()}
    world.step()
    world.add(submission("a", 1))
    world.step()
    assert world.account.attempts == [2], "a repeated message runs again"
    world.carry_out_searches()
    assert world.account.look(job_id).status == "CANCELLED"
    world.cancel_unasked(job_id)
    world.step(5.0)
    later = [event for event in world.announced() if event.job_id != job_id]
    assert sorted(event.process_job_id for event in later) == ["a", "b"]
    assert not [event for event in world.progress() if event.final]
    world.check()


def test_jobs_that_are_cancelled_at_the_provider_run_again_twice_at_most() -> None:
    world = World(PoolLimits(most_pending=100))
    world.add(*(submission(run, 1) for run in ("a", "b", "withdraws")))
    world.step()
    world.run_progress.cancel(world.messages[2].event)
    rounds = []
    for _ in range(5):
        ended = {event.process_job_id for event in world.progress() if event.final}
        rounds.append(ended)
        for event in world.announced():
            world.cancel_unasked(event.job_id)
        for _ in range(4):  # the group of those that withdrew is not complete, and waits
            world.step(20.0)
    assert rounds == [set(), {"withdraws"}, {"withdraws"}, {"withdraws", "a", "b"}, {"withdraws", "a", "b"}]
    ends = {event.process_job_id: event for event in world.progress() if event.final}
    assert {run: event.status for run, event in ends.items()} == {
        "a": "ERROR",
        "b": "ERROR",
        "withdraws": "CANCELLED",
    }
    assert ends["a"].error is not None
    assert ends["a"].error.code == "job_failed"
    assert "cancelled" in ends["a"].error.message
    assert Counter(event.process_job_id for event in world.announced()) == {"a": 3, "b": 3, "withdraws": 1}
    world.check()


def test_a_job_that_is_cancelled_at_the_provider_runs_again_also_alone() -> None:
    world = World()
    world.add(submission("a", 1))
    world.step()
    [event] = world.announced()
    world.cancel_unasked(event.job_id)
    world.step(60.0)
    assert [event.pool.generation for event in world.announced() if event.pool] == [0, 1]
    assert not [event for event in world.progress() if event.final]


def test_a_job_is_not_announced_to_circuits_that_wait_for_the_next_one() -> None:
    world = World(PoolLimits(most_pending=2))
    # All JobEvents are published, but a poller that takes over does not know.
    world.account.meanwhile = lambda: world.publisher.limits.update({POOLS: 0})
    world.add(submission("a", 1), submission("b", 2), submission("c", 3))
    world.step()
    del world.publisher.limits[POOLS]
    world.account.blind = 1
    world.take_over()
    world.step()
    [job_id] = world.account.submitted
    world.cancel_unasked(job_id)
    world.step()
    assert world.account.attempts == [3, 1], "the second group waits"
    for _ in range(5):
        world.step(5.0)
        world.end_jobs()
    later = [event.process_job_id for event in world.announced() if event.job_id != job_id]
    assert sorted(later) == ["a", "b", "c"]
    assert len(world.announced()) == 6
    assert world.finished == set(range(6))
    world.check()


def _no_job_without_participants(world: World) -> None:
    """Each job is announced, or the pollers are asked to cancel it."""
    used = {event.job_id for event in world.announced()}
    sought = {run_tag(request.process_job_id) for request in world.publisher.requests()}
    for job_id in world.account.submitted:
        assert job_id in used or world.account._tags[job_id] & sought, "a job runs for nobody"


def test_a_repeated_message_is_dropped_although_the_records_are_not_read_yet() -> None:
    world = World()
    world.add(submission("a", 1))
    world.step()
    world.end_jobs()
    world.step()
    world.add(submission("b", 2))
    world.catch_up = lambda: None
    world.step()
    world.add(submission("b", 2))
    world.step(100.0)
    assert [event.process_job_id for event in world.announced()] == ["a", "b"]
    assert world.finished == {0, 1, 2}


def test_a_message_that_is_delivered_twice_is_not_committed_before_its_job_is_submitted() -> None:
    """librdkafka may fetch a message again after a partition was resumed."""
    world = World(PoolLimits(waiting_bytes=2 * len(submission("a", 1).circuits)))
    world.add(submission("a", 1))
    world.step()
    world.add(submission("b", 1))
    world.deliver(1)
    world.step()
    assert world.finished == {0}
    assert world.pooler.has_room, "its bytes count once"
    world.take_over()
    world.end_jobs()
    world.step()
    assert [event.process_job_id for event in world.announced()] == ["a", "b"]
    assert world.finished == {0, 1}


def test_a_job_is_pending_although_its_record_is_not_read_yet() -> None:
    world = World()
    world.add(submission("a", 1))
    world.step()
    world.end_jobs()
    world.step()
    world.catch_up = lambda: None
    world.add(submission("b", 1))
    world.step()
    world.add(submission("c", 1))
    world.step()
    assert world.account.attempts == [1, 1]


def test_a_participant_that_waits_for_long_does_not_let_others_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "MAX_JOBS", 4)
    monkeypatch.setattr(pooler, "REFRESH_JOBS", 1)
    world = World(PoolLimits(most_pending=100, wait=1e9))
    world.add(submission("run0", 1, backend="aer_simulator"))
    world.step()
    world.add(submission("waits", 1, backend="aer_simulator"))
    for number in range(1, 12):
        world.add(submission(f"run{number}", 1))
        world.step(1.0)
        world.end_jobs("fake_fez")
        world.step(1.0)
    assert "waits" not in {event.process_job_id for event in world.announced()}
    world.take_over()
    for _ in range(3):
        world.step(1.0)
    world.end_jobs()
    world.step(1.0)
    runs = Counter(event.process_job_id for event in world.announced())
    assert runs == Counter([*(f"run{number}" for number in range(12)), "waits"])
    assert world.finished == set(range(len(world.messages)))
    world.check()


def rooms(world: World, *events: Callable[[], object]) -> list[bool]:
    """Return whether the pool has room after each event."""
    found = []
    for event in events:
        event()
        found.append(world.pooler.has_room)
    return found


def test_a_full_pool_has_no_room_until_participants_are_submitted() -> None:
    world = World(PoolLimits(waiting=3))
    world.add(submission("a", 1))
    world.step()
    assert rooms(
        world,
        lambda: world.add(submission("b", 1), submission("c", 1)),
        lambda: world.add(submission("d", 1)),
        world.end_jobs,
        world.step,
    ) == [True, False, False, True]


def test_the_bytes_in_the_pool_are_limited() -> None:
    world = World(PoolLimits(waiting_bytes=2 * len(submission("a", 1).circuits)))
    assert rooms(
        world,
        lambda: world.add(submission("a", 1)),
        lambda: world.add(submission("b", 1)),
        world.step,
        lambda: world.add(submission("c", 1), submission("d", 1)),
        lambda: world.add(submission("d", 1)),
        lambda: world.pooler.revoke((POOL, 0)),
    ) == [True, False, True, False, False, True]


EVENTS = (
    *("add", "add", "add", "step", "wait", "end", "kill", "cancel", "appear", "silence", "blind"),
    *("kill, and half of the messages", "the other half", "twice", "cancel at the provider"),
)


@given(
    data=st.data(),
    clients=st.integers(1, 4),
    events=st.lists(
        st.sampled_from(EVENTS),
        max_size=40,
    ),
    outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=12),
)
def test_whatever_happens_no_participant_is_lost_doubled_or_mixed_up(
    data: st.DataObject, clients: int, events: list[str], outcomes: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooler, "REFRESH_JOBS", 2)
        _whatever_happens(data, clients, events, outcomes)


def _whatever_happens(data: st.DataObject, clients: int, events: list[str], outcomes: list[str]) -> None:
    world = World(PoolLimits(pending=1, most_pending=5, wait=20.0))
    world.account.outcomes.extend(outcomes)
    cancelled: set[str] = set()
    number = -1
    for event in events:
        if event == "add":
            number += 1
            widths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=3), label="widths")
            client = f"client{number % clients}"
            world.add(submission(f"run{number}", *widths, client=client, step=number % 2))
        elif event == "step":
            world.step(0.1)
        elif event == "wait":
            world.step(25.0)
        elif event == "end":
            world.end_jobs()
        elif event == "kill":
            world.take_over()
        elif event == "kill, and half of the messages":
            world.take_over(first=len(world.messages) // 2)
        elif event == "the other half":
            world.redeliver()
        elif event == "blind":
            world.account.blind = 2
        elif event == "twice" and world.messages:
            world.deliver(data.draw(st.integers(0, len(world.messages) - 1), label="delivered again"))
        elif event == "appear":
            world.appear()
        elif event == "cancel at the provider":
            if jobs := sorted({event.job_id for event in world.announced()}):
                world.cancel_unasked(data.draw(st.sampled_from(jobs), label="cancelled at the provider"))
        elif event == "silence":
            # Nothing reaches the broker's topic of jobs for a moment.
            world.publisher.limits["jobs"] = 0
            world.step(1.0)
            del world.publisher.limits["jobs"]
        elif world.messages:
            chosen = data.draw(st.integers(0, len(world.messages) - 1), label="cancelled")
            world.run_progress.cancel(world.messages[chosen].event)
            cancelled.add(world.messages[chosen].event.process_job_id)
    world.account.outcomes.clear()
    world.account.blind = 0
    world.redeliver()
    world.appear()
    for _ in range(30):
        world.deliver_cancelled()
        world.end_jobs()
        world.step(30.0)
    world.check()
    assert world.finished == set(range(len(world.messages))), "a participant is left"
    announced = {(event.process_job_id, event.job_id) for event in world.announced()}
    assert all(jobs <= 3 for jobs in Counter(run for run, _ in announced).values()), (
        "more than two further jobs"
    )
    # Those whose jobs were cancelled at the provider have ended, or are in another job.
    runs = [run for run, job_id in announced if job_id not in world.cancelled_unasked]
    assert len(runs) == len(set(runs)), "a participant is in two jobs"
    ended = {event.process_job_id for event in world.progress() if event.final}
    everyone = {message.event.process_job_id for message in world.messages}
    assert set(runs) | ended | cancelled >= everyone
    assert not set(runs) & ended
    _no_job_without_participants(world)
