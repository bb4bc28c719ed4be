"""Every poller knows of all cancellation requests before a next step, on real brokers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL, shared
from core.protocol import JobEvent, encode
from core.settings import KafkaSettings
from core.strays import lost
from poller.cancellation_feed import CancellationFeed
from poller.delivery.result_delivery import ResultDelivery
from poller.state import RunProgress
from tests.core.samples import job
from tests.poller import results
from tests.poller.fakes import Invoke, Provider, view
from tests.poller.fakes import Publisher as Sent
from tests.poller.harness import next_job
from tests.poller.test_endless_loops import Declaring

#: Requests of a test, half of them before a poller starts.
REQUESTS = 60


@pytest.fixture
def publisher(kafka: KafkaSettings) -> Iterator[Publisher]:
    Topics(kafka).ensure(shared(1))
    made = Publisher(kafka)
    yield made
    made.close()


def loop_job(run: str) -> JobEvent:
    """Return the event of a loop's job."""
    return job(process_job_id=run, progress={"step": 0, "of": 9, "value": 0.0})


def test_the_next_step_is_not_invoked_by_any_poller(kafka: KafkaSettings, publisher: Publisher) -> None:
    def request(number: int) -> JobEvent:
        event = loop_job(f"run-{number}")
        publisher.publish(CANCEL, event.process_job_id, encode(event))
        return event

    events = [request(number) for number in range(REQUESTS // 2)]
    publisher.publish(CANCEL, "x", b"not an event")
    other = loop_job("other")
    publisher.publish(CANCEL, other.process_job_id, encode(lost(other)))
    with ExitStack() as ends:
        deliveries: list[tuple[ResultDelivery, Invoke, Sent]] = []
        for _ in range(2):
            provider, sent, invoke, progress = Provider(), Sent(), Invoke(next_job(1)), RunProgress()
            provider.raw = results.sampler({"0": 1})
            feed = CancellationFeed(kafka, progress)
            ends.callback(feed.close)
            delivery = ResultDelivery(
                provider,
                sent,
                Declaring(100),
                invoke,
                run_progress=progress,
                learn_cancellations=feed.catch_up,
            )
            deliveries.append((delivery, invoke, sent))
        for number in range(REQUESTS // 2, REQUESTS):
            events.append(request(number))
            # At once: the request was acknowledged to its client a moment ago.
            for delivery, invoke, _ in deliveries:
                final = delivery.deliver(events[-1], view("DONE", job_id=events[-1].job_id))
                assert (final.status, invoke.bodies) == ("CANCELLED", [])
        for delivery, invoke, sent in deliveries:
            for event in events:
                assert delivery.run_progress.is_cancelled(event)
            assert not delivery.run_progress.is_cancelled(other), "only its stray jobs are cancelled"
            assert not delivery.deliver(other, view("DONE", job_id=other.job_id)).final
            assert len(invoke.bodies) == 1
            finals = [event for event in sent.events() if event.final]
            assert len(finals) == REQUESTS // 2


def test_a_broker_that_does_not_answer_delays_a_step_for_a_bounded_time(kafka: KafkaSettings) -> None:
    feed = CancellationFeed(KafkaSettings("127.0.0.1:9", partitions=1), RunProgress())
    try:
        assert not feed.catch_up(0.2)
    finally:
        feed.close()
