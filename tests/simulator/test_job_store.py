"""Jobs and their storage in memory."""

from __future__ import annotations

from simulator.job_store import JobStore
from simulator.jobs import SimulatorJob


def job(size: int = 0) -> SimulatorJob:
    return SimulatorJob(program_id="sampler", backend="aer_simulator", body=b"x" * size, created=0.0, tags=[])


def test_store_forgets_the_oldest_finished_jobs() -> None:
    store = JobStore(max_finished=2, max_bytes=10**6)
    running = job()
    store.add(running)
    finished = [job() for _ in range(3)]
    for item in finished:
        store.add(item)
        item.finish("Completed", 1.0)
        store.mark_finished(item)
    assert store.get(finished[0].job_id) is None
    assert [item.job_id for item in store.find(lambda _: True)] == [
        finished[2].job_id,
        finished[1].job_id,
        running.job_id,
    ]


def test_store_keeps_within_its_bytes() -> None:
    store = JobStore(max_finished=100, max_bytes=10_000)
    jobs = [job(size=4000) for _ in range(3)]
    for item in jobs:
        store.add(item)
        item.finish("Completed", 1.0)
        store.mark_finished(item)
    assert [store.get(item.job_id) is not None for item in jobs] == [False, False, True]


def test_a_final_state_stays() -> None:
    cancelled = job()
    cancelled.finish("Cancelled", 1.0, "why", 5)
    cancelled.finish("Completed", 2.0)
    cancelled.start(3.0)
    assert (cancelled.status, cancelled.finished_at, cancelled.reason) == ("Cancelled", 1.0, "why")
