"""Stages of messages, and the progress of runs."""

from __future__ import annotations

import itertools
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from core.protocol import ResultEvent, encode
from poller.state import MAX_RUNS, RunProgress
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
