"""Every message on every topic is one of those that the AsyncAPI document defines, and each of these is seen.

tests/end_to_end/test_public_form.py holds the traffic of a job against the document. Here are the messages
that it does not cause: of sessions, erasures, pooled jobs and dead letters.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from confluent_kafka import Consumer, KafkaError, TopicPartition
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from core.kafka.admin import Topics
from core.kafka.consumers import consumer_config
from core.kafka.publisher import Publisher
from core.kafka.topics import BACKENDS, CANCEL, DEAD, JOBS, POOL, POOLS, SESSIONS, WAITS
from core.protocol import binary_headers, encode
from core.settings import KafkaSettings
from gateway.asyncapi import document
from testkit.replicas import FREE, broker, documents, process, replica, session, topic_of
from testkit.schemas import closed
from testkit.serving import served
from testkit.slow_action import SlowAction
from testkit.stack import free_ports
from testkit.waiting import until
from tests.core.samples import job, result_event, wire
from tests.poller.pooling.test_pooler import submission
from tests.poller.pooling.world import World
from tools import dead_letters

DOCUMENT = document()
COMPONENTS = closed(DOCUMENT["components"])
PATIENCE = 60
#: Messages that are no topic's: frames of the WebSocket.
FRAMES = {"EventFrame", "JobCloudEvent"}
#: Messages that only the test of the module's docstring sees.
ELSEWHERE = {"BackendList"}


@dataclass
class Sent:
    """A message of a topic."""

    topic: str
    headers: dict[str, str]
    value: bytes


def read(kafka: KafkaSettings, topic: str) -> Iterator[Sent]:
    """Yield the messages of a topic's first partition, from the beginning to the end."""
    consumer = Consumer(consumer_config(kafka) | {"group.id": "unused", "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        while True:
            message = consumer.poll(PATIENCE)
            assert message is not None, f"the broker does not deliver {topic}"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                return
            headers = {name: value.decode() for name, value in message.headers() or ()}
            yield Sent(topic, headers, message.value() or b"")
    finally:
        consumer.close()


def check(schema: dict[str, Any], value: Any) -> None:
    Draft7Validator(closed(schema) | {"components": COMPONENTS}).validate(value)


def fits(name: str, sent: Sent) -> bool:
    """Return whether a message is the one that the document defines under this name."""
    described = COMPONENTS["messages"][name]
    try:
        check(described.get("headers", {"type": "object", "maxProperties": 0}), sent.headers)
        if described["contentType"] == "application/json":
            check(described["payload"], json.loads(sent.value))
    except (ValidationError, ValueError):
        return False
    return True


def name_of(sent: Sent) -> str:
    """Return the name of the one definition that a message fits, among those of its topic."""
    channel = "results.client" if sent.topic.startswith("results.") else sent.topic
    names: list[str] = [name for name in DOCUMENT["channels"][channel]["messages"] if fits(name, sent)]
    assert len(names) == 1, f"{sent} is {names}"
    return names[0]


def pooled() -> Iterator[Sent]:
    """Yield what actions and a pooler publish about jobs that share a provider job, one of which is bad."""
    world = World()
    world.account.poison = {4}
    first = submission("first", 1)
    world.add(first)
    world.step()
    # They wait while the first one's job is pending.
    others = [submission("a", 1, 2), submission("b", 3, client="other"), submission("c", 4)]
    world.add(*others)
    world.step(1.0)
    for _ in range(6):
        world.step(60.0)
        world.end_jobs()
    yield from (Sent(POOL, {}, encode(participant)) for participant in (first, *others))
    for (topic, _, value), headers in zip(world.publisher.sent, world.publisher.headers, strict=True):
        yield Sent(topic, {name: each.decode() for name, each in headers.items()}, value)


def test_messages_of_pooled_jobs_are_described() -> None:
    seen = [(sent.topic, name_of(sent)) for sent in pooled()]
    assert {(POOL, "PoolSubmission"), (POOLS, "PoolRecord"), (JOBS, "JobEvent")} <= set(seen)
    results = [json.loads(sent.value) for sent in pooled() if sent.topic.startswith("results.")]
    assert {"POOLED", "QUEUED", "ERROR"} <= {each["status"] for each in results}
    states = [json.loads(sent.value)["state"] for sent in pooled() if sent.topic == POOLS]
    assert {"composed", "submitted", "ended"} <= set(states)


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[dict[str, list[Sent]]]:
    """The messages of all topics after a client's session, its jobs, and dead letters."""
    path, [port] = tmp_path / "documents", free_ports(1)
    with ExitStack() as ends:
        action = ends.enter_context(served(SlowAction()))
        more = ends.enter_context(documents(path, {"_id": "noop", "functionBackendUrl": action.url}))
        kafka = ends.enter_context(broker(tmp_path))
        gateway = ends.enter_context(replica(tmp_path, kafka, path, **FREE, **more))
        env = {
            "SIMULATOR_URL": "http://127.0.0.1:1",
            "SIMULATOR_API_KEY": "k",
            "POLLER_PORT": str(port),
            "CONFIG_FOLDER": str(path),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_PARTITIONS": "1",
        }
        url = f"http://127.0.0.1:{port}/healthz"
        ends.enter_context(process([sys.executable, "-m", "poller"], env, tmp_path / "poller.log", url))
        publisher = Publisher(kafka)
        ends.callback(publisher.close)
        token = session(gateway)
        topic = topic_of(token)
        client = requests.Session()
        ends.callback(client.close)
        client.headers["Authorization"] = f"Bearer {token}"
        api = f"{gateway.url}/api/v1"

        # A job, which is cancelled, ends, and whose data is erased. The session is renewed.
        answer = client.post(f"{api}/functions/noop/jobs", json={}, timeout=PATIENCE)
        made = answer.json()["process_job_id"]
        assert client.delete(f"{api}/jobs/{made}", timeout=PATIENCE).status_code == 202
        ended = result_event(status="DONE", process_job_id=made, topic=topic)
        data = encode(ended)
        publisher.publish(topic, made, data, binary_headers(ended, data))
        until(lambda: client.get(f"{api}/jobs/{made}", timeout=PATIENCE).json()["status"] == "DONE", PATIENCE)
        assert client.delete(f"{api}/jobs/{made}/data", timeout=PATIENCE).status_code == 204
        assert client.post(f"{api}/sessions", timeout=PATIENCE).status_code == 200

        # A message that no poller can read, and one that an operator replays.
        publisher.publish(JOBS, "unreadable", b"no event", {})
        until(lambda: any(sent.value == b"no event" for sent in read(kafka, DEAD)), PATIENCE)
        publisher.publish(DEAD, "process-1", wire(), {"reason": b"v: wrong", "topic": CANCEL.encode()})
        settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
        assert dead_letters.main(["drop", "0", "--yes"], settings) == 0
        assert dead_letters.main(["replay", "1", "--yes"], settings) == 0
        until(
            lambda: "dead-letter" in [name for sent in read(kafka, CANCEL) for name in sent.headers], PATIENCE
        )
        names = [name for name in Topics(kafka).names() if not name.startswith("__")]
        yield {name: list(read(kafka, name)) for name in names}


def test_every_message_on_every_topic_is_described(traffic: dict[str, list[Sent]]) -> None:
    # What makes a dead letter is no message of its topic.
    unreadable = [sent for sent in traffic[JOBS] if sent.value == b"no event"]
    assert len(unreadable) == 1
    sent = [each for messages in traffic.values() for each in messages if each not in unreadable]
    seen = {name_of(each) for each in sent}
    pooling = {name_of(each) for each in pooled()}
    assert seen | pooling == DOCUMENT["components"]["messages"].keys() - FRAMES - ELSEWHERE
    letters = [name_of(each) for each in traffic[DEAD]]
    assert sorted(letters) == ["LetterRecord", "LetterRecord", "Unreadable", "Unreadable"]
    assert {name_of(each) for each in traffic[CANCEL]} == {"JobEvent", "ReplayedJobEvent"}
    assert {name_of(each) for each in traffic[SESSIONS]} == {"SessionNotice"}
    [client] = [name for name in traffic if name.startswith("results.")]
    assert {name_of(each) for each in traffic[client]} == {"ResultEvent", "ErasureNotice", "SessionRenewal"}


def test_a_message_of_another_topic_is_not_described() -> None:
    event = job()
    data = encode(event)
    headers = {name: value.decode() for name, value in binary_headers(event, data, None).items()}
    assert name_of(Sent(JOBS, headers, data)) == "JobEvent"
    for topic in (*WAITS.values(), JOBS):
        assert not fits("JobEvent", Sent(topic, {}, data))
    for topic in (POOL, POOLS, BACKENDS, SESSIONS):
        assert not any(
            fits(name, Sent(topic, headers, data)) for name in DOCUMENT["channels"][topic]["messages"]
        )
