"""Topics that can no longer be used are removed, and no others, on a real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topics import new_results_topic
from core.protocol import encode
from core.settings import KafkaSettings
from gateway import topic_cleaner as module
from gateway.topic_cleaner import LONGEST_JOB, RENEWED, TopicCleaner
from testkit.stack import wait_for
from tests.core.samples import result_event

LIFETIME = 1000.0


@pytest.fixture
def topics(kafka: KafkaSettings) -> Topics:
    return Topics(kafka)


@pytest.fixture
def topic_cleaner(kafka: KafkaSettings, topics: Topics, publisher: Publisher) -> Iterator[TopicCleaner]:
    # What other tests have left.
    topics.delete(name for name in topics.names() if name.startswith("results."))
    wait_for(lambda: not any(name.startswith("results.") for name in topics.names()))
    made = TopicCleaner(kafka, topics, publisher, LIFETIME)
    yield made
    made.close()


def made(topics: Topics, age: float) -> str:
    """Return a client's topic of that age."""
    name = new_results_topic(time.time() - age)
    topics.ensure({name: 1})
    wait_for(lambda: topics.exists(name))
    return name


def gone(topics: Topics, *names: str) -> None:
    """Wait until they are gone: Kafka acknowledges before every broker knows of it."""
    wait_for(lambda: not set(names) & set(topics.names()))


def test_topics_that_can_no_longer_be_used_are_removed_and_no_others(
    topics: Topics, publisher: Publisher, topic_cleaner: TopicCleaner
) -> None:
    young, just_made = made(topics, 0), made(topics, LIFETIME + 60)
    renewed, used, waiting = (made(topics, LIFETIME + 60) for _ in range(3))
    others = ["jobs", "results.made-by-somebody-else-entirely"]
    topics.ensure(dict.fromkeys(others, 1))
    publisher.publish(renewed, "session", RENEWED)
    publisher.publish(used, "p", encode(result_event(status="DONE", topic=used)))
    publisher.publish(waiting, "p", encode(result_event(status="DONE", topic=waiting)))
    publisher.publish(waiting, "q", encode(result_event(status="QUEUED", topic=waiting)))

    now = time.time()
    assert topic_cleaner.round(now) == 0, "the first job of an old session may have just created its topic"
    assert set(topics.names()) >= {young, just_made, renewed, used, waiting, *others}

    assert topic_cleaner.round(now + LIFETIME + 30) == 3
    gone(topics, just_made, renewed, used)
    assert topic_cleaner.round(now + 2 * LIFETIME + 60) == 1
    gone(topics, young)
    assert waiting in topics.names(), "the topic of a job in progress was removed"

    assert topic_cleaner.round(now + LONGEST_JOB + 60) == 1
    assert set(others) <= set(topics.names())
    assert topic_cleaner.removed == 5


def test_a_round_is_bounded_and_every_topic_has_its_turn(
    monkeypatch: pytest.MonkeyPatch, topics: Topics, publisher: Publisher, topic_cleaner: TopicCleaner
) -> None:
    monkeypatch.setattr(module, "MAX_TOPICS", 4)
    still_used = [made(topics, LIFETIME + 60) for _ in range(6)]
    unused = {made(topics, LIFETIME + 60) for _ in range(6)}
    for topic in unused:
        publisher.publish(topic, "q", encode(result_event(status="DONE", topic=topic)))
    for topic in still_used:
        publisher.publish(topic, "q", encode(result_event(status="QUEUED", topic=topic)))
    now = time.time() + LIFETIME + 30
    for _ in range(60):
        assert topic_cleaner.round(now) <= 4
        if not unused & set(topics.names()):
            break
    gone(topics, *unused)
    assert set(still_used) <= set(topics.names())


def test_two_replicas_do_not_disturb_each_other(
    kafka: KafkaSettings, topics: Topics, topic_cleaner: TopicCleaner
) -> None:
    old = [made(topics, LIFETIME + 60) for _ in range(3)]
    assert topics.delete([old[0]]) == 1
    gone(topics, old[0])
    assert topics.delete(old) == 2, "one of them did not exist"
    gone(topics, *old)
    assert topic_cleaner.round(time.time()) == 0


def test_it_runs_in_the_background(
    monkeypatch: pytest.MonkeyPatch, kafka: KafkaSettings, topics: Topics, publisher: Publisher
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.1)
    unused = made(topics, 10)
    publisher.publish(unused, "session", RENEWED)
    topic_cleaner = TopicCleaner(kafka, topics, publisher, 2)
    try:
        end = time.monotonic() + 20
        while unused in topics.names():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        topic_cleaner.close()


def test_an_unreachable_broker_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.01)
    monkeypatch.setattr("core.kafka.admin.ADMIN_TIMEOUT", 0.1)
    nowhere = KafkaSettings("127.0.0.1:9")
    publisher = Publisher(nowhere)
    topic_cleaner = TopicCleaner(nowhere, Topics(nowhere), publisher, LIFETIME)
    try:
        time.sleep(0.5)
        assert topic_cleaner._thread.is_alive()
    finally:
        topic_cleaner.close()
        publisher.close(0)
