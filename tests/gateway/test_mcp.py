"""The route `/mcp` of gateways as they run in production: sessions, replicas, limits, hostile messages."""

from __future__ import annotations

import hashlib
import itertools
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from mcp.client.streamable_http import DEFAULT_MAX_SSE_EVENT_SIZE

from core.kafka.publisher import Publisher
from core.kafka.topic_logs import LogEntry, TopicLogs
from core.kafka.topics import CANCEL
from core.protocol import JobEvent, decode, encode
from core.settings import KafkaSettings
from gateway.edge.exchange import WAITS_PER_CLIENT
from gateway.mcp.errors import VERSIONS
from gateway.mcp.schemas import WAIT_TOOL
from testkit.replicas import FREE, Replica, broker, documents, replica, topic_of
from testkit.serving import served
from testkit.slow_action import SlowAction
from testkit.waiting import until
from tests.core.samples import result_event
from tests.printed import printed

#: Seconds for one answer; not a bound, but the end of a test whose gateway is silent.
PATIENCE = 60.0
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
#: Keys of the gateway that requires a sign-in, by the names of their holders.
KEYS = {"alice": "the key of alice", "bob": "the key of bob"}

_numbers = itertools.count(1)


@dataclass
class World:
    """Two gateways with the same secret, one that requires a sign-in, their broker and the action."""

    one: Replica
    other: Replica
    signed: Replica
    action: SlowAction
    kafka: KafkaSettings


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("mcp")
    with ExitStack() as ends:
        action = ends.enter_context(served(SlowAction()))
        path = folder / "documents"
        more = ends.enter_context(documents(path, {"_id": "noop", "functionBackendUrl": action.url})) | FREE
        kafka = ends.enter_context(broker(folder))
        one, other = (
            ends.enter_context(replica(folder, kafka, path, name, **more)) for name in ("one", "other")
        )
        digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
        more |= {
            "GATEWAY_API_KEYS": ",".join(f"{name}:{digest}" for name, digest in digests.items()),
            "GATEWAY_MCP": "on",
            "GATEWAY_JOBS_PER_MINUTE": "1",
            "GATEWAY_SESSIONS_PER_MINUTE": "20",
        }
        signed = ends.enter_context(replica(folder, kafka, path, "signed", **more))
        yield World(one, other, signed, action, kafka)


def message(method: str, params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": next(_numbers), "method": method, "params": params or {}} | more


def call(tool: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return message("tools/call", {"name": tool, "arguments": arguments or {}}, **more)


INITIALIZE = {
    "protocolVersion": VERSIONS[-1],
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def send(gateway: Replica, body: Any, session: str = "", **headers: str) -> requests.Response:
    all_headers = HEADERS | ({"Mcp-Session-Id": session} if session else {})
    all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(f"{gateway.url}/mcp", data=data, headers=all_headers, timeout=PATIENCE)


def opened(gateway: Replica, **headers: str) -> str:
    """Open a session, and return its id."""
    response = send(gateway, message("initialize", INITIALIZE), **headers)
    assert response.status_code == 200, response.text
    assert answered(response)["serverInfo"]["name"] == "qwhisk"
    return response.headers["Mcp-Session-Id"]


def token_of(session: str) -> str:
    return session.rpartition("~")[0]


def answered(response: requests.Response) -> dict[str, Any]:
    """Return the result in a response's stream."""
    assert response.status_code == 200, response.text
    # Event streams are UTF-8, whatever their headers say.
    return last_of(response.content.decode())


def last_of(stream: str) -> dict[str, Any]:
    data = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: ")]
    result: dict[str, Any] = json.loads(data[-1])["result"]
    return result


def failed(response: requests.Response, status: int) -> str:
    """Return the words of an error."""
    assert response.status_code == status, response.text
    body = response.json()
    assert body["jsonrpc"] == "2.0"
    assert isinstance(body["error"]["code"], int)
    return str(body["error"]["message"])


def text_of(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


def newest_job(gateway: Replica, session: str) -> str:
    """Return the id of the session's newest job; empty if it has none."""
    headers = {"Authorization": f"Bearer {token_of(session)}"}
    listed = requests.get(f"{gateway.url}/api/v1/jobs", headers=headers, timeout=PATIENCE).json()["jobs"]
    return str(listed[0]["process_job_id"]) if listed else ""


def publish(
    kafka: KafkaSettings,
    session: str,
    job: str,
    status: str,
    answer: dict[str, Any] | None = None,
    **params: Any,
) -> None:
    topic = topic_of(token_of(session))
    event = result_event(
        status=status, process_job_id=job, topic=topic, function="noop", params=params, answer=answer
    )
    publisher = Publisher(kafka)
    try:
        publisher.publish(topic, job, encode(event))
    finally:
        publisher.close()


def cancelled_job(kafka: KafkaSettings) -> JobEvent:
    """Wait for a request for a cancellation, and return its job."""
    logs = TopicLogs(kafka)
    try:
        logs.follow({CANCEL: 0})
        found: list[JobEvent] = []

        def read() -> bool:
            entry = logs.poll(0.1)
            if isinstance(entry, LogEntry) and entry.value:
                found.append(decode(JobEvent, entry.value))
            return bool(found)

        until(read, PATIENCE)
        return found[0]
    finally:
        logs.close()


def test_a_call_is_cancelled_at_another_replica_while_its_function_is_invoked(world: World) -> None:
    session = opened(world.one)
    listed = answered(send(world.other, message("tools/list"), session))["tools"]
    assert [tool["name"] for tool in listed] == [WAIT_TOOL, "cancel-job", "noop"]
    before = len(world.action.bodies)
    world.action.release.clear()
    calling = call("noop", {"number": 1})
    with ThreadPoolExecutor(1) as workers:
        answer = workers.submit(send, world.one, calling, session)
        until(lambda: len(world.action.bodies) > before, PATIENCE)
        notice = {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": calling["id"]},
        }
        stranger = opened(world.other)
        for other in (stranger, session):
            response = send(world.other, notice, other)
            assert (response.status_code, response.text) == (202, "")
        world.action.release.set()
        job = cancelled_job(world.kafka)
        assert job.client_id == json.loads(world.action.bodies[-1])["client_id"]
        assert job.params == {"number": 1}
        publish(world.kafka, session, job.process_job_id, "CANCELLED", number=1)
        result = answered(answer.result(PATIENCE))
    assert result["isError"] is True
    assert "cancelled" in text_of(result)
    # The same message again, after a lost answer, is the same job; with other arguments it is a mistake.
    again = answered(send(world.other, calling, session))
    assert text_of(again) == text_of(result)
    assert len(world.action.bodies) == before + 1
    changed = answered(send(world.one, call("noop", {"number": 2}, id=calling["id"]), session))
    assert changed["isError"] is True
    assert "has used the id of this message for another call" in text_of(changed)


DEEP = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
WIDE = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[' + b"0," * 20_000 + b"0]}"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"{", {}, 400, "not valid JSON"),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', {}, 400, "not valid JSON"),
        (DEEP, {}, 400, "depth limit"),
        (WIDE, {}, 422, "more than 10000 values"),
        (b'"' + b"x" * 2_000_000 + b'"', {}, 413, "larger than 1 MB"),
        ([PING], {}, 422, "must be a JSON object, not an array"),
        ({"id": 1, "method": "ping"}, {}, 400, "JSON-RPC 2.0"),
        ({"jsonrpc": "2.0", "id": 1, "method": 7}, {}, 400, "JSON-RPC 2.0"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, {}, 400, "JSON-RPC 2.0"),
        (PING | {"id": True}, {}, 400, "id must be"),
        (PING | {"id": "x" * 201}, {}, 400, "id must be"),
        (PING | {"id": 10**400}, {}, 400, ""),
        (PING | {"id": [1]}, {}, 400, "id must be"),
        (call("noop", id=1) | {"params": {"name": "noop", "arguments": [1]}}, {}, 422, "arguments must be"),
        (
            PING | {"method": "tools/call", "params": {"name": "noop", "_meta": {"progressToken": {}}}},
            {},
            400,
            "progressToken must be",
        ),
        (PING, {"Content_Type": "text/plain"}, 415, "application/json"),
        (PING, {"Accept": "application/json"}, 406, "text/event-stream"),
        (PING, {"Accept": "*/*, text/event-stream; q=0"}, 406, "text/event-stream"),
        (PING | {"params": []}, {}, 400, "params must be an object"),
        (PING | {"method": "tools/call", "params": "noop"}, {}, 400, "params must be an object"),
        (PING, {f"X-{number}": "1" for number in range(100)}, 431, "100 headers"),
        (PING, {"X-Long": "x" * 20_000, "X-Longer": "x" * 12_700}, 431, "32768 bytes"),
        (PING, {"Origin": "https://elsewhere.example.org"}, 403, ""),
        (PING, {"Host": "rebound.example.org"}, 421, ""),
        (PING, {"Mcp_Session_Id": "none"}, 404, "Send `initialize` again"),
        (PING, {"Mcp_Session_Id": "a.b.c~AAAAAAAAAAAAAAAA"}, 404, "Send `initialize` again"),
        (PING, {"Mcp_Session_Id": ""}, 400, "Mcp-Session-Id is missing"),
        (PING, {"Mcp_Protocol_Version": "2026-07-28"}, 400, VERSIONS[-1]),
    ],
)
def test_hostile_messages_end_with_a_clear_error(
    world: World, body: Any, headers: dict[str, str], status: int, words: str
) -> None:
    response = send(world.one, body, opened(world.one), **headers)
    assert words in failed(response, status)
    assert requests.get(f"{world.one.url}/healthz", timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("accepted", ["application/json", "text/event-stream", "text/html"])
def test_a_message_whose_answer_is_not_accepted_has_no_effect(world: World, accepted: str) -> None:
    session, before = opened(world.one), len(world.action.bodies)
    for refused in (call("noop"), message("initialize", INITIALIZE)):
        response = send(world.one, refused, session, Accept=accepted)
        assert "Accept" in failed(response, 406)
        assert response.json()["id"] == refused["id"]
        assert "Mcp-Session-Id" not in response.headers
    assert newest_job(world.one, session) == ""
    assert len(world.action.bodies) == before


def test_what_the_edge_refuses_is_a_json_rpc_error_too(world: World) -> None:
    long = requests.post(f"{world.one.url}/mcp?{'x' * 5_000}", data=b"{}", headers=HEADERS, timeout=PATIENCE)
    assert "4000 characters" in failed(long, 414)
    elsewhere = requests.get(f"{world.one.url}/mcp/x?{'x' * 5_000}", timeout=PATIENCE)
    assert elsewhere.headers["Content-Type"] == "application/problem+json"


def test_messages_that_the_protocol_refuses_are_json_rpc_errors(world: World) -> None:
    session = opened(world.one)
    for wrong in (message("no/such"), message("tools/call", {}), message("resources/read", {"uri": 7})):
        response = send(world.one, wrong, session)
        assert response.status_code == 200
        [line] = [line for line in response.text.splitlines() if line.startswith("data: ")]
        assert json.loads(line.removeprefix("data: "))["error"]["code"] in (-32601, -32602)
    log = world.one.log.read_text()
    assert "Traceback" not in log
    assert '"mcp.' not in log, "each message is logged"


def test_a_token_alone_and_a_changed_session_id_are_no_session(world: World) -> None:
    session = opened(world.one)
    for wrong in (token_of(session), session[1:], session + "A", session.replace("~", ".")):
        failed(send(world.one, message("ping"), wrong), 404)
    assert answered(send(world.one, message("ping"), session)) == {}


def test_waits_are_limited_and_end_with_their_clients_but_jobs_continue(world: World) -> None:
    session, job = opened(world.one), "waiting"
    # The client's topic exists after its first job.
    world.action.release.set()
    with ThreadPoolExecutor(1) as workers:
        first = workers.submit(send, world.one, call("noop"), session)
        until(lambda: newest_job(world.one, session), PATIENCE)
        publish(world.kafka, session, newest_job(world.one, session), "DONE")
        assert answered(first.result(PATIENCE))["structuredContent"]["status"] == "DONE"
    publish(world.kafka, session, job, "RUNNING")
    waits = "qwhisk_gateway_waits"
    body = json.dumps(call(WAIT_TOOL, {"process_job_id": job})).encode()
    head = "\r\n".join(
        [
            "POST /mcp HTTP/1.1",
            "Host: 127.0.0.1",
            *(f"{name}: {value}" for name, value in HEADERS.items()),
            f"Mcp-Session-Id: {session}",
            f"Content-Length: {len(body)}",
            "",
            "",
        ]
    ).encode()
    with ExitStack() as ends:
        for _ in range(WAITS_PER_CLIENT):
            sock = ends.enter_context(socket.create_connection(("127.0.0.1", world.one.port), PATIENCE))
            sock.sendall(head + body)
        until(lambda: world.one.counted(waits) == WAITS_PER_CLIENT, PATIENCE)
        refused = answered(send(world.one, call(WAIT_TOOL, {"process_job_id": job}), session))
        assert refused["isError"] is True
        assert text_of(refused).startswith(f"Over {WAITS_PER_CLIENT} requests wait")
    until(lambda: world.one.counted(waits) == 0, PATIENCE)
    status = answered(send(world.one, call(WAIT_TOOL, {"process_job_id": job, "seconds": 0}), session))
    assert status["structuredContent"]["status"] == "RUNNING"


def test_numbers_of_an_answer_keep_all_their_digits_until_it_is_erased(world: World) -> None:
    session = opened(world.one)
    calling = call("noop")
    answer = {"summary": "A number.", "number": 2**127 - 1, "least": -(2**70), "text": "ψ"}
    world.action.release.set()
    with ThreadPoolExecutor(1) as workers:
        first = workers.submit(send, world.one, calling, session)
        until(lambda: newest_job(world.one, session), PATIENCE)
        job = newest_job(world.one, session)
        publish(world.kafka, session, job, "DONE", answer)
        results = [answered(first.result(PATIENCE))]
    results.append(answered(send(world.other, call(WAIT_TOOL, {"process_job_id": job}), session)))
    for result in results:
        assert result["structuredContent"]["answer"] == answer
        assert json.loads(result["content"][1]["text"])["answer"] == answer
    headers = {"Authorization": f"Bearer {token_of(session)}"}
    url = f"{world.one.url}/api/v1/jobs/{job}/data"
    assert requests.delete(url, headers=headers, timeout=PATIENCE).status_code == 204
    again = answered(send(world.one, calling, session))
    assert again["isError"] is True
    assert "a job whose data was erased. Use a new id." in text_of(again)


def test_no_event_is_larger_than_official_clients_accept(world: World) -> None:
    session = opened(world.one)
    world.action.release.set()
    with ThreadPoolExecutor(1) as workers:
        calling = workers.submit(send, world.one, call("noop"), session)
        until(lambda: newest_job(world.one, session), PATIENCE)
        publish(world.kafka, session, newest_job(world.one, session), "DONE")
        answered(calling.result(PATIENCE))
    # The quotation marks of the second are escaped.
    for job, text in (("long", "x" * 900_000), ("quoted", '"' * 300_000)):
        publish(world.kafka, session, job, "DONE", {"summary": "Large.", "text": text})
        result = answered(send(world.one, call(WAIT_TOOL, {"process_job_id": job}), session))
        response = send(world.one, message("resources/read", {"uri": f"qwhisk://jobs/{job}"}), session)
        assert len(response.content) < DEFAULT_MAX_SSE_EVENT_SIZE
        assert f"qwhisk://jobs/{job}" in text_of(result)
        if job == "long":
            [contents] = answered(response)["contents"]
            assert json.loads(contents["text"])["answer"]["text"] == text
        else:
            assert "too large for this protocol. Use the HTTP API." in response.text


def test_cancellations_of_unknown_calls_are_limited(world: World) -> None:
    session = opened(world.other)

    def cancel(number: int) -> requests.Response:
        params = {"requestId": f"unknown {number}"}
        notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
        return send(world.other, notice, session)

    # Each waits for a job of that call.
    with ThreadPoolExecutor(8) as workers:
        responses = list(workers.map(cancel, range(WAITS_PER_CLIENT + 5)))
    refused = [response for response in responses if response.status_code != 202]
    assert len(refused) == 5
    for response in refused:
        assert failed(response, 429).startswith(f"Over {WAITS_PER_CLIENT} requests wait")
    assert answered(send(world.other, message("ping"), session)) == {}


def test_a_sign_in_is_needed_for_every_message_and_sessions_belong_to_their_holders(world: World) -> None:
    gateway = world.signed
    alice, bob = ({"Authorization": f"Bearer {key}"} for key in KEYS.values())
    refused = send(gateway, message("initialize", INITIALIZE, id="mine"))
    assert "Sign in" in failed(refused, 401)
    assert (refused.json()["id"], refused.headers["WWW-Authenticate"]) == ("mine", "Bearer")
    assert "Mcp-Session-Id" not in refused.headers
    # The headers of the printed configuration, with a key.
    text = printed("docs/mcp.md", '{"mcpServers": {"qwhisk": {"type": "http", "url": "https://')
    server = json.loads(text)["mcpServers"]["qwhisk"]
    assert urlsplit(server["url"]).path == "/mcp"
    assert {k: v.replace("YOUR_KEY", KEYS["alice"]) for k, v in server["headers"].items()} == alice
    session = opened(gateway, **alice)
    assert answered(send(gateway, message("ping"), session, **alice)) == {}
    token = {"Authorization": f"Bearer {token_of(session)}"}
    assert answered(send(gateway, message("ping"), session, **token)) == {}
    stranger = opened(gateway, **bob)
    for credential in (
        {},
        bob,
        {"Authorization": f"Bearer {token_of(stranger)}"},
        {"Authorization": "Basic x"},
    ):
        assert "Sign in" in failed(send(gateway, message("ping"), session, **credential), 401)
    # The client's limit of requests for jobs is that of the HTTP API.
    known = answered(send(gateway, call("none"), session, **alice))
    assert text_of(known).startswith("There is no function 'none'")
    limited = answered(send(gateway, call("noop"), session, **alice))
    assert limited["isError"] is True
    assert text_of(limited).startswith("Over 1 jobs a minute")
    assert "key of" not in gateway.log.read_text()
    assert token_of(session) not in gateway.log.read_text()


def test_refused_messages_count_in_the_limit_of_their_address(world: World) -> None:
    statuses = [send(world.signed, message("ping"), "none").status_code for _ in range(30)]
    assert set(statuses) <= {404, 429}
    assert statuses[-1] == 429
    assert "a minute" in failed(send(world.signed, message("initialize", INITIALIZE)), 429)


def test_a_gateway_with_sign_in_has_no_mcp_server_by_default(world: World, tmp_path: Path) -> None:
    more = {"GATEWAY_API_KEYS": f"alice:{hashlib.sha256(b'x').hexdigest()}"}
    path = tmp_path / "documents"
    path.mkdir()
    with replica(tmp_path, world.kafka, path, **more) as gateway:
        words = failed(send(gateway, message("initialize", INITIALIZE), Authorization="Bearer x"), 404)
        assert "GATEWAY_MCP=on" in words


def test_a_gateway_imports_the_package_only_when_it_is_used() -> None:
    code = (
        "import gateway.__main__, sys\n"
        "heavy = {'mcp', 'mcp_types', 'starlette', 'sse_starlette', 'httpx2', 'opentelemetry'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == ("[]\n", "")
