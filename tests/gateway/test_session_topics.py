"""A session has no topic until its first job, on a real broker and with several gateways' readers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.errors import StreamError
from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topic_logs import LogFailure, TopicUnknownError
from core.kafka.topics import SESSIONS, new_results_topic
from core.protocol import encode
from core.settings import KafkaSettings
from gateway.app import create_app
from gateway.auth.tokens import TokenError
from gateway.inbox import session_notices
from gateway.inbox.topic_readers import TopicReaders
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from testkit.replicas import FREE, SECRET, broker
from testkit.stack import wait_for
from tests.core.samples import result_event
from tests.gateway.views import client_of

SESSION_COUNT = 300


@pytest.fixture(scope="module")
def gateways(
    kafka: KafkaSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayServices, GatewayServices]]:
    env = {
        "GATEWAY_SECRET": SECRET,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_FETCH_WAIT_MAX_MS": "10",
        "KAFKA_PARTITIONS": "1",
        "CONFIG_FOLDER": str(tmp_path_factory.mktemp("documents")),
        "GATEWAY_WEBHOOKS": "off",
        **FREE,
    }
    with ExitStack() as ends:
        first, second = (GatewayServices.make(GatewaySettings.from_env(env), env) for _ in range(2))
        ends.callback(first.close)
        ends.callback(second.close)
        yield first, second


def clients_topics(topics: Topics) -> set[str]:
    return {name for name in topics.names() if name.startswith("results.")}


def test_sessions_create_no_topics(gateways: tuple[GatewayServices, GatewayServices]) -> None:
    gateway = gateways[0]
    before, client = clients_topics(gateway.topics), client_of(create_app(gateway))
    tokens = [client.post("/api/v1/sessions").get_json()["token"] for _ in range(SESSION_COUNT)]
    assert len(set(tokens)) == SESSION_COUNT
    for token in tokens[:20]:
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/api/v1/jobs", headers=headers).get_json()["jobs"] == []
        assert client.get("/api/v1/jobs/unknown", headers=headers).status_code == 404
        assert client.post("/api/v1/sessions", headers=headers).status_code == 200
        wrong = client.post("/api/v1/functions/nothing/jobs", headers=headers, json={})
        assert wrong.status_code == 404
    assert clients_topics(gateway.topics) == before


def test_the_first_job_creates_the_topic_and_other_gateways_read_it(
    gateways: tuple[GatewayServices, GatewayServices],
) -> None:
    first, second = gateways
    session, _ = first.new_session("192.0.2.1")
    elsewhere = second.inbox(session)
    elsewhere.enter()
    assert not elsewhere.followed
    inbox = first.inbox_for_job(session)
    assert inbox.followed
    assert first.inbox_for_job(session) is inbox
    assert first.topics.exists(session.topic)
    event = result_event(status="DONE", process_job_id="p", topic=session.topic)
    first.publisher.publish(session.topic, "p", encode(event))
    for reader in (inbox, elsewhere):
        entry = reader.final("p", 20)
        assert entry is not None
        assert entry.event.final
    assert second.inbox(session) is elsewhere
    elsewhere.leave()


def test_a_topic_whose_notice_was_lost_is_found(
    gateways: tuple[GatewayServices, GatewayServices], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateways[0]
    session, _ = gateway.new_session("192.0.2.1")
    inbox = gateway.inbox(session)
    inbox.enter()
    gateway.topics.ensure({session.topic: 1})
    wait_for(lambda: inbox.followed, 30)
    inbox.leave()


def test_a_topic_that_was_looked_up_in_vain_is_found_by_the_first_job(
    gateways: tuple[GatewayServices, GatewayServices],
) -> None:
    """librdkafka remembers that a topic did not exist. A new session got 401 for that."""
    for gateway in gateways:
        for _ in range(2):
            session, _token = gateway.new_session("192.0.2.1")
            with pytest.raises(StreamError):
                gateway.reader.open(session.topic)
            assert gateway.inbox_for_job(session).followed


def test_a_topic_that_is_not_known_yet_is_unavailable_and_never_gone(
    kafka: KafkaSettings, gateways: tuple[GatewayServices, GatewayServices]
) -> None:
    topic = new_results_topic()
    with pytest.raises(StreamError, match="Try again later"):
        gateways[0].reader.open(topic)


def test_an_older_topic_that_does_not_exist_is_gone(
    gateways: tuple[GatewayServices, GatewayServices],
) -> None:
    with pytest.raises(TokenError) as caught:
        gateways[0].reader.inbox(new_results_topic(time.time() - 3_600))
    assert caught.value.reason == "gone"


def test_a_session_of_a_gateway_whose_clock_is_behind_is_not_gone(
    gateways: tuple[GatewayServices, GatewayServices], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_time = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: true_time() - 3_600)
        session, token = gateways[0].new_session("192.0.2.1")
    for gateway in gateways:
        assert gateway.inbox(session).latest() == []
    assert gateways[0].inbox_for_job(session).followed
    assert gateways[1].tokens.read(token).topic == session.topic


def test_a_deleted_topic_is_noticed(
    gateways: tuple[GatewayServices, GatewayServices], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateways[0]
    session, _ = gateway.new_session("192.0.2.1")
    inbox = gateway.inbox_for_job(session)
    reader = gateway.reader._reader(session.topic)
    failure = LogFailure(session.topic, TopicUnknownError("no such topic"))
    reader._requests.put(lambda: reader._failed(failure))
    wait_for(lambda: not inbox.followed or not reader._requests.qsize())
    assert gateway.inbox(session) is inbox, "the topic exists: one broker did not know it yet"

    def unknown(*_: object) -> range:
        raise failure.error

    # Not deleted at the local broker: librdkafka crashes at its answer to the next fetch.
    monkeypatch.setattr(reader._logs, "offsets", unknown)
    reader._requests.put(lambda: reader._failed(failure))
    wait_for(lambda: inbox.closed, 60)


def test_all_gateways_agree_when_the_log_begins(tmp_path: Path) -> None:
    with broker(tmp_path) as kafka:
        Topics(kafka).ensure({SESSIONS: 1}, session_notices.CONFIG)
        publisher = Publisher(kafka)
        began = session_notices.beginning(kafka, publisher)
        assert abs(began - time.time()) < 600
        session_notices.announce(publisher, new_results_topic())
        publisher.publish(SESSIONS, "created", b"not a notice")
        assert session_notices.beginning(kafka, publisher) == began
        readers = TopicReaders(kafka, Topics(kafka), since=began)
        assert readers.inbox(new_results_topic()).latest() == []
        readers.close()
        publisher.close()
