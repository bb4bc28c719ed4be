"""Which circuits a pooled job carries, and when it is submitted."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.pooling.extent import JobExtent
from poller.pooling.policy import Participant, Pool, PoolLimits, groups_after_failure

JOB = JobExtent(
    pubs=10, executions=10_000, instructions=1_000, two_qubit_gates=100, size=10_000, seconds=20.0
)
LIMITS = PoolLimits(job=JOB, pending=1, most_pending=3, wait=60.0)


def extent(pubs: int = 1) -> JobExtent:
    return JobExtent(pubs, 100 * pubs, pubs, pubs, pubs, 0.1 * pubs)


def participant(
    key: int, client: str = "a", arrived: float = 0.0, pubs: int = 1, continuing: bool = False
) -> Participant[int]:
    return Participant(key, client, extent(pubs), arrived, continuing)


def pool(*participants: Participant[int], limits: PoolLimits = LIMITS) -> Pool[int]:
    made: Pool[int] = Pool(limits)
    for one in participants:
        made.add(one)
    return made


def keys(taken: list[Participant[int]]) -> list[int]:
    return [one.key for one in taken]


def test_circuits_alone_are_submitted_at_once() -> None:
    waiting = pool(participant(1))
    assert waiting.due_at(pending=0) == -math.inf
    assert keys(waiting.take(0.0, pending=0)) == [1]
    assert len(waiting) == 0
    assert waiting.due_at(pending=0) == math.inf


def test_while_a_job_is_pending_circuits_are_collected() -> None:
    waiting = pool(participant(1, arrived=5.0), participant(2, arrived=20.0))
    assert waiting.due_at(pending=1) == 65.0
    assert waiting.take(64.9, pending=1) == []
    assert keys(waiting.take(64.9, pending=0)) == [1, 2], "the pending job has ended"


def test_circuits_that_have_waited_are_submitted_unless_the_plan_forbids_it() -> None:
    waiting = pool(participant(1, arrived=5.0), participant(2, arrived=20.0))
    assert waiting.take(1_000.0, pending=3) == []
    assert waiting.due_at(pending=3) == math.inf
    assert keys(waiting.take(65.0, pending=2)) == [1, 2]


def test_a_full_job_does_not_wait() -> None:
    waiting = pool(*(participant(key) for key in range(11)))
    assert waiting.due_at(pending=1) == -math.inf
    assert keys(waiting.take(0.0, pending=1)) == list(range(10))
    assert waiting.take(0.0, pending=2) == []


@pytest.mark.parametrize("name", ["pubs", "executions", "instructions", "two_qubit_gates", "size", "seconds"])
def test_every_quantity_is_limited(name: str) -> None:
    half = replace(JobExtent(pubs=1), **{name: getattr(JOB, name) // 2 + 1})
    waiting = pool(*(Participant(key, "a", half, 0.0) for key in range(2)))
    assert keys(waiting.take(0.0, pending=0)) == [0]
    waiting.add(Participant(9, "b", replace(half, **{name: getattr(JOB, name) + 1}), -1.0))
    assert keys(waiting.take(0.0, pending=0)) == [1], "the other one was passed over before"
    assert keys(waiting.take(0.0, pending=0)) == [9], "what is too large for a shared job has its own"


def test_a_client_with_many_circuits_does_not_keep_out_one_with_few() -> None:
    waiting = pool(
        *(participant(key, "many") for key in range(1_000 - 1)), participant(-1, "one", arrived=9.0)
    )
    assert -1 in keys(waiting.take(9.0, pending=0))


def test_turns_count_circuits_and_not_jobs() -> None:
    wide = [participant(key, "wide", pubs=4) for key in range(5)]
    narrow = [participant(10 + key, "narrow", arrived=1.0) for key in range(5)]
    taken = pool(*wide, *narrow).take(1.0, pending=0)
    assert Counter(one.client for one in taken) == {"wide": 1, "narrow": 5}


def test_a_loops_next_step_comes_first() -> None:
    new = [participant(key, f"new-{key}") for key in range(10)]
    step = participant(99, "loop", arrived=5.0, continuing=True)
    assert keys(pool(*new, step).take(5.0, pending=0))[0] == 99


def test_loops_do_not_starve_new_circuits() -> None:
    waiting = pool(participant(0, "new"))
    for turn in range(1, 3):
        for number in range(10):
            waiting.add(participant(100 * turn + number, f"loop-{number}", float(turn), continuing=True))
        if 0 in keys(waiting.take(float(turn), pending=0)):
            return
    pytest.fail("the new circuit was passed over twice")


def test_a_wide_participant_is_not_passed_over_for_ever() -> None:
    waiting = pool(participant(1, "a"), participant(2, "wide", pubs=10))
    assert keys(waiting.take(0.0, pending=0)) == [1]
    waiting.add(participant(3, "a"))
    assert keys(waiting.take(0.0, pending=0)) == [2]


def test_a_cancelled_participant_is_taken_out() -> None:
    waiting = pool(participant(1), participant(2))
    assert 1 in waiting
    removed = waiting.remove(1)
    assert removed is not None
    assert removed.key == 1
    assert waiting.remove(1) is None
    assert keys(waiting.take(0.0, pending=0)) == [2]


def test_a_source_with_many_clients_has_no_more_turns_than_one_with_a_client() -> None:
    crowd = [replace(participant(key, f"client{key}"), source="crowd") for key in range(40)]
    waiting = pool(*crowd, replace(participant(98, "one", arrived=5.0), source="one"))
    waiting.add(replace(participant(99, "other", arrived=6.0, pubs=5), source="other"))
    taken = keys(waiting.take(7.0, pending=0))
    assert {98, 99} <= set(taken)
    assert len(taken) == 6, "the crowd has the rest of the job"


def test_the_clients_of_a_source_take_turns() -> None:
    waiting = pool(*(replace(participant(key, "a"), source="shared") for key in range(30)))
    waiting.add(replace(participant(99, "b", arrived=5.0), source="shared"))
    assert 99 in keys(waiting.take(7.0, pending=0))


def test_a_participant_is_added_once() -> None:
    with pytest.raises(ValueError, match="waits already"):
        pool(participant(1), participant(1))


@given(
    arrivals=st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(1, 10), st.booleans(), st.integers(0, 100)),
        max_size=60,
    ),
    pending=st.lists(st.integers(0, 3), min_size=1, max_size=10),
)
def test_all_circuits_are_taken_once_within_the_limits_and_none_waits_for_ever(
    arrivals: list[tuple[str, int, bool, int]], pending: list[int]
) -> None:
    waiting: Pool[int] = Pool(LIMITS)
    clock, taken = 0.0, []
    for key, (client, pubs, continuing, pause) in enumerate(arrivals):
        clock += pause
        waiting.add(Participant(key, client, extent(pubs), clock, continuing))
        for count in pending:
            job = waiting.take(clock, count)
            total = sum((one.extent for one in job), JobExtent())
            assert total.fits(JOB)
            taken += keys(job)
            assert bool(job) <= (count < LIMITS.most_pending)
            if job and waiting:
                # Nothing that is left would have fitted, but for what a fuller job displaced.
                assert all(not (total + one.extent).fits(JOB) for one in waiting._waiting.values())
    for _ in range(len(waiting)):
        due = waiting.due_at(pending=1)
        job = waiting.take(max(clock, due), pending=1)
        assert job or not waiting, "after the wait something is submitted"
        taken += keys(job)
    assert not waiting
    assert sorted(taken) == list(range(len(arrivals)))


@given(count=st.integers(1, 300))
def test_a_failed_job_is_divided_twice_at_most(count: int) -> None:
    members = list(range(count))
    groups = groups_after_failure(members, generation=0)
    assert sorted(member for group in groups for member in group) == members
    assert len(groups) == math.ceil(math.sqrt(count))
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    for group in groups:
        assert groups_after_failure(group, generation=1) == [[member] for member in group]
