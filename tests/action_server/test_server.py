"""The HTTP that the platform uses, and other data that may reach the port."""

from __future__ import annotations

import json
import socket

import pytest

from testkit.action_server import ActionServer
from tests.action_server.conftest import Start

ECHO = "def main(params):\n    return params\n"


def exchange(server: ActionServer, *parts: bytes) -> bytes:
    """Send bytes, close the sending side, and return all that is received."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def request(body: bytes, *headers: str, path: str = "/run", version: str = "1.1") -> bytes:
    """A request as bytes."""
    head = "".join(f"{header}\r\n" for header in (f"Content-Length: {len(body)}", *headers))
    return f"POST {path} HTTP/{version}\r\n{head}\r\n".encode() + body


def test_unknown_paths_and_methods(server: ActionServer) -> None:
    assert server.post("/", {})[0] == 404
    assert server.post("/run", {}, method="PUT")[0] == 405


def test_pipelined_and_cut_requests_are_answered_in_order(server: ActionServer) -> None:
    server.init(ECHO)
    both = b"".join(request(json.dumps({"value": {"n": n}}).encode()) for n in (1, 2))
    answered = exchange(server, *(both[i : i + 50] for i in range(0, len(both), 50)))
    assert answered.count(b"HTTP/1.1 200 OK") == 2
    assert answered.index(b'{"n":1}') < answered.index(b'{"n":2}')


def test_several_connections_are_served_one_after_another(server: ActionServer) -> None:
    server.init(ECHO)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10):  # idle; blocks no other connection
        assert exchange(server, request(b'{"value": {"n": 1}}')).endswith(b'{"n":1}')
        assert server.run({"n": 2}) == (200, {"n": 2})


def test_a_client_that_sends_connection_close_is_closed(server: ActionServer) -> None:
    answered = exchange(server, request(b"{}", "Connection: close"))
    assert b"Connection: close" in answered
    assert b"Connection: close" in exchange(server, request(b"{}", version="1.0"))


def test_a_body_announced_with_expect_gets_100_continue(server: ActionServer) -> None:
    server.init(ECHO)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        whole = request(b'{"value": {"n": 1}}', "Expect: 100-continue")
        head, _, body = whole.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1024).endswith(b'{"n":1}')


def test_a_body_over_the_limit_is_413_and_the_server_still_works(server: ActionServer) -> None:
    server.init(ECHO)
    answered = exchange(server, request(b"x" * (1024 * 1024 + 64 * 1024 + 1)))
    assert answered.startswith(b"HTTP/1.1 413 ")
    assert server.run({"a": 1}) == (200, {"a": 1})


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / SPDY/3\r\n\r\n", b"400"),
        (b"POST /run HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST /run HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /run HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n", b"400"),
        (b"POST /run HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /run HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, b"431"),
    ],
)
def test_what_is_not_http_is_refused(server: ActionServer, sent: bytes, status: bytes) -> None:
    assert exchange(server, sent).startswith(b"HTTP/1.1 " + status)
    assert server.init(ECHO)[0] == 200


def test_a_client_that_leaves_in_the_middle_does_no_harm(server: ActionServer) -> None:
    for cut in (b"POST /ru", b"POST /run HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
        assert exchange(server, cut) == b""
    assert server.init(ECHO)[0] == 200


@pytest.mark.parametrize(
    "header", ["Origin: http://evil.example", "origin: null", "Sec-Fetch-Site: same-origin"]
)
@pytest.mark.parametrize("path", ["/init", "/run"])
def test_a_web_page_is_refused(server: ActionServer, header: str, path: str) -> None:
    """A page can post to every port of this machine, and what it posts could include settings."""
    body = json.dumps({"value": {"code": ECHO}}).encode()
    answer = exchange(server, request(body, header, path=path))
    assert answer.startswith(b"HTTP/1.1 403 ")
    # Nothing was done.
    assert server.init(ECHO)[0] == 200


def test_a_server_with_a_key_rejects_requests_without_it(start: Start) -> None:
    server = start(QWHISK_ACTION_KEY="the-key")
    body = json.dumps({"value": {"name": "test", "code": ECHO}}).encode()
    for headers in (
        (),
        ("X-Qwhisk-Action-Key: the-ke",),
        ("X-Qwhisk-Action-Key: \xe9",),
        ("X-Qwhisk-Action: the-key",),
    ):
        assert b"HTTP/1.1 403" in exchange(server, request(body, *headers, path="/init"))
    # The body is not waited for.
    announced = b"POST /run HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(announced)
        assert connection.recv(65536).startswith(b"HTTP/1.1 403")
    key = "x-qwhisk-action-KEY: the-key"
    assert b"200 OK" in exchange(server, request(body, key, path="/init"))
    assert exchange(server, request(b'{"value": {"n": 1}}', key)).endswith(b'{"n":1}')
