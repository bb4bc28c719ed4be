"""Every error that an operation returns is in the OpenAPI document, and every documented one is returned."""

from __future__ import annotations

import http.client
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.errors import ActionError, InvocationError, QwhiskError, ThrottledError
from core.kafka.publisher import Publisher
from core.openwhisk.answers import _ERRORS
from core.protocol import encode
from gateway.edge.bodies import MAX_BODY
from gateway.edge.heads import MAX_HEADERS, MAX_TARGET
from gateway.edge.probes import PROBES
from gateway.function_operations import ANY_FUNCTION
from gateway.problems import _CODES, status_of
from testkit.replicas import FREE, Replica, broker, documents, replica, session_with_topic, topic_of
from testkit.stack import free_ports
from testkit.waiting import until
from tests.core.samples import result_event
from tests.gateway.test_openapi import operations

#: Seconds for one answer; not a bound, but the end of a test whose gateway is silent.
PATIENCE = 120
#: A job that has not ended.
UNFINISHED = "unfinished"

#: The errors that are not provoked here: they take time, or need parts that fail. The tests of their classes
#: are in test_problems.py and test_edge.py.
NOT_PROVOKED = {"408", "500", "503", "504"}


@dataclass
class World:
    """A gateway, and one that has no room for another connection of its address."""

    gateway: Replica
    crowded: Replica
    token: str
    document: dict[str, Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("documented")
    [closed] = free_ports(1)
    bell = {"_id": "bell", "functionBackendUrl": f"http://127.0.0.1:{closed}/bell"}
    with ExitStack() as ends:
        settings = ends.enter_context(documents(folder / "documents", bell))
        kafka = ends.enter_context(broker(folder))
        path = folder / "documents"
        gateway = ends.enter_context(replica(folder, kafka, path, **FREE, **settings))
        few = FREE | {"GATEWAY_CONNECTIONS_PER_ADDRESS": "1"}
        crowded = ends.enter_context(replica(folder, kafka, path, "crowded", **few, **settings))
        token = session_with_topic(gateway, kafka)
        publisher = Publisher(kafka)
        ends.callback(publisher.close)
        topic = topic_of(token)
        event = result_event(topic=topic, process_job_id=UNFINISHED, status="QUEUED")
        publisher.publish(topic, UNFINISHED, encode(event))
        answer = ask(gateway, "GET", "/openapi.json")
        yield World(gateway, crowded, token, json.loads(answer.body))


@dataclass
class Answer:
    """A response."""

    status: str
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    gateway: Replica,
    method: str,
    target: str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send a request as it is, which libraries would correct."""
    sent = [("Host", f"127.0.0.1:{gateway.port}"), *(headers or [])]
    names = [name for name, _ in sent]
    sent = sent[names.count("Host") - 1 :]
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in sent:
            connection.putheader(name, value)
        if body and "Content-Length" not in names:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        response = connection.getresponse()
        return Answer(str(response.status), response.headers, response.read())
    finally:
        connection.close()


def provoked(world: World, path: str, method: str) -> Iterator[Answer]:
    """Yield the answers to requests with each kind of mistake."""
    function, job = "{function}", "{process_job_id}"
    filled = path.replace(function, "bell").replace(job, UNFINISHED)
    token = ("Authorization", f"Bearer {world.token}")
    events = f"{filled}?token={world.token}"

    def send(target: str, *headers: tuple[str, str], body: bytes = b"", signed: bool = True) -> Answer:
        return ask(world.gateway, method, target, [*([token] if signed else []), *headers], body)

    yield send(filled, body=b"{}" if method == "POST" else b"")
    yield send(filled, signed=False)
    yield send(filled, ("Authorization", "Bearer wrong"), signed=False)
    yield send(events)
    yield send(filled, ("Content-Length", "2"), ("Transfer-Encoding", "chunked"))
    yield send(filled, ("Origin", "https://elsewhere.example"))
    yield send(filled, ("Host", "elsewhere.example"))
    yield send(f"{filled}?x={'x' * MAX_TARGET}")
    yield send(filled, *[(f"X-{number}", "x") for number in range(MAX_HEADERS)])
    yield send(filled, body=b"{")
    yield send(filled, body=b"[]")
    if path not in PROBES:
        # A probe is answered, and its connection closed, without its body.
        yield send(filled, body=b" " * (MAX_BODY + 1))
    yield send(f"{filled}?wait=soon&limit=none")
    yield send(path.replace(function, "nothing").replace(job, "nothing"))
    yield send(path.replace(function, "a%2Fb").replace(job, "a%2Fb"))
    occupied = http.client.HTTPConnection("127.0.0.1", world.crowded.port, timeout=PATIENCE)
    try:
        # The gateway may not have seen the end of the connection before.
        until(lambda: _is_answered(occupied), PATIENCE)
        refused: list[Answer] = []

        def is_refused() -> bool:
            # The gateway closes the connection at once. What is sent then may cost the client the answer.
            with suppress(OSError, http.client.HTTPException):
                refused.append(ask(world.crowded, method, filled, [token]))
            return bool(refused)

        until(is_refused, PATIENCE)
        yield refused[0]
    finally:
        occupied.close()


def _is_answered(connection: http.client.HTTPConnection) -> bool:
    """Return whether the gateway has room for a connection, which is kept then."""
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return False
    return answer.status == 200


def test_each_operation_documents_the_errors_that_it_returns_and_no_others(world: World) -> None:
    schema = world.document["components"]["schemas"]["Problem"]
    problem = Draft202012Validator(schema | {"components": world.document["components"]})
    every = operations(world.document)
    assert len(every) == len(operations_of(world))
    missing, unused = defaultdict(set), {}
    for name, operation in every.items():
        method, _, path = name.partition(" ")
        method = method.upper()
        documented, seen = operation["responses"], set()
        assert "default" in documented
        for answer in provoked(world, path, method):
            seen.add(answer.status)
            if answer.status not in documented:
                missing[name].add(answer.status)
            elif int(answer.status) >= 400:
                response = documented[answer.status]
                described = world.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
                assert list(described["content"]) == [answer.headers.get_content_type()], (name, answer)
                problem.validate(json.loads(answer.body))
                assert [each for each in described.get("headers", {}) if each not in answer.headers] == []
        rest = {each for each in documented if each > "400" and each != "default"}
        unused[name] = rest - seen - NOT_PROVOKED - _exceptions(name)
    assert missing == {}
    assert {name: rest for name, rest in unused.items() if rest} == {}


def operations_of(world: World) -> list[str]:
    """Return what the test walks over, so that none is left out."""
    return [method for item in world.document["paths"].values() for method in item if method != "parameters"]


def _exceptions(operation: str) -> set[str]:
    """Return the errors of one operation that are not provoked here."""
    bell = ANY_FUNCTION.replace("{function}", "bell")
    return {
        # In progress at the same time: tests/gateway/test_idempotency.py. The document is followed when the
        # function disappears: tests/gateway/test_live_functions.py.
        f"post {ANY_FUNCTION}": {"409"},
        f"post {bell}": {"409", "404"},
    }.get(operation, set())


def _classes(base: type[QwhiskError]) -> Iterator[type[QwhiskError]]:
    for each in base.__subclasses__():
        yield each
        yield from _classes(each)


def test_every_error_class_has_a_documented_status(world: World) -> None:
    documented = world.document["paths"][ANY_FUNCTION]["post"]["responses"]
    statuses = {str(status_of(each.__new__(each))) for each in _classes(QwhiskError) if each not in _MADE}
    statuses |= {str(status) for status in _CODES.values()} | {str(status) for status, _ in _ERRORS.values()}
    assert statuses - documented.keys() == set()
    assert len(statuses) > 8


#: Classes whose status is given to each error.
_MADE = (ActionError, InvocationError, ThrottledError)
