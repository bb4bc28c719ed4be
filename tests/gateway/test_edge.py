"""The server at the edge: slow clients, malformed requests, waits, slow functions, limits of addresses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from core.errors import SettingsError
from core.kafka.publisher import Publisher
from core.large_results import name_of
from core.protocol import encode
from core.settings import KafkaSettings
from gateway.edge.exchange import WAITS_PER_CLIENT
from gateway.edge.heads import MAX_HEAD, MAX_TARGET, wsgi_headers
from gateway.edge.server import listen
from gateway.edge.views import VIEW_THREADS
from gateway.settings import GatewaySettings
from gateway.unread import MAX_UNREAD_OF_CLIENT
from testkit.replicas import FREE, Replica, broker, documents, replica, session, session_with_topic, topic_of
from testkit.serving import served
from testkit.slow_action import SlowAction
from testkit.stack import free_ports
from testkit.websocket import WebSocket, handshake
from tests.core.samples import result_event
from tests.gateway.test_settings import ENV

#: Functions that this gateway invokes at the same time, and connections of each address.
THREADS, CONNECTIONS = 4, 250
#: Seconds for one answer; not a bound, but the end of a test whose gateway is silent.
PATIENCE = 60.0

GOOD = b'{"emoticon_1":":)"}'
JOBS = "/api/v1/functions/noop/jobs"


@dataclass
class World:
    """A gateway, its broker and the action that it invokes."""

    gateway: Replica
    action: SlowAction
    kafka: KafkaSettings
    path: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("edge")
    with ExitStack() as ends:
        action = ends.enter_context(served(SlowAction()))
        path = folder / "documents"
        settings = ends.enter_context(documents(path, {"_id": "noop", "functionBackendUrl": action.url}))
        kafka = ends.enter_context(broker(folder))
        settings |= FREE | {
            "GATEWAY_THREADS": str(THREADS),
            "GATEWAY_CONNECTIONS_PER_ADDRESS": str(CONNECTIONS),
        }
        yield World(ends.enter_context(replica(folder, kafka, path, **settings)), action, kafka, path)


@pytest.fixture
def publisher(world: World) -> Iterator[Publisher]:
    made = Publisher(world.kafka)
    yield made
    made.close()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    yield opened
    for sock in opened:
        sock.close()


def connect(gateway: Replica, sockets: list[socket.socket], source: str = "127.0.0.1") -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", gateway.port), PATIENCE, (source, 0))
    sockets.append(sock)
    return sock


def head(method: str, path: str, *headers: str, token: str = "", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode()


def answer(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One response: its status, its headers and its body."""
    with sock.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, stream.read(int(headers.get("content-length", 0)))


def ended(sock: socket.socket) -> bool:
    """Wait until the server has closed the connection."""
    with suppress(ConnectionError):
        while sock.recv(65_536):
            pass
    return True


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the condition is not met in time"
        time.sleep(0.02)


def _closing(listener: WebSocket) -> str:
    """Listen until the connection is closed, and return how."""
    while True:
        try:
            listener.texts()
        except ConnectionError as error:
            return str(error)


def healthy(gateway: Replica) -> bool:
    return requests.get(f"{gateway.url}/healthz", timeout=PATIENCE).status_code == 200


def test_slow_clients_are_disconnected_and_others_answered(
    world: World, sockets: list[socket.socket]
) -> None:
    silent = [connect(world.gateway, sockets, "127.0.0.2") for _ in range(50)]
    dribbling = [connect(world.gateway, sockets, "127.0.0.2") for _ in range(50)]
    # The response is sent before the body, which never comes to its end.
    unread = connect(world.gateway, sockets, "127.0.0.2")
    unread.sendall(head("POST", "/api/v1/jobs", "Content-Length: 2000000", "Expect: 100-continue"))
    pending = set(dribbling)
    end = time.monotonic() + PATIENCE
    while pending:
        assert time.monotonic() < end, "a connection with an incomplete head stays open"
        for sock in list(pending):
            try:
                sock.sendall(b"G")
            except OSError:
                pending.discard(sock)
        assert healthy(world.gateway)
        time.sleep(0.5)
    assert all(ended(sock) for sock in [*silent, unread])


def test_waits_are_limited_answered_and_ended_with_their_clients(
    world: World, publisher: Publisher, sockets: list[socket.socket]
) -> None:
    gateway = world.gateway
    token = session_with_topic(gateway, world.kafka)
    topic = topic_of(token)

    def publish(job: str, status: str) -> None:
        publisher.publish(topic, job, encode(result_event(status=status, process_job_id=job, topic=topic)))

    def wait_for(job: str) -> socket.socket:
        sock = connect(gateway, sockets, "127.0.0.3")
        sock.sendall(head("GET", f"/api/v1/jobs/{job}?wait=60", token=token))
        return sock

    publish("one", "RUNNING")
    publish("other", "RUNNING")
    waiting = [wait_for("one") for _ in range(WAITS_PER_CLIENT // 2)]
    abandoned = [wait_for("other") for _ in range(WAITS_PER_CLIENT // 2)]
    until(lambda: gateway.counted("qwhisk_gateway_waits") == WAITS_PER_CLIENT)
    status, headers, body = answer(wait_for("one"))
    assert (status, json.loads(body)["code"]) == (429, "too_many_requests")
    assert int(headers["retry-after"]) >= 1
    assert healthy(gateway)
    for sock in abandoned:
        sock.close()
    until(lambda: gateway.counted("qwhisk_gateway_waits") == len(waiting))
    # Another client's final event of the same name is not theirs.
    stranger = session_with_topic(gateway, world.kafka)
    requests.get(f"{gateway.url}/api/v1/jobs", headers={"Authorization": f"Bearer {stranger}"}, timeout=60)
    theirs = topic_of(stranger)
    publisher.publish(theirs, "one", encode(result_event(status="DONE", process_job_id="one", topic=theirs)))
    assert gateway.counted("qwhisk_gateway_waits") == len(waiting)
    publish("one", "DONE")
    answers = [answer(sock) for sock in waiting]
    assert {status for status, _, _ in answers} == {200}
    assert {json.loads(body)["status"] for _, _, body in answers} == {"DONE"}
    until(lambda: gateway.counted("qwhisk_gateway_waits") == 0)
    status, _, body = answer(wait_for("one"))
    assert (status, json.loads(body)["status"]) == (200, "DONE")
    # The metrics count the response that was sent, and the requests that were abandoned.
    route = 'qwhisk_gateway_requests_total{method="GET",route="/api/v1/jobs/<process_job_id>"'
    assert gateway.counted(f'{route},status="499"') == len(abandoned)
    assert gateway.counted(f'{route},status="200"') == len(waiting) + 1


@dataclass
class Reader:
    """A client with jobs whose events are large."""

    gateway: Replica
    token: str
    opened: list[socket.socket]

    def get(self, path: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.get(f"{self.gateway.url}/api/v1{path}", headers=headers, timeout=PATIENCE)

    def unread(self, path: str) -> socket.socket:
        """Request something without reading it. The kernel keeps only a small part of it for this client."""
        sock = socket.socket()
        self.opened.append(sock)
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        sock.connect(("127.0.0.1", self.gateway.port))
        sock.sendall(head("GET", f"/api/v1{path}", token=self.token))
        return sock

    def use_up(self, path: str) -> list[socket.socket]:
        """Request something without reading it until the client's bytes are used up."""
        size = len(self.get(path).content)
        unread = [self.unread(path) for _ in range(MAX_UNREAD_OF_CLIENT // size)]
        for sock in unread:
            sock.recv(1, socket.MSG_PEEK)
        return unread


@pytest.fixture
def reader(world: World, publisher: Publisher, sockets: list[socket.socket]) -> Reader:
    token = session_with_topic(world.gateway, world.kafka)
    topic = topic_of(token)
    for number in range(3):
        event = result_event(process_job_id=f"p{number}", topic=topic, params={"text": "x" * 300_000})
        publisher.publish(topic, f"p{number}", encode(event))
    made = Reader(world.gateway, token, sockets)
    until(lambda: len(made.get("/jobs").json()["jobs"]) == 3)
    return made


@pytest.mark.parametrize("path", ["/jobs", "/jobs/p1", "/jobs/p1?wait=0.1"])
def test_large_responses_count_as_unread_until_their_client_has_received_them_or_left(
    reader: Reader, path: str
) -> None:
    pages = reader.use_up(path)
    assert reader.get(path).status_code == 429
    assert reader.get(path).headers["Content-Type"] == "application/problem+json"
    # Tabs that read are answered as soon as there is room for them.
    expected = 3 if path == "/jobs" else 1
    for page in pages:
        status, _, body = answer(page)
        assert status == 200
        assert len(json.loads(body).get("jobs", [None])) == expected
    until(lambda: reader.get(path).status_code == 200)
    for page in reader.use_up(path):
        page.recv(1)
        page.close()
    until(lambda: reader.get(path).status_code == 200)


def test_a_wait_that_is_over_answers_with_what_there_is(world: World) -> None:
    token = session(world.gateway)
    headers = {"Authorization": f"Bearer {token}"}
    submitted = requests.post(f"{world.gateway.url}{JOBS}?wait=0.05", data=GOOD, headers=headers, timeout=60)
    assert (submitted.status_code, submitted.json()["status"]) == (202, "QUEUED")
    job = submitted.headers["Location"]
    seen = requests.get(f"{world.gateway.url}{job}?wait=0.05", headers=headers, timeout=60)
    assert (seen.status_code, seen.json()["status"]) == (200, "QUEUED")


def is_answered(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        sock.settimeout(PATIENCE)


def test_requests_for_events_that_are_not_there_yet_block_no_other_route(
    world: World, sockets: list[socket.socket]
) -> None:
    """A client may request an event before its replica has it. If the event never comes, no thread waits."""
    gateway, token = world.gateway, session_with_topic(world.gateway, world.kafka)
    headers = {"Authorization": f"Bearer {token}"}
    waiting = [connect(gateway, sockets) for _ in range(12 * VIEW_THREADS)]
    for sock in waiting:
        sock.sendall(handshake(gateway.port, f"token={token}&after={10**17}"))
    functions = requests.get(f"{gateway.url}/api/v1/functions", headers=headers, timeout=PATIENCE)
    assert functions.status_code == 200
    assert sum(map(is_answered, waiting)) < len(waiting) / 2
    for sock in waiting:
        status, _, body = answer(sock)
        assert (status, json.loads(body)["code"]) == (401, "unauthorized")
        assert "events were deleted" in json.loads(body)["detail"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_job_that_appears_while_it_is_requested_is_found(
    world: World, publisher: Publisher, sockets: list[socket.socket], method: str
) -> None:
    gateway, token = world.gateway, session_with_topic(world.gateway, world.kafka)
    topic = topic_of(token)
    # The topic is read from now on.
    publisher.publish(topic, "known", encode(result_event(process_job_id="known", topic=topic)))
    headers = {"Authorization": f"Bearer {token}"}
    known = f"{gateway.url}/api/v1/jobs/known"
    until(lambda: requests.get(known, headers=headers, timeout=PATIENCE).status_code == 200)
    attempts = iter(range(1_000))

    def is_found() -> bool:
        """Request a job before its first event; False if the event comes too late on a busy machine."""
        late = f"late-{next(attempts)}"
        sock = connect(gateway, sockets)
        sock.sendall(head(method, f"/api/v1/jobs/{late}", token=token))
        time.sleep(0.1)
        publisher.publish(topic, late, encode(result_event(process_job_id=late, topic=topic)))
        status, _, body = answer(sock)
        assert status in (200 if method == "GET" else 202, 404)
        return status != 404 and json.loads(body)["process_job_id"] == late

    until(is_found)
    sock = connect(gateway, sockets)
    sock.sendall(head(method, "/api/v1/jobs/never", token=token))
    assert answer(sock)[0] == 404


def test_methods_that_callers_make_up_are_counted_together(world: World) -> None:
    gateway = world.gateway
    for number in range(20):
        answer = requests.request(f"MADEUP{number}", f"{gateway.url}/api/v1/functions", timeout=PATIENCE)
        assert answer.status_code in (400, 401, 405, 501)
    text = requests.get(f"{gateway.url}/metrics", timeout=PATIENCE).text
    assert 'method="other"' in text
    assert "MADEUP" not in text


def test_slow_functions_block_no_other_route(world: World) -> None:
    gateway, token = world.gateway, session(world.gateway)
    headers = {"Authorization": f"Bearer {token}"}
    world.action.release.clear()
    before = len(world.action.bodies)
    with ThreadPoolExecutor(4 * THREADS) as pool:
        try:
            jobs = [
                pool.submit(
                    requests.post, f"{gateway.url}{JOBS}", data=GOOD, headers=headers, timeout=PATIENCE
                )
                for _ in range(4 * THREADS)
            ]
            until(lambda: len(world.action.bodies) == before + THREADS)
            for path in ("/healthz", "/readyz", "/api/v1/functions", "/api/v1/jobs", "/metrics"):
                seen = requests.get(f"{gateway.url}{path}", headers=headers, timeout=PATIENCE)
                assert seen.status_code == 200, path
            session(gateway)
            assert len(world.action.bodies) == before + THREADS, "no more are invoked at the same time"
        finally:
            world.action.release.set()
        statuses = [job.result().status_code for job in jobs]
    # On a slow machine some of those in the queue have waited too long.
    assert set(statuses) <= {202, 503}
    assert statuses.count(202) >= THREADS


def test_a_slow_store_of_results_blocks_no_other_route(
    world: World, publisher: Publisher, sockets: list[socket.socket], tmp_path: Path
) -> None:
    token = session_with_topic(world.gateway, world.kafka)
    topic, headers = topic_of(token), {"Authorization": f"Bearer {token}"}
    publisher.publish(topic, "large", encode(result_event(process_job_id="large", topic=topic)))
    # Reading it takes until something is written.
    result = tmp_path / "store" / name_of(topic, "large")
    result.parent.mkdir(parents=True)
    os.mkfifo(result)
    with replica(
        tmp_path, world.kafka, world.path, RESULTS_FOLDER=str(tmp_path / "store"), **FREE
    ) as gateway:
        reading = [connect(gateway, sockets) for _ in range(5 * VIEW_THREADS)]
        for sock in reading:
            sock.sendall(head("GET", "/api/v1/jobs/large/result", token=token))
        for path in ("/api/v1/jobs", "/api/v1/functions", "/readyz"):
            seen = requests.get(f"{gateway.url}{path}", headers=headers, timeout=PATIENCE)
            assert seen.status_code == 200, path
        with result.open("wb") as stream:
            # No other request can read it from here on.
            result.unlink()
            stream.write(b'{"result":{}}')
        statuses = [answer(sock)[0] for sock in reading]
        assert statuses.count(200) == 1
        assert set(statuses) <= {200, 404, 503}


CHUNKED = "Transfer-Encoding: chunked"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_chunked_body_arrives_whole(world: World, sockets: list[socket.socket]) -> None:
    sock = connect(world.gateway, sockets)
    sock.sendall(head("POST", JOBS, CHUNKED, token=session(world.gateway)))
    for byte in GOOD:
        sock.sendall(chunk(bytes([byte])))
    sock.sendall(b"0\r\n\r\n")
    assert answer(sock)[0] == 202
    assert json.loads(world.action.bodies[-1])["emoticon_1"] == ":)"


@pytest.mark.parametrize("size", [b"x", b"-1", b"", b"1g", b"f" * 40, b" 5", b"0x5"])
def test_an_invalid_chunk_size_is_a_bad_request(
    world: World, sockets: list[socket.socket], size: bytes
) -> None:
    sock, before = connect(world.gateway, sockets), len(world.action.bodies)
    sock.sendall(head("POST", JOBS, CHUNKED, token=session(world.gateway)) + chunk(GOOD) + size + b"\r\n")
    status, headers, body = answer(sock)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(body)["status"] == 400
    assert ended(sock)
    assert len(world.action.bodies) == before
    assert "Traceback" not in world.gateway.log.read_text()


def test_a_chunked_body_over_the_limit_is_rejected_and_not_cut(
    world: World, sockets: list[socket.socket]
) -> None:
    sock, before = connect(world.gateway, sockets), len(world.action.bodies)
    sock.sendall(head("POST", JOBS, CHUNKED, token=session(world.gateway)))
    # What is within the limit is a valid document.
    sock.sendall(chunk(GOOD) + 20 * chunk(b" " * 60_000) + b"0\r\n\r\n")
    status, _, body = answer(sock)
    assert (status, "1 MB" in json.loads(body)["detail"]) == (413, True)
    assert len(world.action.bodies) == before


def test_a_body_that_does_not_come_to_its_end_is_not_submitted(
    world: World, sockets: list[socket.socket]
) -> None:
    token, before = session(world.gateway), len(world.action.bodies)
    for framing, part in (("Content-Length: 30", GOOD), (CHUNKED, chunk(GOOD))):
        sock = connect(world.gateway, sockets)
        sock.sendall(head("POST", JOBS, framing, token=token) + part)
        sock.close()
    assert healthy(world.gateway)
    listed = requests.get(
        f"{world.gateway.url}/api/v1/jobs", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert listed.json()["jobs"] == []
    assert len(world.action.bodies) == before
    assert "Traceback" not in world.gateway.log.read_text()


def test_expect_100_continue(world: World, sockets: list[socket.socket]) -> None:
    token = session(world.gateway)
    sock = connect(world.gateway, sockets)
    expect = "Expect: 100-continue"
    sock.sendall(head("POST", JOBS, expect, f"Content-Length: {len(GOOD)}", token=token))
    assert sock.recv(1_000).startswith(b"HTTP/1.1 100 ")
    sock.sendall(GOOD)
    assert answer(sock)[0] == 202
    # A body that is too large is rejected before it is sent.
    sock = connect(world.gateway, sockets)
    sock.sendall(head("POST", JOBS, expect, "Content-Length: 2000000", token=token))
    assert answer(sock)[0] == 413
    assert ended(sock)


def test_pipelined_requests_are_answered_in_order(world: World, sockets: list[socket.socket]) -> None:
    sock = connect(world.gateway, sockets)
    paths = ["/healthz", "/api/v1/functions", "/nothing", "/readyz"] * 5
    sock.sendall(b"".join(head("GET", path) for path in paths))
    statuses = []
    stream = sock.makefile("rb")
    for _ in paths:
        statuses.append(int(stream.readline().split()[1]))
        length = 0
        while line := stream.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        stream.read(length)
    stream.close()
    assert statuses == [200, 401, 404, 200] * 5


def test_http_1_0_is_answered_and_the_connection_closed(world: World, sockets: list[socket.socket]) -> None:
    sock = connect(world.gateway, sockets)
    sock.sendall(head("GET", "/healthz", version="1.0"))
    assert answer(sock)[0] == 200
    assert ended(sock)


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (head("GET", "/" + "a" * MAX_TARGET), {414}),
        (head("GET", "/healthz?" + "a" * 200_000), {400, 414}),
        (head("GET", "/healthz", *["X: y"] * 200), {431}),
        (head("GET", "/healthz", "X: " + "y" * MAX_HEAD), {400, 431}),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 30_000, {400}),
        (head("POST", JOBS, CHUNKED, "Content-Length: 5") + b"0\r\n\r\n", {400}),
        (head("POST", JOBS, "Content-Length: 5", "Content-Length: 6") + b"12345", {400}),
        (head("POST", JOBS, "Content-Length: 5x"), {400}),
        (head("POST", JOBS, "Content-Length: -5"), {400}),
        (head("POST", JOBS, "Transfer-Encoding: gzip"), {400, 501}),
        (b"GET /healthz HTTP/1.1\r\n\r\n", {400}),
        (b"\x16\x03\x01\x02\x00\x01\x00" * 20 + b"\r\n\r\n", {400}),
    ],
    ids=lambda value: "" if isinstance(value, set) else repr(value[:30]),
)
def test_a_request_that_is_malformed_or_too_large_is_rejected(
    world: World, sockets: list[socket.socket], request_: bytes, statuses: set[int]
) -> None:
    sock = connect(world.gateway, sockets)
    with suppress(ConnectionError):
        sock.sendall(request_)
    with suppress(ConnectionResetError):  # closed with unread data
        status, headers, _ = answer(sock)
        assert status in statuses
        assert headers["content-type"] == "application/problem+json"
        assert ended(sock)
    assert healthy(world.gateway)
    assert "Traceback" not in world.gateway.log.read_text()


def test_the_connections_of_an_address_are_limited(world: World, sockets: list[socket.socket]) -> None:
    gateway = world.gateway
    tokens = [session(gateway) for _ in range(2)]
    listening = [WebSocket(gateway.port, token) for token in tokens]
    # These two are of 127.0.0.1, as are the sockets of the fixture.
    held = [connect(gateway, sockets, "127.0.0.4") for _ in range(CONNECTIONS)]
    for sock in held:
        sock.sendall(head("GET", "/healthz"))
        assert answer(sock)[0] == 200
    more = connect(gateway, sockets, "127.0.0.4")
    status, _, body = answer(more)
    assert (status, json.loads(body)["code"]) == (429, "too_many_requests")
    assert ended(more)
    assert healthy(gateway)
    held[0].close()

    def accepted() -> bool:
        sock = connect(gateway, sockets, "127.0.0.4")
        with suppress(ConnectionError):
            sock.sendall(head("GET", "/healthz"))
            return answer(sock)[0] == 200
        return False

    until(accepted)
    for listener in listening:
        listener.close()


def test_websockets_count_in_the_limit_of_their_address(world: World, tmp_path: Path) -> None:
    few = FREE | {"GATEWAY_CONNECTIONS_PER_ADDRESS": "6"}
    with replica(tmp_path, world.kafka, world.path, **few) as gateway:
        token = session(gateway)
        listening = [WebSocket(gateway.port, token) for _ in range(6)]
        with pytest.raises(PermissionError, match="429"):
            WebSocket(gateway.port, token)
        listening[0].close()

        def accepted() -> bool:
            try:
                WebSocket(gateway.port, token).close()
            except PermissionError:
                return False
            return True

        until(accepted)
        for listener in listening:
            listener.close()


def test_a_signal_answers_the_waits_and_closes_the_websockets(
    world: World, publisher: Publisher, sockets: list[socket.socket], tmp_path: Path
) -> None:
    with replica(tmp_path, world.kafka, world.path, **FREE) as gateway:
        token = session_with_topic(gateway, world.kafka)
        topic = topic_of(token)
        event = result_event(status="RUNNING", process_job_id="one", topic=topic)
        publisher.publish(topic, "one", encode(event))
        listener = WebSocket(gateway.port, token)
        waiting = connect(gateway, sockets)
        waiting.sendall(head("GET", "/api/v1/jobs/one?wait=60", token=token))
        until(lambda: gateway.counted("qwhisk_gateway_waits") == 1)
        os.kill(gateway.pid, signal.SIGTERM)
        status, _, body = answer(waiting)
        assert (status, json.loads(body)["status"]) == (200, "RUNNING")
        assert _closing(listener) == "the server said goodbye"
        listener.close()
    assert "Traceback" not in gateway.log.read_text()


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_the_host_may_be_an_ipv6_address(world: World, tmp_path: Path, host: str) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    with replica(tmp_path, world.kafka, world.path, host="::1", GATEWAY_HOST=host, **FREE) as gateway:
        assert gateway.url.startswith("http://[::1]:")
        assert healthy(gateway)
        assert session(gateway)


def test_an_underscore_does_not_pass_for_a_hyphen() -> None:
    headers = [
        (b"x_forwarded_for", b"10.0.0.1"),
        (b"x-forwarded-for", b"10.0.0.2"),
        (b"content_length", b"9"),
    ]
    assert wsgi_headers(headers, 0) == [(b"x-forwarded-for", b"10.0.0.2")]


def test_accepted_connections_send_small_packets_at_once() -> None:
    [port] = free_ports(1)
    [listener] = listen(GatewaySettings.from_env(ENV | {"GATEWAY_PORT": str(port)}))

    async def accept() -> int:
        accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=listener)
        with socket.create_connection(("127.0.0.1", port), PATIENCE):
            writer = await accepted
            sock = writer.get_extra_info("socket")
            nodelay = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
        server.close()
        return int(nodelay)

    assert asyncio.run(accept())


def test_a_gateway_that_cannot_listen_names_the_setting() -> None:
    [port] = free_ports(1)
    settings = GatewaySettings.from_env(ENV | {"GATEWAY_PORT": str(port)})
    [listener] = listen(settings)
    with listener, pytest.raises(SettingsError, match=f"GATEWAY_PORT {port}"):
        listen(settings)
