"""Requests to the provider over a real connection: a request that changes something is sent once."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import requests
from ibm_cloud_sdk_core.token_managers import token_manager

from core.errors import ProviderError, ProviderUnavailableError, QwhiskError
from core.provider import within
from core.provider.ibm import account
from core.provider.ibm.account import IBMAccount
from core.provider.ibm.transport import REPEATS, Transport, nothing_sent
from core.settings import AccountSettings
from tests.core.test_openwhisk_client import Server, reply

INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/local:local::"
#: Seconds to wait for an answer.
ANSWER = 0.3


def closed(handler: Any) -> None:
    """The request has arrived; the connection ends without an answer."""
    handler.close_connection = True


def reset(handler: Any) -> None:
    """The same with a reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    handler.connection.close()
    handler.close_connection = True


def cut_off(handler: Any) -> None:
    """Half an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "d1')
    handler.close_connection = True


#: Answers after which it is unknown whether the request was carried out.
UNCLEAR: dict[str, Callable[[Any], None]] = {
    "500": reply(500, {}),
    "502": reply(502, b"<html>"),
    "503": reply(503, {"error": {"message": "later", "code": 1}}),
    "503 with Retry-After": reply(503, {}, **{"Retry-After": "600"}),
    "504": reply(504, {}),
    "524": reply(524, {}),
    "closed": closed,
    "cut off": cut_off,
    "not JSON": reply(200, b'{"id": "d'),
    "not UTF-8": reply(200, b'{"id": "\xff\xfe'),
    "deep": reply(200, b"[" * 100_000),
    "empty": reply(200, b""),
    "no object": reply(200, b"[1, 2]"),
    "null": reply(200, b"null"),
    "no id": reply(200, {}),
    "an invalid id": reply(200, {"id": 7}),
    "a number too long": reply(200, b'{"id": ' + b"1" * 5_000 + b"}"),
    "a charset that raises": reply(502, b"no", **{"Content-Type": "text/plain; charset=idna"}),
    "moved": reply(301, {}, Location="/identity/token"),
    "found": reply(302, {}, Location="/backends"),
    "see other": reply(303, {}, Location="/elsewhere"),
    "see an address without a server": reply(303, {}, Location="http://127.0.0.1:1/"),
}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    now = int(time.time())
    made.routes["/identity/token"] = reply(
        200,
        {"access_token": jwt.encode({"iat": now, "exp": now + 3600}, "k" * 32), "expires_in": 3600},
        **{"Content-Type": "application/json"},
    )
    made.routes["/jobs"] = reply(200, {"id": "d1", "jobs": []})
    made.routes["/backends"] = reply(200, {"devices": []})
    yield made
    made.close()


@pytest.fixture(params=[True, False], ids=["as actions", "as the poller"])
def connected(server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> IBMAccount:
    """An account at the server, with the unmodified client."""
    monkeypatch.setattr(account, "encoded", lambda *_: {})
    made = IBMAccount(AccountSettings("key", INSTANCE, server.url), request.param, (2.0, ANSWER))
    monkeypatch.setattr(made, "target", lambda _: SimpleNamespace(device=None))
    made.tagged("warm")
    server.seen.clear()
    return made


def submit(connected: IBMAccount) -> str:
    return connected.submit([], "fake_fez", 1, ["tag"])


def sent(server: Server, method: str) -> int:
    return sum(1 for request in server.seen if request[0] == method)


@pytest.mark.parametrize("outcome", [*UNCLEAR, "reset", "no answer"])
def test_a_job_is_submitted_once_and_an_unclear_answer_is_reported_as_unclear(
    connected: IBMAccount, server: Server, outcome: str
) -> None:
    server.routes["/jobs"] = {"reset": reset, "no answer": server.hold}.get(outcome) or UNCLEAR[outcome]
    with pytest.raises(ProviderUnavailableError) as caught:
        submit(connected)
    assert sent(server, "POST") == 1
    assert caught.value.unclear
    assert caught.value.code == "provider_unavailable"
    # Other calls work even though the connection was cut.
    server.routes["/jobs"] = reply(200, {"id": "d2"})
    assert submit(connected) == "d2"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422, 429])
def test_a_rejection_is_clear(connected: IBMAccount, server: Server, status: int) -> None:
    server.routes["/jobs"] = reply(status, {}, **{"Retry-After": "600"})
    with pytest.raises(QwhiskError) as caught:
        submit(connected)
    assert sent(server, "POST") == 1
    assert not getattr(caught.value, "unclear", False)
    assert isinstance(caught.value, ProviderUnavailableError) == (status == 429)


def test_a_job_is_submitted_again_after_a_rejected_login(connected: IBMAccount, server: Server) -> None:
    """401 is sent before anything is carried out."""

    def once(handler: Any) -> None:
        server.routes["/jobs"] = reply(200, {"id": "d1"})
        reply(401, {})(handler)

    server.routes["/jobs"] = once
    assert submit(connected) == "d1"
    assert [path for method, path, *_ in server.seen if method == "POST"] == [
        "/jobs",
        "/identity/token",
        "/jobs",
    ]


def test_a_redirect_to_another_resource_is_not_a_rejection(connected: IBMAccount, server: Server) -> None:
    """The POST is done; if the GET after it lacks a login, the POST may still not be repeated."""
    server.routes["/elsewhere"] = reply(401, {})
    server.routes["/jobs"] = reply(303, {}, Location="/elsewhere")
    with pytest.raises(ProviderUnavailableError) as caught:
        submit(connected)
    assert caught.value.unclear
    assert [path for method, path, *_ in server.seen if method == "POST"] == ["/jobs"]


def test_a_redirect_that_keeps_the_method_is_followed(connected: IBMAccount, server: Server) -> None:
    """307 and 308 mean that nothing was done here."""
    server.routes["/elsewhere"] = reply(200, {"id": "d3"})
    server.routes["/jobs"] = reply(308, {}, Location="/elsewhere")
    assert submit(connected) == "d3"


def test_an_unclear_answer_after_the_second_login_is_unclear_too(
    connected: IBMAccount, server: Server
) -> None:
    def once(handler: Any) -> None:
        server.routes["/jobs"] = UNCLEAR["503"]
        reply(401, {})(handler)

    server.routes["/jobs"] = once
    with pytest.raises(ProviderUnavailableError) as caught:
        submit(connected)
    assert caught.value.unclear
    assert sum(path == "/jobs" for _, path, *_ in server.seen) == 2


@pytest.mark.parametrize("outcome", ["503", "closed", "cut off"])
def test_neither_a_cancellation_nor_tags_are_sent_twice(
    connected: IBMAccount, server: Server, outcome: str
) -> None:
    server.routes["/jobs/d1/cancel"] = server.routes["/jobs/d1/tags"] = UNCLEAR[outcome]
    calls: list[Callable[[], None]] = [lambda: connected.cancel("d1"), lambda: connected.tag("d1", [])]
    for call in calls:
        with pytest.raises(ProviderUnavailableError):
            call()
    assert [(method, path) for method, path, *_ in server.seen] == [
        ("POST", "/jobs/d1/cancel"),
        ("PUT", "/jobs/d1/tags"),
    ]


@pytest.mark.parametrize("outcome", ["500", "503", "504", "closed"])
def test_a_request_that_changes_nothing_is_repeated_a_bounded_number_of_times(
    connected: IBMAccount, server: Server, outcome: str
) -> None:
    server.routes["/jobs"] = UNCLEAR[outcome]
    with pytest.raises(ProviderUnavailableError) as caught:
        connected.tagged("tag")
    assert sent(server, "GET") == 1 + connected._repeats
    assert connected._repeats in (0, REPEATS)
    assert not caught.value.unclear, "no request was carried out"


def test_the_caller_decides_how_long_to_wait(connected: IBMAccount, server: Server) -> None:
    server.routes["/jobs"] = UNCLEAR["503 with Retry-After"]
    with pytest.raises(ProviderUnavailableError) as caught:
        connected.tagged("tag")
    assert sent(server, "GET") == 1
    assert caught.value.retry_after == 600


@pytest.mark.parametrize("outcome", ["not JSON", "no object", "null", "deep"])
def test_an_answer_that_cannot_be_read_is_not_our_error(
    connected: IBMAccount, server: Server, outcome: str
) -> None:
    server.routes["/jobs"] = server.routes["/backends"] = server.routes["/jobs/d1"] = UNCLEAR[outcome]
    for call in (lambda: connected.tagged("tag"), lambda: connected.look("d1"), connected.backends):
        with pytest.raises(ProviderError):
            call()


def test_nothing_is_sent_without_a_server(connected: IBMAccount, server: Server) -> None:
    server.close()
    connected._service._active_api_client._session.close()  # and no connection is left
    with pytest.raises(ProviderUnavailableError) as caught:
        submit(connected)
    assert not caught.value.unclear


def test_nothing_is_sent_when_no_time_is_left(connected: IBMAccount, server: Server) -> None:
    with pytest.raises(ProviderUnavailableError) as caught, within(0.0):
        submit(connected)
    assert (server.seen, caught.value.unclear) == ([], False)
    with within(60.0), pytest.raises(ProviderUnavailableError), within(-1.0), within(30.0):
        submit(connected)
    assert server.seen == [], "an inner limit is no longer than the outer"
    assert submit(connected) == "d1"


def test_a_new_connection_of_the_client_has_our_transport_too(
    connected: IBMAccount, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client creates one when it changes the instance."""
    monkeypatch.setenv("IAM_URL", server.url)
    service = connected._service
    service._active_api_client = service._create_new_cloud_api_client(INSTANCE)
    server.routes["/jobs"] = UNCLEAR["503"]
    with pytest.raises(ProviderUnavailableError):
        submit(connected)
    assert sum(path == "/jobs" for _, path, *_ in server.seen) == 1


@pytest.mark.filterwarnings("ignore:Unable to retrieve IBM Cloud access token")
@pytest.mark.parametrize("connects", [True, False], ids=["when it connects", "later"])
def test_a_token_that_cannot_be_had_delays_no_later_call(
    connected: IBMAccount, server: Server, monkeypatch: pytest.MonkeyPatch, connects: bool
) -> None:
    """IBM's client would wait for a minute: each call, with one of the poller's threads."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise TimeoutError

    monkeypatch.setattr(token_manager, "time", SimpleNamespace(time=time.time, sleep=sleep))
    token, server.routes["/identity/token"] = server.routes["/identity/token"], reply(503, {})
    if connects:
        connected = IBMAccount(AccountSettings("key", INSTANCE, server.url), timeout=(2.0, ANSWER))
    else:
        connected._service._active_api_client._session.auth.tm.expire_time = 0
    connected.tagged("tag")
    connected.tagged("tag")
    assert pauses == []
    server.routes["/identity/token"] = token
    server.seen.clear()
    connected.tagged("tag")
    assert pauses == []
    assert "/identity/token" in [path for _, path, *_ in server.seen]


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("outcome", ["503", "503 with Retry-After", "no answer"])
def test_a_client_is_created_with_our_transport(server: Server, repeats: bool, outcome: str) -> None:
    """It requests the backends at once. Its own transport would try six times, or wait without limit."""
    server.routes["/backends"] = server.hold if outcome == "no answer" else UNCLEAR[outcome]
    made = IBMAccount(AccountSettings("key", INSTANCE, server.url), repeats, (2.0, ANSWER))
    assert made.tagged("tag") == []
    asked = sum(path.startswith("/backends") for _, path, *_ in server.seen)
    assert asked == (1 + REPEATS if repeats and outcome != "503 with Retry-After" else 1)


def test_only_a_request_that_was_not_sent_counts_as_not_sent(server: Server) -> None:
    """A refused connection is retried even for a POST; a lost answer is not."""
    with requests.Session() as http:
        http.mount("http://", Transport(repeats=1, timeout=(2.0, ANSWER)))
        server.routes["/x"] = closed
        with pytest.raises(requests.ConnectionError) as lost:
            http.post(f"{server.url}/x")
        assert not nothing_sent(lost.value)
        assert sent(server, "POST") == 1
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(requests.ConnectionError) as refused:
            http.post(f"http://127.0.0.1:{port}/x")
        assert nothing_sent(refused.value)
