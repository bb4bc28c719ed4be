"""Every field of every answer is of the public model, and nothing in them is secret or internal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jwt
import pytest
import requests
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka import Consumer, TopicPartition
from jsonschema import Draft7Validator, Draft202012Validator

from core.protocol import STRUCTURED, SUBPROTOCOL
from core.settings import KafkaSettings
from testkit.faults import paused
from testkit.large_job import submit_large
from testkit.listener import Listener, WebSocket
from testkit.processes import part_environment
from testkit.receiver import receiver
from testkit.schemas import closed
from testkit.stack import Client, Stack, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads a part's environment in /proc")

#: A search of a few steps: a job of several provider jobs.
LOOP: dict[str, Any] = {"terms": [["ZZ", -1.0], ["XI", -0.5]], "layers": 1, "max_steps": 3, "shots": 200}
API = "/api/v1"
#: Names of fields that no answer has at any depth, except inside of an input, an answer or a schema.
INTERNAL = {"topic", "state", "attempt", "looked_at", "callback_url", "previous_jobs", "v"}


class Answers:
    """The answers of a gateway, each validated as it arrives.

    Args:
        stack: the stack.
    """

    def __init__(self, stack: Stack) -> None:
        self.document = closed(requests.get(f"{stack.gateway}/openapi.json", timeout=20).json())
        #: The operations whose answers were seen, each with the status.
        self.seen: set[tuple[str, str, int]] = set()
        self.texts: list[str] = []

    def schema(self, method: str, path: str, status: int) -> dict[str, Any]:
        response = self.document["paths"][path][method]["responses"][str(status)]
        if "$ref" in response:
            # Errors are described once for all operations.
            response = self.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        [content] = response["content"].values()
        schema: dict[str, Any] = content["schema"]
        return schema

    def check(self, schema: dict[str, Any], value: Any) -> None:
        self.texts.append(json.dumps(value))
        Draft202012Validator(schema | {"components": self.document["components"]}).validate(value)
        for name in names(value):
            assert name not in INTERNAL, value

    def of(self, response: requests.Response, path: str, status: int) -> Any:
        """Check a response, and return its body."""
        assert response.status_code == status, response.text
        method = str(response.request.method).lower()
        self.seen.add((method, path, status))
        value = response.json()
        self.check(self.schema(method, path, status), value)
        return value

    def job(self, value: dict[str, Any]) -> None:
        self.check({"$ref": "#/components/schemas/PublicJob"}, value)
        jobs = value["provider_jobs"]
        assert [each["step"] for each in jobs] == list(range(value["step"] + 1))
        assert len({each["job_id"] for each in jobs}) == len(jobs)


def names(value: Any) -> Iterator[str]:
    """Yield the names of all fields, except those that a caller or a function has chosen."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield name
            if name not in ("params", "answer", "input_schema", "output_schema", "metadata", "counts"):
                yield from names(part)
    elif isinstance(value, list):
        for part in value:
            yield from names(part)


@pytest.fixture(scope="module")
def answers(stack: Stack) -> Answers:
    return Answers(stack)


@pytest.mark.timeout(300)
def test_every_answer_shows_the_public_form_alone(stack: Stack, answers: Answers) -> None:
    client = stack.client()
    secrets = [jwt.decode(client.token, options={"verify_signature": False})["topic"]]
    submit, job = f"{API}/functions/{{function}}/jobs", f"{API}/jobs/{{process_job_id}}"
    run = f"{API}/functions/vqe/jobs"
    with receiver(lambda *_: 204) as hooks, closing(Listener(client)) as listener:
        callback = f"http://127.0.0.1:{hooks.port}/hook?key=a-callback-secret"
        secrets += [callback, "a-callback-secret"]
        headers = {"Callback-Url": callback, "Idempotency-Key": "once"}
        url = f"{stack.api}/functions/vqe/jobs"
        accepted = answers.of(client.http.post(url, json=LOOP, headers=headers, timeout=60), run, 202)
        answers.job(accepted)
        name = accepted["process_job_id"]
        repeated = answers.of(client.http.post(url, json=LOOP, headers=headers, timeout=60), run, 202)
        answers.job(repeated)
        assert repeated["process_job_id"] == name
        final = answers.of(client.get(f"/jobs/{name}", wait=60), job, 200)
        answers.job(final)
        assert final["status"] == "DONE", final
        assert len(final["provider_jobs"]) == final["step"] + 1 > 2
        # The circuit is in the result as in the 202, with its depth before and after transpilation.
        for circuit in (accepted["circuit"], final["circuit"]):
            assert circuit["openqasm3"].startswith("OPENQASM 3.0;")
            assert 0 < circuit["depth"] < circuit["size"]
            assert circuit["transpiled_depth"] > 0 < circuit["transpiled_size"]
        assert accepted["circuit"]["qubits"] == final["circuit"]["qubits"] == 2
        # Each frame of the WebSocket, and the webhook.
        wait_for(lambda: name in listener.finals(), 60)
        assert len(listener.frames) > 3
        for frame in listener.frames:
            assert frame.keys() == {"id", "event"}
            answers.job(frame["event"])
        assert listener.events()[-1] == final
        [delivery] = wait_for(lambda: hooks.of(name), 60)
        body = json.loads(delivery.body)
        answers.check({"$ref": "#/components/schemas/Webhook"}, body)
        assert body["data"] == final
    page = answers.of(client.get("/jobs"), f"{API}/jobs", 200)
    assert page["jobs"] == [final]
    done = client.submit(60, "bell_state")
    assert answers.of(done, f"{API}/functions/bell_state/jobs", 200)["answer"]["summary"]
    cancelled = client.http.delete(f"{stack.api}/jobs/{name}", timeout=60)
    assert answers.of(cancelled, job, 202) == {"process_job_id": name, "status": "DONE"}
    with paused(stack):
        early = client.submit(0, "bell_state", backend_type="hardware", backend="fake_fez").json()
        erasure = f"{stack.api}/jobs/{early['process_job_id']}/data"
        answers.of(client.http.delete(erasure, timeout=60), f"{job}/data", 409)
    answers.of(client.get("/functions"), f"{API}/functions", 200)
    answers.of(client.get("/functions/grover"), f"{API}/functions/{{function}}", 200)
    wait_for(lambda: client.get("/backends").json()["backends"], 60)
    assert answers.of(client.get("/backends"), f"{API}/backends", 200)["backends"]
    answers.of(client.get("/webhooks/secret"), f"{API}/webhooks/secret", 200)
    answers.of(client.http.post(f"{stack.api}/sessions", timeout=60), f"{API}/sessions", 200)
    answers.of(requests.post(f"{stack.api}/sessions", timeout=60), f"{API}/sessions", 201)
    for probe in ("/healthz", "/readyz"):
        answers.of(requests.get(stack.gateway + probe, timeout=60), probe, 200)
    answers.of(client.submit(0, "vqe", layers="many"), run, 422)
    answers.of(client.submit(0, "none"), submit, 404)
    answers.of(requests.get(f"{stack.api}/jobs", timeout=60), f"{API}/jobs", 401)
    text = "\n".join(answers.texts)
    for secret in secrets:
        assert secret not in text
    described = {
        (method, path)
        for path, item in answers.document["paths"].items()
        for method in item
        if "/functions/" not in path or "{function}" in path
    }
    # Not seen here: the large result, which is seen below, and the WebSocket, whose frames were seen.
    unseen = described - {(method, path) for method, path, _ in answers.seen}
    assert unseen == {("get", f"{API}/events"), ("get", f"{job}/result")}


def cloud_event(body: bytes) -> dict[str, Any]:
    """Read a CloudEvent in structured mode with the official package; return its data."""
    data = from_structured_event(HTTPMessage({"content-type": STRUCTURED}, body)).get_data()
    assert isinstance(data, dict)
    return data


def kafka_messages(stack: Stack, topic: str, run: str) -> list[tuple[dict[str, bytes], bytes]]:
    """Return the headers and values of a topic's messages of a run, from the beginning."""
    settings = KafkaSettings.from_env(part_environment(stack, "poller"))
    consumer = Consumer(
        {"bootstrap.servers": settings.bootstrap_servers, "group.id": "unused", "enable.auto.commit": False}
    )
    found: list[tuple[dict[str, bytes], bytes]] = []
    with closing(consumer):
        for partition in consumer.list_topics(topic, timeout=30).topics[topic].partitions:
            first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            consumer.assign([TopicPartition(topic, partition, first)])
            while first < end:
                message = consumer.poll(30)
                assert message is not None, f"{topic} has a message that does not arrive"
                first = message.offset() + 1
                if message.key() == run.encode():
                    found.append((dict(message.headers() or ()), message.value()))
    return found


@pytest.mark.timeout(300)
def test_a_real_sessions_traffic_is_that_of_the_asyncapi_document(stack: Stack) -> None:
    client = stack.client()
    topic = jwt.decode(client.token, options={"verify_signature": False})["topic"]
    described = requests.get(f"{stack.gateway}/asyncapi.json", timeout=20).json()
    components = closed(described["components"])

    def check(schema: dict[str, Any], value: Any) -> None:
        Draft7Validator(closed(schema) | {"components": components}).validate(value)

    schemas, messages = components["schemas"], components["messages"]
    url = client.events_url
    with (
        receiver(lambda *_: 204) as hooks,
        closing(Listener(client)) as listener,
        closing(WebSocket.connect(url, subprotocols=[SUBPROTOCOL])) as structured,
    ):
        assert structured.subprotocol == SUBPROTOCOL
        headers = {"Callback-Url": f"http://127.0.0.1:{hooks.port}/hook", "Callback-Format": "cloudevents"}
        response = client.http.post(f"{stack.api}/functions/vqe/jobs", json=LOOP, headers=headers, timeout=60)
        assert response.status_code == 202, response.text
        name = response.json()["process_job_id"]
        wait_for(lambda: name in listener.finals(), 90)
        for frame in listener.frames:
            check(schemas["EventFrame"], frame)
            body = str(structured.receive(timeout=30)).encode()
            check(schemas["JobCloudEvent"], json.loads(body))
            assert cloud_event(body) == frame["event"]
            assert json.loads(body)["id"] == str(frame["id"])
        [delivery] = wait_for(lambda: hooks.of(name), 60)
        assert delivery.headers["Content-Type"] == STRUCTURED
        assert delivery.signed_with(client.get("/webhooks/secret").json()["secret"])
        assert cloud_event(delivery.body) == listener.events()[-1]
    published = {
        "jobs": "JobEvent",
        topic: "ResultEvent",
        "webhooks": "ResultEvent",
        "backends": "BackendList",
    }
    for address, message in published.items():
        found = kafka_messages(stack, address, "backends" if address == "backends" else name)
        assert found, address
        for raw_headers, value in found:
            check(messages[message]["payload"], json.loads(value))
            check(messages[message]["headers"], {key: each.decode() for key, each in raw_headers.items()})
            event = from_binary_event(KafkaMessage(raw_headers, name, value))
            assert event.get_data() == json.loads(value)


@pytest.mark.timeout(300)
def test_a_large_result_has_the_public_form(stack: Stack, answers: Answers) -> None:
    client: Client = stack.client()
    name = submit_large(part_environment(stack, "poller"), client, 1, 50_000)
    wait_for(lambda: client.get(f"/jobs/{name}").ok, 90)
    answers.job(client.get(f"/jobs/{name}", wait=60).json())
    answers.of(client.get(f"/jobs/{name}/result"), f"{API}/jobs/{{process_job_id}}/result", 200)


def test_a_job_of_many_bytes_is_accepted_with_its_whole_body(stack: Stack, answers: Answers) -> None:
    client = stack.client()
    program = "OPENQASM 3.0;\nqubit q;\nbit c;\nc = measure q;\n" + "// more words\n" * 7_000
    response = client.submit(0, "run_openqasm", program=program)
    accepted = answers.of(response, f"{API}/functions/run_openqasm/jobs", 202)
    assert accepted["params"]["program"] == program
    assert response.headers["Location"] == f"{API}/jobs/{accepted['process_job_id']}"
