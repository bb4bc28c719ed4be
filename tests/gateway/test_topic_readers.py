"""Several consumers share the topics of a gateway's clients, on real brokers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topics import BACKENDS, SESSIONS, new_results_topic
from core.protocol import BackendInfo, BackendList, encode
from core.settings import KafkaSettings
from gateway.inbox.topic_readers import CONSUMERS, TopicReaders
from testkit.stack import wait_for
from tests.core.samples import result_event

CLIENTS = 40


@pytest.fixture(scope="module")
def kafka(kafka: KafkaSettings) -> KafkaSettings:
    """Return the module's own broker, with the topics of all clients."""
    Topics(kafka).ensure({BACKENDS: 1, SESSIONS: 1})
    return kafka


@pytest.mark.parametrize(("wait", "consumers"), [(500, CONSUMERS), (10, 1)])
def test_each_inbox_gets_its_own(kafka: KafkaSettings, wait: int, consumers: int) -> None:
    topics = [new_results_topic() for _ in range(CLIENTS)]
    Topics(kafka).ensure(dict.fromkeys(topics, 1))
    publisher = Publisher(kafka)
    readers = TopicReaders(replace(kafka, fetch_wait_max_ms=wait), Topics(kafka))
    try:
        publisher.publish(BACKENDS, BACKENDS, encode(BackendList(backends=[backend(consumers)])))
        inboxes = {topic: readers.inbox(topic) for topic in topics}
        for number, topic in enumerate(topics):
            event = result_event(status="DONE", process_job_id=f"job-{number}", topic=topic)
            publisher.publish(topic, f"job-{number}", encode(event))
        for number, topic in enumerate(topics):
            entry = inboxes[topic].final(f"job-{number}", 30)
            assert entry is not None
            assert entry.event.topic == topic
            assert len(inboxes[topic].latest()) == 1
            assert readers.inbox(topic) is inboxes[topic]
        assert len(readers) == CLIENTS
        shares = [len(reader) for reader in readers._all]
        assert len(shares) == consumers
        # The assignment is random: one may have none, but not half of them.
        assert sum(share > 0 for share in shares) > consumers // 2
        wait_for(lambda: [listed.qubits for listed in readers.backends] == [consumers])
        assert readers.alive()
    finally:
        readers.close()
        publisher.close()
    assert all(inbox.closed for inbox in inboxes.values())
    assert not readers.alive()


def backend(qubits: int) -> BackendInfo:
    return BackendInfo(
        name="one",
        backend_type="simulator",
        qubits=qubits,
        operational=True,
        queue_length=0,
        seen_at=datetime.now(UTC),
    )
