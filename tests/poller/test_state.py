"""Stages of messages, and the progress of runs."""

from __future__ import annotations

import itertools
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from core.protocol import JobResult, ResultEvent, encode
from poller.state import MAX_RUNS, MAX_SOURCES, OTHERS, RunProgress, UsageCounter, with_usage
from tests.core.samples import job
from tests.poller.fakes import (
    Publisher,
)


def test_runs_are_remembered_within_bounds() -> None:
    run_progress = RunProgress()
    for number in range(MAX_RUNS + 5):
        run_progress.note(job(process_job_id=f"p{number}", step=1))
    assert not run_progress.is_past(job(process_job_id="p0", step=0)), "forgotten"
    assert run_progress.is_past(job(process_job_id=f"p{MAX_RUNS}", step=0))
    run_progress.end(job(process_job_id=f"p{MAX_RUNS}", step=0))
    run_progress.note(job(process_job_id=f"p{MAX_RUNS}", step=2))
    assert run_progress.is_past(job(process_job_id=f"p{MAX_RUNS}", step=9)), "the run has ended"


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), max_size=30))
def test_no_event_of_an_older_step_is_published_after_one_of_a_newer_step(
    events: list[tuple[int, bool, bool]],
) -> None:
    run_progress, publisher = RunProgress(), Publisher()
    for step, from_previous_step, final in events:
        event = ResultEvent(**job(step=step).model_dump(), status="DONE" if final else "RUNNING")
        run_progress.in_order(
            event,
            ["t"],
            partial(lambda event, topic: publisher.send(topic, "k", encode(event)), event),
            from_previous_step,
        )
    published = publisher.events()
    before_the_end = list(itertools.takewhile(lambda event: not event.final, published))
    steps = [event.step for event in before_the_end]
    assert steps == sorted(steps)
    assert len(published) - len(before_the_end) == any(final for _, _, final in events), (
        "there must be one final event, and nothing after it"
    )


def test_sources_are_counted_by_themselves_within_bounds() -> None:
    counted: dict[str, float] = {}

    def count(source: str, seconds: float) -> None:
        counted[source] = counted.get(source, 0.0) + seconds

    usage, result = UsageCounter(count), with_usage(JobResult(metadata={"own": 1}), 0.5)
    assert result.metadata == {"own": 1, "quantum_seconds": 0.5}
    for number in range(MAX_SOURCES + 5):
        client = f"{'r' * 16}{number:012}"
        usage.add(job(process_job_id=f"run{number}", client_id=client), result)
    for step in range(3):
        usage.add(job(process_job_id="loop", client_id=f"{'s' * 16}{0:012}", step=step), result)
    usage.add(job(process_job_id="without"), JobResult())
    assert len(counted) == MAX_SOURCES + 1
    assert counted[OTHERS] == 5 * 0.5
    assert counted[f"{0:012}"] == 4 * 0.5, "every client of a source and every step"
