"""Which pools of a backend are due."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from poller.pooling.backend_pools import BackendPools
from poller.pooling.extent import JobExtent
from poller.pooling.policy import Participant, Pool, PoolLimits

LIMITS = PoolLimits(
    job=JobExtent(pubs=4, executions=4, instructions=4, two_qubit_gates=4, size=4, seconds=4.0),
    pending=1,
    most_pending=3,
    wait=60.0,
)


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(["add", "add", "remove", "take"]),
            st.sampled_from("abcd"),
            st.integers(1, 5),
            st.integers(0, 40),
        ),
        max_size=40,
    )
)
def test_the_same_pools_are_due_as_if_each_were_asked(changes: list[tuple[str, str, int, int]]) -> None:
    pools: BackendPools[int] = BackendPools(LIMITS)
    alone = {name: Pool[int](LIMITS) for name in "abcd"}
    now, latest = 0.0, 0.0
    for key, (change, name, number, pause) in enumerate(changes):
        now += pause
        if change == "add":
            extent = JobExtent(pubs=number)
            pools.add(name, Participant(key, "client", extent, now))
            alone[name].add(Participant(key, "client", extent, now))
            latest = now
        elif change == "remove":
            pools.remove(key - number)
            for pool in alone.values():
                pool.remove(key - number)
        elif name in pools.due(now, 1):
            taken = [participant.key for participant in pools.take(name, now, 1)]
            assert taken == [participant.key for participant in alone[name].take(now, 1)]
            assert taken
        assert len(pools) == sum(map(len, alone.values()))
        for pending in range(4):
            assert pools.due_at(pending) == min(pool.due_at(pending) for pool in alone.values())
            for at in (now, latest + LIMITS.wait, math.inf):
                due = {name for name, pool in alone.items() if len(pool) and at >= pool.due_at(pending)}
                if pending < LIMITS.most_pending:
                    assert set(pools.due(at, pending)) == due
