"""The loop: metrics, and the order of the events of one run."""

from __future__ import annotations

import time

import pytest

from core.errors import (
    StreamError,
)
from core.kafka.topics import JOBS
from core.protocol import ResultEvent
from tests.core.samples import job, wire
from tests.poller import results
from tests.poller.fakes import (
    Message,
    view,
)
from tests.poller.harness import Rig, SlowInvoke, consume_third_step, next_job


def test_metrics_count_calls_jobs_and_lag(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.consumer.messages.append(Message(JOBS, 0, wire(backend_type="simulator")))
    rig.poller.poll(time.time())
    assert b'qwhisk_poller_jobs{state="not_looked_at"} 1.0' in rig.metrics()
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    text = rig.metrics().decode()
    for line in (
        'qwhisk_poller_api_calls_total{account="hardware",kind="fetch"} 1.0',
        'qwhisk_poller_delivered_total{status="CANCELLED"} 1.0',
        'qwhisk_poller_lag_seconds_count{backend_type="simulator"} 1.0',
    ):
        assert line in text


@pytest.mark.parametrize("published_step", [4, 5])
def test_progress_of_a_slow_step_is_not_published_after_that_of_a_later_step(
    rig: Rig, published_step: int
) -> None:
    """The function has announced the next job, but is slow to answer; that job has progress before."""
    invoke = SlowInvoke(next_job(4))
    rig.delivery._steps._invoke = invoke
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d3": view("DONE", job_id="d3")}
    looping = {"function": "smile_super_position", "progress": {"step": 3, "of": 9, "value": 0.0}}
    rig.consume(Message(JOBS, 0, wire(step=3, job_id="d3", backend_type="simulator", **looping)))
    rig.step_until(invoke.asked.is_set)
    later = job(**looping | {"step": published_step, "job_id": f"d{published_step}"})
    rig.delivery.notify(ResultEvent(**later.model_dump(), status="RUNNING"))
    invoke.may_answer.set()
    rig.step_until(lambda: not len(rig.poller.tracker))
    assert [event.step for event in rig.results()] == [published_step]
    assert rig.finals() == []


def test_progress_of_a_slow_step_is_published_if_there_is_no_later_step(rig: Rig) -> None:
    rig.invoke.reply = next_job(4)
    consume_third_step(rig)
    rig.step_until(lambda: not len(rig.poller.tracker))
    assert [(event.step, event.status) for event in rig.results()] == [(4, "RUNNING")]


def test_progress_of_a_revoked_job_is_not_published(rig: Rig) -> None:
    invoke = SlowInvoke(next_job(4))
    rig.delivery._steps._invoke = invoke
    consume_third_step(rig)
    rig.step_until(invoke.asked.is_set)
    rig.poller._revoked((JOBS, 0))
    invoke.may_answer.set()
    rig.step_until(lambda: not rig.poller.accounts.busy)
    assert rig.results() == []


def test_a_final_event_that_was_not_acknowledged_is_published_again_on_all_its_topics(rig: Rig) -> None:
    event = job(callback_url="https://example.org/hook")
    rig.publisher.error = StreamError("Kafka is down.")
    with pytest.raises(StreamError):
        rig.delivery.deliver(event, view("CANCELLED"))
    rig.publisher.error = None
    for _ in range(2):  # the tracked job, and the request to cancel it
        assert rig.delivery.deliver(event, view("CANCELLED")).final
    assert [topic.partition(".")[0] for topic, _, _ in rig.publisher.sent] == ["results", "webhooks"]
