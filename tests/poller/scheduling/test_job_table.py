"""The transitions between the states of a job."""

from __future__ import annotations

import pytest

from poller.scheduling.job import TRANSITIONS, IllegalTransitionError, ScheduledJob, State
from poller.scheduling.job_table import JobTable


@pytest.mark.parametrize(
    ("state", "forbidden"), [(a, b) for a in State for b in State if b not in TRANSITIONS[a]]
)
def test_an_illegal_transition_raises(state: State, forbidden: State) -> None:
    table: JobTable[int] = JobTable()
    job = ScheduledJob(1, "client", "fez", 0.0, 0, looked=0.0, state=state)
    table.add(job)
    with pytest.raises(IllegalTransitionError, match=f"{state.value} cannot become {forbidden.value}"):
        table.move(job, forbidden)
    assert job.state is state
