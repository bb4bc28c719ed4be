"""Topics are read from a chosen offset, outside any consumer group, on real brokers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topic_logs import LogEntry, TopicLogs, TopicUnknownError
from core.kafka.topics import new_results_topic
from core.settings import KafkaSettings

#: Seconds to wait for the broker.
TIMEOUT = 20.0


@pytest.fixture
def logs(kafka: KafkaSettings) -> Iterator[TopicLogs]:
    made = TopicLogs(kafka)
    yield made
    made.close()


def topic_with(kafka: KafkaSettings, *values: bytes) -> str:
    """A new topic with these messages."""
    topic = new_results_topic()
    Topics(kafka).ensure({topic: 1})
    publisher = Publisher(kafka)
    for value in values:
        publisher.publish(topic, "key", value)
    publisher.close()
    return topic


def next_entry(logs: TopicLogs) -> LogEntry:
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        entry = logs.poll(0.2)
        if isinstance(entry, LogEntry):
            return entry
        assert entry is None or not isinstance(entry.error, TopicUnknownError)
    raise AssertionError("no message came")


def test_a_topic_is_read_from_the_beginning_or_from_an_offset(kafka: KafkaSettings, logs: TopicLogs) -> None:
    first, second = topic_with(kafka, b"a", b"b"), topic_with(kafka, b"c", b"d")
    assert logs.offsets(first, TIMEOUT) == range(2)
    before = time.time()
    logs.follow({first: None, second: 1})
    entries = sorted((next_entry(logs) for _ in range(3)), key=lambda entry: entry.value or b"")
    assert [(entry.topic, entry.offset, entry.value) for entry in entries] == [
        (first, 0, b"a"),
        (first, 1, b"b"),
        (second, 1, b"d"),
    ]
    assert all(entry.published and abs(entry.published - before) < 600 for entry in entries)


def test_an_empty_topic_has_no_offsets(kafka: KafkaSettings, logs: TopicLogs) -> None:
    assert not logs.offsets(topic_with(kafka), TIMEOUT)


def test_a_topic_that_is_no_longer_followed_gives_no_messages(kafka: KafkaSettings, logs: TopicLogs) -> None:
    followed, other = topic_with(kafka, b"a"), topic_with(kafka, b"b")
    logs.follow({other: None})
    assert next_entry(logs).topic == other
    logs.unfollow([other])
    publisher = Publisher(kafka)
    publisher.publish(other, "key", b"c")
    publisher.close()
    logs.follow({followed: None})
    assert next_entry(logs).topic == followed
    entry = logs.poll(0.5)
    assert not isinstance(entry, LogEntry)


def test_a_topic_that_does_not_exist_is_named_as_that(kafka: KafkaSettings, logs: TopicLogs) -> None:
    topic = new_results_topic()
    with pytest.raises(TopicUnknownError) as caught:
        logs.offsets(topic, TIMEOUT)
    assert topic not in caught.value.message, "the name is secret"


def test_a_topic_is_found_after_it_was_looked_up_in_vain(kafka: KafkaSettings, logs: TopicLogs) -> None:
    for _ in range(5):
        topic = new_results_topic()
        with pytest.raises(TopicUnknownError):
            logs.offsets(topic, TIMEOUT)
        publisher = Publisher(kafka)
        Topics(kafka).ensure({topic: 1})
        publisher.publish(topic, "key", b"a")
        publisher.close()
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                assert logs.offsets(topic, TIMEOUT) == range(1)
                break
            except TopicUnknownError:
                assert time.monotonic() < end
                time.sleep(0.1)


def test_the_administrator_finds_a_topic_as_soon_as_it_exists(kafka: KafkaSettings) -> None:
    topics, topic = Topics(kafka), new_results_topic()
    assert not topics.exists(topic)
    topics.ensure({topic: 1})
    end = time.monotonic() + TIMEOUT
    while not topics.exists(topic):
        assert time.monotonic() < end
        time.sleep(0.1)
    topics.delete([topic])


def test_a_look_up_creates_no_topic(kafka: KafkaSettings) -> None:
    topics, topic = Topics(kafka), new_results_topic()
    assert not topics.exists(topic)
    assert not topics.exists(topic)
    assert topic not in topics.names()


def test_a_probe_of_the_broker_does_not_list_the_topics(
    kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = Topics(kafka)
    assert topics.reachable()

    class Admin:
        """Answers everything but lists of topics."""

        def __getattr__(self, name: str) -> Any:
            assert name != "list_topics"
            return getattr(real, name)

    real = topics._admin
    monkeypatch.setattr(topics, "_admin", Admin())
    assert topics.reachable()
    assert not Topics(KafkaSettings("127.0.0.1:9")).reachable(0.2)
