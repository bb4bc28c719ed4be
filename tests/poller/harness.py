"""A poller whose environment is in memory, for tests that run its loop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.config_docs.model import ConfigDocument
from core.kafka import delayed_consumer
from core.kafka.topics import JOBS
from core.protocol import ResultEvent, decode
from core.settings import KafkaSettings
from poller.delivery.result_delivery import ResultDelivery
from poller.state import CancellationRequest, TrackedJob
from poller.worker import Poller
from tests.core.samples import wire
from tests.poller import results
from tests.poller.fakes import (
    Documents,
    Invoke,
    Message,
    Provider,
    Publisher,
    consumers_of,
    group_consumer,
    view,
)

WAIT = "jobs.wait.5s"


class Rig:
    """A poller whose broker, provider and functions are fakes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delayed_consumer, "group_consumer", group_consumer)
        self.provider, self.publisher = Provider(), Publisher()
        self.invoke = Invoke({"answer": {}})
        self.delivery = ResultDelivery(self.provider, self.publisher, Documents(), self.invoke)
        kafka = KafkaSettings("nowhere:9092", partitions=1)
        self.poller = Poller(kafka, self.provider, self.delivery, self.publisher, workers=1, deadline=1e12)
        self.consumer, self.waiting = consumers_of(self.poller.job_consumer)
        self.poller.poll(time.time())  # assigns the partitions
        for account_worker in self.poller.accounts:
            account_worker.scheduler._list_due = math.inf  # these tests do not list the backends

    def step_until(self, condition: Callable[[], bool]) -> None:
        """Run iterations of the loop until the condition holds, for at most 60 seconds."""
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, "the condition did not become true"
            self.poller.step(time.monotonic())

    def finals(self) -> list[ResultEvent]:
        """Return the final events that were published."""
        return [e for e in self.results() if e.final]

    def results(self) -> list[ResultEvent]:
        """Return the events of the clients' topics."""
        return [
            decode(ResultEvent, value)
            for topic, _, value in self.publisher.sent
            if topic.startswith("results.")
        ]

    def requeued(self) -> list[tuple[str, str, bytes]]:
        """Return the messages on topics that are not a client's."""
        return [sent for sent in self.publisher.sent if not sent[0].startswith("results.")]

    def metrics(self) -> bytes:
        """Return the metrics, in the text format."""
        return self.poller.metrics.text(self.poller.tracker.states)

    def close(self) -> None:
        """Wait for the calls in progress, and commit."""
        self.poller.close()

    def consume(self, *messages: Message) -> None:
        """Add messages to the topics `jobs` and `jobs.cancel`, and consume them."""
        self.consumer.messages.extend(messages)
        self.poller.poll(time.time())

    def job(self) -> TrackedJob:
        """Return the only tracked message, which is a job."""
        [tracked] = self.poller.tracker
        assert isinstance(tracked, TrackedJob)
        return tracked

    def request(self) -> CancellationRequest:
        """Return the only tracked message, which is a cancellation request."""
        [tracked] = self.poller.tracker
        assert isinstance(tracked, CancellationRequest)
        return tracked


class SlowInvoke(Invoke):
    """Replies to a step with the next job only after `may_answer` is set."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(reply)
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, document: ConfigDocument, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        self.asked.set()
        assert self.may_answer.wait(60)
        return super().__call__(document, body, timeout)


def next_job(step: int) -> dict[str, Any]:
    """Return the reply of a loop's function that has submitted the job of this step."""
    return {
        "job_id": f"d{step}",
        "backend": "aer_simulator",
        "step": step,
        "progress": {"step": step, "of": 9, "value": -1.0},
    }


def consume_third_step(rig: Rig) -> None:
    """Consume the event of a loop's third job, which is done."""
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d3": view("DONE", job_id="d3")}
    progress = {"step": 3, "of": 9, "value": 0.0}
    rig.consume(Message(JOBS, 0, wire(step=3, job_id="d3", backend_type="simulator", progress=progress)))


def long_ago() -> float:
    """Return a time in seconds since 1970 at which every waiting message was published long ago."""
    return time.time() - 3600
