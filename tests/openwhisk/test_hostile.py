"""Hostile or broken requests and actions: each gets an answer in OpenWhisk's form, and none hangs."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from local.openwhisk.api import requests
from local.openwhisk.errors import NO_RESOURCES, StartFailed, TooSlow
from local.openwhisk.http_connection import HttpConnection, HttpConnectionError
from local.openwhisk.launch import Launch
from local.openwhisk.pool import ContainerPool
from local.openwhisk.settings import parse
from testkit.openwhisk import KEY, OpenWhisk
from tests.openwhisk.conftest import Start
from tests.openwhisk.test_capacity import launch_of

ECHO = "def main(p):\n    return {'body': p}\n"
EXPORTED = [{"key": "web-export", "value": True}]
#: Not UTF-8.
BYTES = b"a\xff\xfe\xc3\xa9"
REPLACED = "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\N{LATIN SMALL LETTER E WITH ACUTE}"
#: Answers /init as a runtime that has failed would, with an error that is nested deeply.
BAD_INIT = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"error": ' + b"[" * 500 + b"]" * 500 + b"}"
        self.send_response(502)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
os.write(int(os.environ["QWHISK_READY_FD"]), b"%d\\n" % server.server_port)
server.serve_forever()
"""


@pytest.fixture
def quiet(whisk: OpenWhisk) -> Iterator[OpenWhisk]:
    """The server, which must not log a traceback."""
    start = len(whisk.own_log())
    yield whisk
    log = whisk.own_log()[start:]
    assert "Traceback" not in log, log


def send(whisk: OpenWhisk, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes on a connection of their own; return the response: status, headers, body."""
    address = urlsplit(whisk.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(data)
        with connection.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            headers = {}
            while line := stream.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return status, headers, stream.read(int(headers["content-length"]))


def request(method: str, path: str, headers: bytes = b"", body: bytes = b"") -> bytes:
    """Return the bytes of a request with the server's key."""
    key = base64.b64encode(KEY.encode())
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n".encode()
    return head + b"Authorization: Basic " + key + b"\r\n" + headers + b"\r\n" + body


def check_error(answer: tuple[int, dict[str, str], bytes], status: int) -> None:
    """Check that a response is an error in OpenWhisk's form."""
    assert answer[0] == status
    assert answer[1]["content-type"].startswith("application/json")
    document = json.loads(answer[2])
    assert set(document) == {"error", "code"}
    assert all(isinstance(text, str) and text for text in document.values())


@pytest.mark.parametrize("levels", [200, 300, 900, 1020, 5000])
@pytest.mark.parametrize("extension", ["", ".json"])
def test_a_body_of_a_web_action_that_is_nested_too_deeply_is_400(
    quiet: OpenWhisk, name: str, levels: int, extension: str
) -> None:
    quiet.action(name, ECHO, annotations=EXPORTED)
    nested = b"[" * levels + b"]" * levels
    for body in (nested, b'{"a": ' + nested + b"}"):
        sent = request(
            "POST", f"/web/guest/default/{name}{extension}", b"Content-Type: application/json\r\n", body
        )
        answer = send(quiet, sent)
        if levels == 200:
            assert answer[0] == 200
        else:
            check_error(answer, 400)


@pytest.mark.parametrize("levels", [200, 300, 900, 1020])
def test_an_error_that_is_nested_deeply_is_an_application_error(
    quiet: OpenWhisk, name: str, levels: int
) -> None:
    code = (
        f"def main(p):\n    value = 1\n    for _ in range({levels}):\n        value = [value]\n"
        "    return {'error': value}\n"
    )
    quiet.action(name, code)
    answer = quiet.invoke(name)
    assert answer.status_code == 502
    response = answer.json()["response"]
    # The runtime itself cannot write what is nested most deeply.
    assert response["status"] == ("application error" if levels < 950 else "action developer error")
    assert response["result"]["error"]


def test_a_conductors_parameters_that_are_nested_deeply_are_an_application_error(
    quiet: OpenWhisk, name: str
) -> None:
    code = (
        "def main(p):\n    value = 1\n    for _ in range(300):\n        value = [value]\n"
        "    return {'action': p['action'] or value, 'params': {'a': value}}\n"
    )
    quiet.action(name, code, annotations=[{"key": "conductor", "value": True}])
    quiet.action(f"{name}-next", ECHO)
    for chosen in (f"{name}-next", ""):
        answer = quiet.invoke(name, {"action": chosen})
        assert answer.status_code == 502
        assert answer.json()["response"]["status"] == "application error"


def test_an_error_of_init_that_is_nested_deeply_ends_the_invocation(start: Start, tmp_path: Path) -> None:
    script = tmp_path / "runtime.py"
    script.write_text(BAD_INIT)
    whisk = start("--image-command", f"me/own={sys.executable} {script}", "--blocking-wait", "20")
    whisk.ask("PUT", "/actions/own", {"exec": {"kind": "blackbox", "image": "me/own"}})
    answer = whisk.invoke("own")
    assert answer.status_code == 502
    assert answer.json()["response"]["result"]["error"].startswith(
        "The action failed during initialization: "
    )


def test_an_invocation_without_a_folder_for_its_process_fails(start: Start) -> None:
    """As if the disk were full. Afterwards there are processes again."""
    whisk = start("--blocking-wait", "20")
    for name in ("before", "during"):
        whisk.action(name, ECHO)
    assert whisk.invoke("before").status_code == 200
    elsewhere = whisk.folder.with_name("elsewhere")
    whisk.folder.rename(elsewhere)
    try:
        answer = whisk.invoke("during")
    finally:
        elsewhere.rename(whisk.folder)
    assert answer.status_code == 502
    assert answer.json()["response"]["result"]["error"].startswith(NO_RESOURCES)
    assert whisk.invoke("during").status_code == 200


class Broken:
    """Starts no process, because of a bug."""

    def expect(self, launch: Launch) -> None:
        """Do nothing."""

    async def start(self, launch: Launch) -> Any:
        raise RuntimeError(launch.action)

    async def close(self) -> None:
        """Do nothing."""


def test_an_unexpected_error_at_the_start_of_a_process_ends_the_invocations() -> None:
    async def acquire() -> list[Any]:
        pool = ContainerPool(parse(["--port", "0"], {"WHISK_AUTH": "user:key"}), Broken())
        try:
            async with asyncio.timeout(20):
                return await asyncio.gather(
                    *(pool.acquire(launch_of("a")) for _ in range(3)), return_exceptions=True
                )
        finally:
            await pool.close()

    errors = asyncio.run(acquire())
    assert [(type(error), str(error)) for error in errors] == [(StartFailed, NO_RESOURCES)] * 3


@pytest.mark.parametrize("length", ["-5", "+2", "0_2", "2.0", "", "9" * 5000])
def test_a_process_that_answers_with_a_wrong_length_is_not_used(length: str) -> None:
    async def post() -> tuple[int, bytes]:
        ended = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + b"{}abcdefg")
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            ended.set()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            connection = await HttpConnection.connect(*server.sockets[0].getsockname()[:2])
            try:
                async with asyncio.timeout(20):
                    return await connection.post("/run", b"", 1000)
            finally:
                connection.close()
                await ended.wait()

    with pytest.raises(HttpConnectionError):
        asyncio.run(post())


@pytest.mark.parametrize("raw", [False, True])
def test_headers_that_are_not_utf8_reach_a_web_action(quiet: OpenWhisk, name: str, raw: bool) -> None:
    quiet.action(name, ECHO, annotations=[*EXPORTED, {"key": "raw-http", "value": raw}])
    headers = b"".join(
        header + b": " + BYTES + b"\r\n"
        for header in (b"X-Mine", b"Content-Type", b"X-Require-Whisk-Auth", b"Access-Control-Request-Headers")
    )
    status, _, body = send(quiet, request("POST", f"/web/guest/default/{name}", headers, b"text"))
    assert status == 200
    assert json.loads(body)["__ow_headers"]["x-mine"] == REPLACED
    for method in ("GET", "OPTIONS"):
        status, shown, _ = send(quiet, request(method, f"/web/guest/default/{name}", headers))
        assert (status, shown["access-control-allow-headers"]) == (200, REPLACED)


def test_headers_that_are_not_utf8_reach_the_action_of_a_trigger(quiet: OpenWhisk, name: str) -> None:
    quiet.action(name, ECHO)
    quiet.ask("PUT", f"/triggers/{name}-t", {})
    quiet.ask("PUT", f"/rules/{name}-r", {"trigger": f"/_/{name}-t", "action": f"/_/{name}"})
    fired = request("POST", f"/namespaces/_/triggers/{name}-t", b"X-Mine: " + BYTES + b"\r\n")
    status, _, body = send(quiet, fired)
    assert status == 202
    [entry] = quiet.activation(json.loads(body)["activationId"])["logs"]
    seen = quiet.activation(json.loads(entry)["activationId"])["response"]["result"]["body"]
    assert seen["__ow_headers"]["x-mine"] == REPLACED
    assert "authorization" not in seen["__ow_headers"]


@pytest.mark.parametrize("header", [b"Origin", b"X-Request-ID", b"Content-Type", b"X-Mine"])
def test_headers_of_the_rest_api_that_are_not_utf8(quiet: OpenWhisk, header: bytes) -> None:
    answer = send(
        quiet, request("POST", "/namespaces/_/actions/absent", header + b": " + BYTES + b"\r\n", b"{}")
    )
    check_error(answer, 403 if header == b"Origin" else 404)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\xff\xff / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\x00\r\n\r\n", 400),
        (b"FOO /api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /api/v1 HTTP/1.1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /?\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (request("GET", "/", b"X-Mine: " + b"a" * 20_000 + b"\r\n"), 400),
        (request("GET", "/", b"X-\xff: a\r\n"), 400),
        (request("POST", "/namespaces/_/actions/a", b"Expect: something\r\n", b"{}"), 417),
        (request("POST", "/namespaces/_/actions/a", b"Expect: \xff\r\n", b"{}"), 417),
        (request("POST", "/namespaces/_/actions/a", b"Content-Length: 3\r\n", b"{}"), 400),
        (request("POST", "/namespaces/_/actions/a", b"Content-Encoding: br\r\n", b"{}"), 400),
    ],
)
def test_what_is_not_http_gets_an_error_in_the_same_form(quiet: OpenWhisk, sent: bytes, status: int) -> None:
    check_error(send(quiet, sent), status)


@pytest.mark.parametrize("path", ["/namespaces/_/actions/{}", "/web/guest/default/{}"])
def test_a_body_that_is_not_encoded_as_declared_is_400(quiet: OpenWhisk, name: str, path: str) -> None:
    quiet.action(name, ECHO, annotations=EXPORTED)
    headers = b"Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
    check_error(send(quiet, request("POST", path.format(name), headers, b"{}")), 400)


def test_a_client_that_leaves_in_the_middle_is_no_error(quiet: OpenWhisk) -> None:
    address = urlsplit(quiet.url)
    for path in ("/namespaces/_/actions/absent", "/namespaces/_/packages/absent"):
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(request("PUT", path, b"Content-Type: application/json\r\n", b"{" * 100)[:-1])
    # The server has read the ends of these connections when it answers.
    for _ in range(3):
        assert quiet.ask("GET", "/actions").status_code == 200


def test_a_body_that_does_not_end_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)

    async def handle(request: web.BaseRequest) -> web.Response:
        assert isinstance(request, web.Request)
        try:
            return web.Response(body=await requests.body_of(request, 100))
        except TooSlow as exc:
            return requests.error_response(exc.message, exc.status, "id")

    async def read() -> bytes:
        app = web.Application()
        app.router.add_post("/", handle)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
            writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
            async with asyncio.timeout(20):
                line = await reader.readline()
            writer.close()
            return line
        finally:
            await runner.cleanup()

    assert asyncio.run(read()) == b"HTTP/1.1 408 Request Timeout\r\n"


@pytest.mark.parametrize("status", [100, 101, 103])
def test_a_web_action_cannot_respond_that_a_response_follows(
    quiet: OpenWhisk, name: str, status: int
) -> None:
    quiet.action(name, f"def main(p):\n    return {{'statusCode': {status}}}\n", annotations=EXPORTED)
    check_error(send(quiet, request("GET", f"/web/guest/default/{name}")), 400)


@pytest.mark.parametrize("character", ["\x01", "\x1f", "\x7f", "\n"])
def test_a_header_of_a_web_action_has_no_control_characters(
    quiet: OpenWhisk, name: str, character: str
) -> None:
    code = f"def main(p):\n    return {{'headers': {{'X-Mine': {character + 'a'!r}}}, 'body': 'text'}}\n"
    quiet.action(name, code, annotations=EXPORTED)
    check_error(send(quiet, request("GET", f"/web/guest/default/{name}")), 400)


def test_a_web_action_does_not_set_where_its_response_ends(quiet: OpenWhisk, name: str) -> None:
    headers = {
        "Content-Length": "9999",
        "Transfer-Encoding": "chunked",
        "Connection": "upgrade",
        "Upgrade": "websocket",
        "X-Mine": "a\tb",
    }
    code = f"def main(p):\n    return {{'headers': {headers}, 'body': 'text'}}\n"
    quiet.action(name, code, annotations=EXPORTED)
    status, shown, body = send(quiet, request("GET", f"/web/guest/default/{name}"))
    assert (status, shown["content-length"], body) == (200, "4", b"text")
    assert shown["x-mine"] == "a\tb"
    assert shown.keys().isdisjoint(("transfer-encoding", "connection", "upgrade"))


def test_a_path_of_a_web_action_may_have_any_character(quiet: OpenWhisk, name: str) -> None:
    quiet.action(name, ECHO, annotations=EXPORTED)
    _, _, body = send(quiet, request("GET", f"/web/guest/default/{name}/a%0D%0Ab%C3%A9%ff"))
    assert json.loads(body)["__ow_path"] == "/a\r\nb\N{LATIN SMALL LETTER E WITH ACUTE}%ff"
