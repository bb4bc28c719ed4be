"""Events that the broker can never accept: they are made smaller, or their run ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import MessageTooLargeError
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL, DEAD, JOBS, WEBHOOKS
from core.large_results import Folder, name_of
from core.protocol import MAX_ATTEMPT
from core.settings import KafkaSettings
from core.strays import sought
from poller.state import MAX_UNKNOWN, Stage
from tests.core.samples import TOPIC, wire
from tests.poller import results
from tests.poller.fakes import Message, view
from tests.poller.harness import Rig, consume_third_step, next_job

#: Some 90,000 bytes of counts.
COUNTS = {f"{number:013b}": 1 for number in range(5_000)}
LIMIT = 60_000


@pytest.fixture
def large(rig: Rig) -> Rig:
    """A poller whose only job is done with a result that is too large for its topic."""
    rig.provider.raw = results.sampler(COUNTS)
    rig.provider.views["d1abc"] = view("DONE")
    rig.publisher.limits[TOPIC] = LIMIT
    rig.consumer.messages.append(Message(JOBS, 7, wire(backend_type="simulator")))
    return rig


def ended(rig: Rig) -> bool:
    """Whether every message is finished, and the last one was of the topic `jobs`."""
    return rig.poller.job_consumer.under_way() == 0 and not rig.consumer.messages


@pytest.mark.parametrize("known", [True, False], ids=["limit known", "limit unknown"])
def test_a_result_over_the_topics_limit_is_stored(large: Rig, tmp_path: Path, known: bool) -> None:
    large.delivery._large_results = store = Folder(tmp_path)
    large.delivery._topic_limit = lambda _: LIMIT if known else None
    large.step_until(lambda: ended(large))
    [event] = large.finals()
    assert (event.status, event.result, event.answer, event.error) == ("DONE", None, {}, None)
    assert event.result_url is not None
    assert json.loads(store.get(name_of(TOPIC, "process-1")))["result"]["counts"] == {"meas": COUNTS}
    assert len(large.invoke.bodies) == 1, "the answer is requested once"
    assert large.provider.asked == ["d1abc"]


def test_a_result_over_the_topics_limit_is_omitted_without_a_store(large: Rig) -> None:
    large.delivery._topic_limit = lambda _: LIMIT
    large.step_until(lambda: ended(large))
    [event] = large.finals()
    assert event.error is not None
    assert (event.status, event.answer, event.error.code) == ("DONE", {}, "result_too_large")
    assert f"{LIMIT} can be sent" in event.error.message
    large.close()
    assert large.consumer.committed == {JOBS: 8}


@pytest.mark.parametrize("known", [10, None, 10**9])
def test_a_run_ends_although_no_event_fits(large: Rig, known: int | None) -> None:
    large.publisher.limits[TOPIC] = 10
    large.delivery._topic_limit = lambda _: known
    large.step_until(lambda: ended(large))
    assert large.finals() == []
    assert len(large.invoke.bodies) == 1
    assert b'qwhisk_poller_undeliverable_total{code="message_too_large"} 1.0' in large.metrics()
    large.close()
    assert large.consumer.committed == {JOBS: 8}


def test_progress_over_the_topics_limit_is_published_without_the_input(rig: Rig) -> None:
    rig.publisher.limits[TOPIC] = LIMIT
    rig.provider.views["d1abc"] = view("RUNNING")
    rig.consume(Message(JOBS, 0, wire(backend_type="simulator", params={"text": "x" * 2 * LIMIT})))
    rig.step_until(lambda: rig.results() != [])
    [event, *_] = rig.results()
    assert (event.status, event.params) == ("RUNNING", {})


def test_a_deleted_topic_ends_its_jobs(rig: Rig) -> None:
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {name: view("DONE", job_id=name) for name in ("d1", "d2")}
    rig.publisher.unknown.add(TOPIC)
    for number in (1, 2):
        event = wire(job_id=f"d{number}", process_job_id=f"p{number}", backend_type="simulator")
        rig.consumer.messages.append(Message(JOBS, number, event))
    rig.step_until(lambda: ended(rig))
    assert rig.publisher.sent == []
    assert len(rig.invoke.bodies) <= MAX_UNKNOWN, "no job is answered again for a topic that was deleted"
    assert b'qwhisk_poller_undeliverable_total{code="topic_unknown"} 2.0' in rig.metrics()
    rig.close()
    assert rig.consumer.committed == {JOBS: 3}


def test_a_deleted_topic_ends_cancellation_requests(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.provider.tags = {"qwhisk-process-1": ["d1abc"]}
    rig.publisher.unknown.add(TOPIC)
    rig.consume(Message(CANCEL, 0, wire()))
    rig.step_until(lambda: ended(rig))
    rig.close()
    assert rig.consumer.committed == {CANCEL: 1}


def test_a_topic_that_is_unknown_for_a_moment_ends_nothing(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.publisher.unknown.add(TOPIC)
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.step_until(lambda: any(tracked.failures == 2 for tracked in rig.poller.tracker))
    rig.publisher.unknown.clear()
    rig.step_until(lambda: ended(rig))
    assert [event.status for event in rig.finals()] == ["CANCELLED"]


def test_a_webhook_is_published_once_although_the_clients_topic_was_deleted(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.publisher.unknown.add(TOPIC)
    rig.consumer.messages.append(Message(JOBS, 0, wire(callback_url="https://app.example.org/")))
    rig.step_until(lambda: ended(rig))
    assert [topic for topic, _, _ in rig.publisher.sent] == [WEBHOOKS]


def test_a_deleted_topic_ends_a_loop(rig: Rig) -> None:
    for _ in range(MAX_UNKNOWN - 1):
        with pytest.raises(Exception, match="does not know"):
            rig.delivery._unknown_topics.failed(TOPIC)
    rig.publisher.unknown.add(TOPIC)
    rig.invoke.reply = next_job(4)
    consume_third_step(rig)
    rig.step_until(lambda: ended(rig))
    [request] = rig.publisher.requests()
    assert (request.step, sought(request.job_id)) == (4, sought("lost"))
    assert len(rig.invoke.bodies) == 1


def test_an_event_over_the_wait_topics_limit_stays_here(rig: Rig) -> None:
    for topic in ("jobs.wait.5s", "jobs.wait.30s"):
        rig.publisher.limits[topic] = 10
    rig.consume(Message(JOBS, 0, wire()))
    tracked = rig.job()
    rig.poller.tracker.requeue(tracked, 30.0)
    rig.step_until(lambda: tracked.stage is Stage.SCHEDULED)
    attempts = rig.publisher.attempts
    rig.poller.tracker.requeue(tracked, 30.0)
    assert (tracked.stage, rig.publisher.attempts) == (Stage.SCHEDULED, attempts)


def test_the_number_of_requeues_stays_readable(rig: Rig) -> None:
    """The next poller would bury an event with one more."""
    rig.consume(Message(JOBS, 0, wire(attempt=MAX_ATTEMPT)))
    rig.poller.tracker.requeue(rig.job(), 30.0)
    rig.step_until(lambda: rig.requeued() != [])
    [(_, _, value)] = rig.requeued()
    assert json.loads(value)["attempt"] == MAX_ATTEMPT


@pytest.mark.parametrize("limit", [0, 1_000])
def test_a_dead_letter_is_shortened_until_the_broker_accepts_it(rig: Rig, limit: int) -> None:
    rig.publisher.limits[DEAD] = limit
    rig.consumer.messages.append(Message(JOBS, 3, b"x" * 100_000))
    rig.step_until(lambda: ended(rig))
    [(topic, _, value)] = rig.publisher.sent
    assert topic == DEAD
    assert limit // 2 <= len(value) <= limit
    rig.close()
    assert rig.consumer.committed == {JOBS: 4}


def test_a_dead_letter_that_is_not_acknowledged_is_published_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poller.job_consumer.DEAD_LETTER_RETRY", 0.01)
    rig.publisher.unknown.add(DEAD)
    rig.consumer.messages.append(Message(JOBS, 3, b"{}"))
    rig.step_until(lambda: rig.publisher.attempts == 3)
    assert rig.poller.job_consumer.under_way() == 1
    rig.publisher.unknown.clear()
    rig.step_until(lambda: ended(rig))
    assert [topic for topic, _, _ in rig.publisher.sent] == [DEAD]


def test_librdkafkas_limit_is_reported_as_such() -> None:
    publisher = Publisher(KafkaSettings("127.0.0.1:1"))
    try:
        with pytest.raises(MessageTooLargeError, match="results") as caught:
            publisher.publish(TOPIC, "process-1", b"x" * 1_000_001)
    finally:
        publisher.close(0.0)
    assert TOPIC not in caught.value.message
