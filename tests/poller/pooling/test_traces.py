"""The trace of a job goes on when its circuits are published again."""

from __future__ import annotations

import pytest

from core.protocol import JobEvent
from core.protocol.events import PoolShare
from core.settings import KafkaSettings
from poller.pooling.delivery import PooledDelivery
from poller.pooling.submitter import PoolSubmitter
from tests.poller import fakes
from tests.poller.pooling.messages import member, submission

HEADER = f"00-{'4bf92f35' * 4}-00f067aa0ba902b7-01"


def test_the_message_of_a_participant_that_still_waits_keeps_its_trace() -> None:
    publisher, waits = fakes.Publisher(), member()
    waits.event.traceparent = HEADER
    PoolSubmitter(publisher, pauses=(0.0,), announce_pauses=(0.0,)).publish_again(waits)
    assert publisher.headers == [{"traceparent": HEADER.encode()}]


def test_circuits_that_run_again_keep_their_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher, stored = fakes.Publisher(), submission()
    delivery = PooledDelivery(KafkaSettings("nowhere:9092"), publisher)
    # The circuits are in the topic, which has no broker here.
    monkeypatch.setattr(delivery, "_read", lambda *_: stored)
    share = PoolShare(first=0, count=1, member=0, members=2, source=0)
    event: JobEvent = stored.event.model_copy(update={"job_id": "job-1", "pool": share})
    event.traceparent = HEADER
    result = delivery.again(event)
    assert result is not None
    assert result.traceparent == HEADER
    assert publisher.headers == [{"traceparent": HEADER.encode()}]
