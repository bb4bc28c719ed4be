"""The erasure of a job's data: at every replica and after a restart it is gone, on a real broker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from jsonschema import Draft7Validator
from werkzeug.test import Client

from core.erasure import Erasure, erasure_of
from core.errors import StreamError
from core.kafka.topic_logs import LogEntry, TopicLogs
from core.kafka.topics import CANCEL
from core.large_results import name_of
from core.protocol import JobEvent, decode, encode
from core.settings import KafkaSettings
from gateway.app import create_app
from gateway.asyncapi import document
from gateway.auth.tokens import ClientSession
from gateway.idempotency import process_job_id
from gateway.inbox.erasures import erasure_notice
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings
from testkit.replicas import FREE, SECRET
from testkit.stack import wait_for
from tests.core.samples import raw_document, result_event
from tests.gateway.views import client_of

SECRET_TEXT = "the input that must not be found again"
PREVIOUS = "the secret before it, of at least 32 characters"


@pytest.fixture(scope="module")
def start(
    kafka: KafkaSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., GatewayServices]]:
    """Starts a gateway; all share their store of large results."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "documents").mkdir()
    document = raw_document(functionBackendUrl="http://127.0.0.1:1/api/v1/namespaces/_/actions/a/b")
    (folder / "documents" / "document.json").write_text(json.dumps(document))
    env = {
        "GATEWAY_SECRET": SECRET,
        "GATEWAY_PREVIOUS_SECRET": PREVIOUS,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_FETCH_WAIT_MAX_MS": "10",
        "KAFKA_PARTITIONS": "1",
        "CONFIG_FOLDER": str(folder / "documents"),
        "RESULTS_FOLDER": str(folder / "large"),
        "GATEWAY_WEBHOOKS": "off",
        **FREE,
    }
    with ExitStack() as ends:

        def started(**more: str) -> GatewayServices:
            made = GatewayServices.make(GatewaySettings.from_env(env | more), env | more)
            ends.callback(made.close)
            return made

        yield started


@pytest.fixture(scope="module")
def gateways(start: Callable[..., GatewayServices]) -> tuple[GatewayServices, GatewayServices]:
    return start(), start()


class Session:
    """A client's session, used at any gateway."""

    def __init__(self, gateway: GatewayServices) -> None:
        self.session, self.token = gateway.new_session("192.0.2.1")
        gateway.inbox_for_job(self.session)
        self._publisher = gateway.publisher

    def publish(self, job: str, *statuses: str) -> None:
        for status in statuses:
            event = result_event(
                status=status,
                process_job_id=job,
                topic=self.session.topic,
                client_id=self.session.client_id,
                params={"text": SECRET_TEXT},
            )
            self._publisher.publish(self.session.topic, job, encode(event))

    def at(self, gateway: GatewayServices) -> Calls:
        return Calls(client_of(create_app(gateway)), self.token)


class Calls:
    """Requests to one gateway."""

    def __init__(self, client: Client, token: str) -> None:
        self._client, self._headers = client, {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, **more: Any) -> Any:
        headers = self._headers | more.pop("headers", {})
        return self._client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    def erase(self, job: str) -> int:
        return int(self("DELETE", f"/jobs/{job}/data").status_code)

    def listed(self) -> list[str]:
        return [each["process_job_id"] for each in self("GET", "/jobs").get_json()["jobs"]]


def requests_to_pollers(kafka: KafkaSettings) -> list[JobEvent]:
    """Return all messages of the topic of cancellation requests."""
    logs = TopicLogs(kafka)
    try:
        offsets = logs.offsets(CANCEL, 20)
        logs.follow({CANCEL: offsets.start})
        entries: list[LogEntry] = []

        def all_read() -> bool:
            entry = logs.poll(0.1)
            entries.extend([entry] if isinstance(entry, LogEntry) else [])
            return len(entries) >= len(offsets)

        wait_for(all_read, 60)
        return [decode(JobEvent, entry.value) for entry in entries]
    finally:
        logs.close()


def test_an_erased_job_is_gone_at_every_replica_and_after_a_restart(
    kafka: KafkaSettings,
    gateways: tuple[GatewayServices, GatewayServices],
    start: Callable[..., GatewayServices],
) -> None:
    first, second = gateways
    client = Session(first)
    here, there = client.at(first), client.at(second)
    client.publish("erased", "QUEUED", "DONE")
    client.publish("kept", "QUEUED", "DONE")
    assert first.large_results is not None
    mine, other = (name_of(client.session.topic, job) for job in ("erased", "kept"))
    for name in (mine, other):
        first.large_results.put(name, b'{"result":null}')
    wait_for(lambda: sorted(here.listed()) == sorted(there.listed()) == ["erased", "kept"], 60)

    assert here.erase("erased") == 204
    assert here.listed() == ["kept"]
    assert here("GET", "/jobs/erased").status_code == 404
    assert here("GET", "/jobs/erased/result").status_code == 404
    assert here("DELETE", "/jobs/erased").status_code == 404
    assert here("GET", "/jobs/kept/result").status_code == 200
    wait_for(lambda: there.listed() == ["kept"], 60)
    assert there("GET", "/jobs/erased").status_code == 404
    assert (here.erase("erased"), there.erase("erased")) == (204, 204), "an erasure can be repeated"
    with pytest.raises(Exception, match="no longer stored"):
        first.large_results.get(mine)

    # A poller that has crashed publishes the end again.
    client.publish("erased", "RUNNING", "DONE")
    client.publish("kept-too", "QUEUED")
    wait_for(lambda: "kept-too" in here.listed() and "kept-too" in there.listed(), 60)
    restarted = client.at(start())
    for calls in (here, there, restarted):
        assert sorted(calls.listed()) == ["kept", "kept-too"]
        assert calls("GET", "/jobs/erased").status_code == 404
        assert calls.erase("erased") == 204
    for gateway in (first, second):
        inbox = gateway.inbox(client.session)
        assert all(entry.event.process_job_id != "erased" for entry in inbox.since(-1))

    [request] = [event for event in requests_to_pollers(kafka) if event.process_job_id == "erased"]
    assert (erasure_of(request.job_id), request.params) == (Erasure("d1abc"), {})


def test_every_message_of_an_erasure_is_in_the_asyncapi_document(
    gateways: tuple[GatewayServices, GatewayServices], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateways[0]
    client = Session(gateway)
    calls = client.at(gateway)
    client.publish("described", "QUEUED", "DONE")
    client.publish("running", "QUEUED")
    wait_for(lambda: sorted(calls.listed()) == ["described", "running"], 60)
    sent: list[tuple[str, bytes, dict[str, bytes]]] = []
    publish = gateway.publisher.publish

    def record(topic: str, key: str, value: bytes, headers: Any = None) -> None:
        sent.append((topic, value, dict(headers or {})))
        publish(topic, key, value, headers)

    monkeypatch.setattr(gateway.publisher, "publish", record)
    assert calls.erase("described") == 204
    assert calls("DELETE", "/jobs/running").status_code == 202
    (_, erasure, erasure_headers), (_, notice, _), (_, cancellation, cancellation_headers) = sent
    assert [topic for topic, _, _ in sent] == [CANCEL, client.session.topic, CANCEL]
    described = document()
    assert "ErasureNotice" in described["channels"]["results.client"]["messages"]
    messages = described["components"]["messages"]

    def check(schema: dict[str, Any], value: Any) -> None:
        Draft7Validator(schema | {"components": described["components"]}).validate(value)

    check(messages["ErasureNotice"]["payload"], json.loads(notice))
    types = []
    for value, headers in ((erasure, erasure_headers), (cancellation, cancellation_headers)):
        check(messages["JobEvent"]["payload"], json.loads(value))
        check(messages["JobEvent"]["headers"], {name: text.decode() for name, text in headers.items()})
        types.append(from_binary_event(KafkaMessage(headers, "described", value)).get_type())
    assert types == ["qwhisk.job.erasure_requested", "qwhisk.job.cancellation_requested"]


def test_only_the_owner_erases_and_only_what_has_ended(
    kafka: KafkaSettings, gateways: tuple[GatewayServices, GatewayServices]
) -> None:
    owner, other = Session(gateways[0]), Session(gateways[0])
    mine, theirs = owner.at(gateways[0]), other.at(gateways[0])
    owner.publish("running", "QUEUED", "RUNNING")
    wait_for(lambda: mine.listed() == ["running"], 60)
    refused = mine("DELETE", "/jobs/running/data")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "job_not_ended")
    assert "Cancel it" in refused.get_json()["detail"]
    assert theirs.erase("running") == 404
    assert theirs("DELETE", "/jobs/running/data").get_json() == theirs("DELETE", "/jobs/none/data").get_json()
    for strange in ("none", "a%20b", "x" * 300, "..", "%0d%0a"):
        assert mine.erase(strange) == 404, strange
    assert mine.listed() == ["running"]
    owner.publish("running", "CANCELLED")
    wait_for(lambda: mine("GET", "/jobs/running").get_json()["status"] == "CANCELLED", 60)
    assert theirs.erase("running") == 404
    assert mine.erase("running") == 204
    assert [e for e in requests_to_pollers(kafka) if e.topic == other.session.topic] == []


def test_an_erasure_that_fails_erases_nothing_visible_and_can_be_repeated(
    gateways: tuple[GatewayServices, GatewayServices], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateways[0]
    client = Session(gateway)
    calls = client.at(gateway)
    client.publish("job", "DONE")
    wait_for(lambda: calls.listed() == ["job"], 60)
    publish = gateway.publisher.publish

    def fails(topic: str, key: str, value: bytes, headers: Any = None) -> None:
        if topic == client.session.topic:
            raise StreamError("Kafka did not acknowledge.")
        publish(topic, key, value, headers)

    with monkeypatch.context() as patch:
        patch.setattr(gateway.publisher, "publish", fails)
        assert calls.erase("job") == 503
    assert calls.listed() == ["job"], "a client must see that it is not erased"
    assert (calls.erase("job"), calls.listed()) == (204, [])


def test_a_store_that_cannot_delete_is_reported(
    gateways: tuple[GatewayServices, GatewayServices], tmp_path: Path
) -> None:
    gateway = gateways[0]
    client = Session(gateway)
    calls = client.at(gateway)
    client.publish("job", "DONE")
    wait_for(lambda: calls.listed() == ["job"], 60)
    with in_the_way(gateway, client.session):
        assert calls.erase("job") == 503
        assert calls.listed() == ["job"]
    assert calls.erase("job") == 204


@contextmanager
def in_the_way(gateway: GatewayServices, session: ClientSession) -> Iterator[None]:
    """A folder where the large result of `job` would be: it cannot be deleted as a file."""
    path: Path = gateway.large_results._path / name_of(session.topic, "job")  # type: ignore[union-attr]
    path.mkdir(parents=True)
    try:
        yield
    finally:
        path.rmdir()


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS])
def test_the_key_of_an_erased_job_is_not_used_again(
    gateways: tuple[GatewayServices, GatewayServices], secret: str
) -> None:
    """A job with the same id would be hidden by the erasure, and its function might find the old one.

    The session may have been renewed since, with a new secret.
    """
    gateway = gateways[0]
    client = Session(gateway)
    job = process_job_id(secret, client.session, "the-key")
    gateway.publisher.publish(client.session.topic, job, erasure_notice(job))
    wait_for(lambda: gateway.inbox(client.session).is_erased(job), 60)
    answer = client.at(gateway)(
        "POST",
        "/functions/smile_super_position/jobs",
        headers={"Idempotency-Key": "the-key"},
        json={"emoticon_1": ":)", "emoticon_2": ":("},
    )
    assert answer.status_code == 422, answer.get_json()
    assert "erased" in answer.get_json()["detail"]
