"""What the records of pooled jobs say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.protocol import PoolRecord
from poller.pooling import history
from poller.pooling.history import PoolHistory

AT = datetime(2026, 11, 28, tzinfo=UTC)


def record(state: Any, tag: str | None = "t1", job_id: str | None = None, **more: Any) -> PoolRecord:
    values: dict[str, Any] = {"backend_type": "hardware", "backend": "fake_fez", "at": AT} | more
    return PoolRecord(state=state, tag=tag, job_id=job_id, **values)


def after(*records: PoolRecord) -> PoolHistory:
    made = PoolHistory()
    for one in records:
        made.add(one)
    return made


COMPOSED = record("composed", members=[("a", 0, 2), ("b", 3, 1)])


def test_a_job_is_pending_from_its_composition_to_its_end() -> None:
    assert [job.tag for job in after(COMPOSED).pending()] == ["t1"]
    submitted = after(COMPOSED, record("submitted", job_id="j1"))
    assert [job.job_id for job in submitted.pending()] == ["j1"]
    submitted.add(record("ended", tag=None, job_id="j1"))
    assert submitted.pending() == []
    assert after(COMPOSED, record("given_up")).pending() == []


def test_a_participant_is_found_in_its_newest_job() -> None:
    again = record("composed", tag="t2", generation=1, members=[("a", 0, 2)])
    made = after(COMPOSED, record("given_up"), again)
    job = made.job_of(("a", 0))
    assert job is not None
    assert (job.tag, job.generation, job.sizes) == ("t2", 1, {("a", 0): 2})
    other = made.job_of(("b", 3))
    assert other is not None
    assert other.given_up
    assert made.job_of(("b", 2)) is None


@pytest.mark.parametrize("late", [True, False])
def test_a_job_that_is_announced_is_not_given_up_by_a_poller_that_stalled(late: bool) -> None:
    given_up = record("given_up")
    submitted = record("submitted", job_id="j1", members=[("a", 0, 2)])
    made = after(COMPOSED, *([submitted, given_up] if late else [given_up, submitted]))
    job = made.job_of(("a", 0))
    assert job is not None
    assert not job.given_up
    assert made.pending() == [job]
    made.add(record("ended", tag=None, job_id="j1"))
    assert made.pending() == []


def test_records_may_be_repeated_and_incomplete() -> None:
    made = after(
        record("submitted", job_id="j1"),
        record("ended", tag=None, job_id="unknown"),
        COMPOSED,
        COMPOSED,
        record("submitted", job_id="j1"),
        record("composed", members=[("c", 0, 1)]),
    )
    [job] = made.pending()
    assert (job.job_id, list(job.sizes)) == ("j1", [("a", 0), ("b", 3)])


def test_the_history_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(history, "MAX_JOBS", 3)
    made = PoolHistory()
    for number in range(10):
        made.add(record("composed", tag=f"t{number}", members=[(f"run{number}", 0, 1)]))
        made.add(record("submitted", tag=f"t{number}", job_id=f"j{number}"))
    assert [job.tag for job in made.pending()] == ["t7", "t8", "t9"]
    assert made.job_of(("run0", 0)) is None
    assert len(made._by_member) == len(made._by_id) == 3
