"""Invocation: what OpenWhisk's answers mean. No answer can block or break the caller."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest

from core.config_docs.model import parse
from core.errors import (
    ActionError,
    DocumentError,
    InvocationError,
    QwhiskError,
    SettingsError,
    ThrottledError,
)
from core.openwhisk import client
from core.openwhisk.answers import interpret
from core.openwhisk.client import MAX_ANSWER_BYTES, FunctionInvoker
from core.openwhisk.credentials import EnvironmentCredentials
from tests.core.samples import raw_document

APPLICATION = {"code": "invalid_input", "message": "shots: too many.", "details": {"field": "shots"}}
FAILED = "The function smile failed"


@pytest.mark.parametrize("payload", [{"job_id": "x"}, {}, {"error": None, "answer": {}}])
def test_a_result_is_returned_unchanged(payload: dict[str, Any]) -> None:
    assert interpret("smile", 200, payload) == payload


@pytest.mark.parametrize("status", [200, 202, 400, 502])
def test_an_actions_own_error_is_passed_on_unchanged(status: int) -> None:
    with pytest.raises(ActionError) as caught:
        interpret("smile", status, {"error": APPLICATION})
    assert caught.value.as_dict() == APPLICATION


@pytest.mark.parametrize(
    "details",
    [
        {"message": "m"},
        {"self": 1, "code": 2, "details": 3},
        {"errors": [{"field": "a", "message": "b"}]},
        {"not an identifier": None},
    ],
)
def test_an_actions_error_may_have_any_details(details: dict[str, Any]) -> None:
    with pytest.raises(ActionError) as caught:
        interpret("smile", 502, {"error": {"code": "c", "message": "m", "details": details}})
    assert caught.value.as_dict() == {"code": "c", "message": "m", "details": details}


def test_an_actions_error_is_bounded_and_may_be_incomplete() -> None:
    with pytest.raises(ActionError) as caught:
        interpret("smile", 502, {"error": {"message": ["x"] * 9_000, "details": "none"}})
    assert caught.value.code == "action_error"
    assert len(caught.value.message) == 4_000
    assert caught.value.details == {}
    with pytest.raises(ActionError) as caught:
        interpret("smile", 502, {"error": {"code": "c" * 500, "message": "m"}})
    assert caught.value.code == "c" * 100


@pytest.mark.parametrize(
    ("status", "seen", "words"),
    [
        (401, 502, "WHISK_AUTH"),
        (403, 502, "WHISK_AUTH"),
        (404, 502, "not deployed"),
        (408, 504, "exceeded its time limit"),
        (413, 413, "too large"),
        (429, 429, "Too many invocations"),
        (202, 502, FAILED),
        (301, 502, FAILED),
        (400, 502, FAILED),
        (500, 502, FAILED),
        (502, 502, FAILED),
        (503, 502, FAILED),
    ],
)
@pytest.mark.parametrize(
    "payload",
    [
        {"error": "The supplied authentication is invalid, s3cret.", "code": "abc"},
        {"error": {"no": "message"}},
        {"code": 1},
        "<html>s3cret</html>",
        ["s3cret"],
        None,
    ],
)
def test_a_rejection_has_our_own_message(status: int, seen: int, words: str, payload: Any) -> None:
    with pytest.raises(InvocationError) as caught:
        interpret("smile", status, payload)
    assert caught.value.status == seen
    assert words in caught.value.message
    assert "s3cret" not in caught.value.message
    assert caught.value.details == {"function": "smile"}


@pytest.mark.parametrize("image", ["qwhisk/smile", "registry.example.com:5000/me/qwhisk/smile:0.1.0"])
def test_an_image_that_cannot_be_pulled_is_named(image: str) -> None:
    with pytest.raises(InvocationError) as caught:
        interpret("smile", 502, {"error": f"Failed to pull container image '{image}'."})
    assert caught.value.status == 502
    assert f"cannot pull {image}, the image of the function smile" in caught.value.message


@pytest.mark.parametrize("image", ["", "a b", "x" * 1000, "<script>"])
def test_what_is_no_images_name_is_not_repeated(image: str) -> None:
    with pytest.raises(InvocationError, match=FAILED):
        interpret("smile", 502, {"error": f"Failed to pull container image '{image}'."})


@pytest.mark.parametrize("payload", [["x"], "x", 7, None, {"error": "action developer error"}])
def test_a_200_without_a_result_is_a_failure(payload: Any) -> None:
    with pytest.raises(InvocationError, match=FAILED):
        interpret("smile", 200, payload)


# --- over HTTP -------------------------------------------------------------------------------------


class Server:
    """A real HTTP server; each path is answered by the function that the test sets for it."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[Any], None]] = {}
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        #: Set at the end: a handler that waits for it delays its answer until the end of the test.
        self.over = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.seen.append((self.command, self.path, dict(self.headers), body))
                server.routes[self.path.split("?")[0]](self)

            do_GET = do_POST = do_PUT = _answer

            def log_message(self, format: str, *args: Any) -> None:
                """Do not log."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def hold(self, handler: Any) -> None:
        """An answer that does not arrive."""
        self.over.wait(20)

    def close(self) -> None:
        self.over.set()
        self._http.shutdown()
        self._thread.join(5)
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def reply(status: int, body: bytes | dict[str, Any], **headers: str) -> Callable[[Any], None]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: Any) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


ACTION = "/api/v1/namespaces/_/actions/quantum/smile"
ACTIVATION = "/api/v1/namespaces/_/activations/abc123"


def call(
    server: Server, invoker: FunctionInvoker | None = None, timeout: float = 5.0, path: str = ACTION
) -> Any:
    document = parse(
        raw_document(
            functionBackendUrl=f"{server.url}{path}?blocking=true&result=true",
            functionParams={"headers": {"Authorization": "BasicAuth", "Content-Type": "application/json"}},
        ),
        "smile",
    )
    return (invoker or FunctionInvoker(lambda name: f"<{name}>"))(document, {"emoticon_1": ":)"}, timeout)


def refusal(server: Server, **arguments: Any) -> InvocationError:
    with pytest.raises(InvocationError) as caught:
        call(server, **arguments)
    return caught.value


def test_the_call_is_as_the_document_specifies(server: Server) -> None:
    server.routes[ACTION] = reply(200, {"job_id": "x"})
    assert call(server) == {"job_id": "x"}
    [(method, path, headers, body)] = server.seen
    assert (method, path) == ("POST", f"{ACTION}?blocking=true&result=true")
    assert headers["Authorization"] == "<BasicAuth>"
    assert json.loads(body) == {"emoticon_1": ":)"}


def test_a_connection_is_reused(server: Server) -> None:
    ports: list[int] = []

    def answer(handler: Any) -> None:
        ports.append(handler.client_address[1])
        reply(200, {})(handler)

    server.routes[ACTION] = answer
    invoker = FunctionInvoker(lambda name: name)
    for _ in range(3):
        call(server, invoker)
    assert len(set(ports)) == 1


def test_the_wait_for_a_late_answer_is_bounded(server: Server) -> None:
    server.routes[ACTION] = server.hold
    started = time.monotonic()
    error = refusal(server, timeout=0.2)
    assert time.monotonic() - started < 3
    assert error.status == 504
    assert len(server.seen) == 1  # not retried: it may have run


def test_no_server_is_a_502_without_an_address() -> None:
    gone = Server()
    gone.close()
    error = refusal(gone)
    assert error.status == 502
    assert "127.0.0.1" not in error.message


def test_a_connection_that_is_cut_is_a_502(server: Server) -> None:
    server.routes[ACTION] = lambda handler: handler.connection.shutdown(2)
    assert refusal(server).status == 502
    assert len(server.seen) == 1


def test_an_oversized_answer_is_rejected_and_the_next_call_works(server: Server) -> None:
    invoker = FunctionInvoker(lambda name: name)
    server.routes[ACTION] = reply(200, b'"' + b"x" * (2 * MAX_ANSWER_BYTES) + b'"')
    assert str(MAX_ANSWER_BYTES) in refusal(server, invoker=invoker).message
    server.routes[ACTION] = reply(200, {"job_id": "x"})
    assert call(server, invoker) == {"job_id": "x"}


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.routes[ACTION] = reply(307, b"", Location=f"{server.url}/elsewhere")
    server.routes["/elsewhere"] = reply(200, {"stolen": True})
    assert refusal(server).status == 502
    assert [path.split("?")[0] for _, path, _, _ in server.seen] == [ACTION]


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"NaN", b'{"a":'])
def test_an_answer_that_is_not_json_is_not_a_result(server: Server, body: bytes) -> None:
    server.routes[ACTION] = reply(502, body)
    assert refusal(server).status == 502


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ACTIVATION_INTERVAL", 0.01)


@pytest.mark.usefixtures("impatient")
class TestActivation:
    """OpenWhisk answers 202 if an action takes longer than it keeps the connection open."""

    def activation(self, server: Server, *answers: Callable[[Any], None]) -> None:
        left = iter(answers)
        server.routes[ACTION] = reply(202, {"activationId": "abc123"})
        server.routes[ACTIVATION] = lambda handler: next(left)(handler)

    def test_it_is_followed_to_its_result(self, server: Server) -> None:
        done = reply(200, {"response": {"success": True, "result": {"job_id": "x"}}})
        self.activation(server, reply(404, {"error": "not yet"}), reply(404, {"error": "not yet"}), done)
        assert call(server) == {"job_id": "x"}
        methods = [(method, path) for method, path, _, _ in server.seen]
        assert methods[1:] == [("GET", ACTIVATION)] * 3
        assert server.seen[-1][2]["Authorization"] == "<BasicAuth>"

    def test_the_actions_error_is_passed_on(self, server: Server) -> None:
        failed = {"response": {"success": False, "result": {"error": APPLICATION}}}
        self.activation(server, reply(200, failed))
        with pytest.raises(ActionError) as caught:
            call(server)
        assert caught.value.as_dict() == APPLICATION

    @pytest.mark.parametrize(
        "answer",
        [
            {"response": {"success": False, "result": {"error": "it crashed"}}},
            {"response": {"success": False}},
            {"response": "garbage"},
            {"response": None},
            {},
        ],
    )
    def test_a_failure_is_a_502(self, server: Server, answer: dict[str, Any]) -> None:
        self.activation(server, reply(200, answer))
        assert refusal(server).status == 502

    def test_it_is_followed_no_longer_than_the_timeout_of_the_call(self, server: Server) -> None:
        server.routes[ACTION] = reply(202, {"activationId": "abc123"})
        server.routes[ACTIVATION] = reply(404, {"error": "not yet"})
        started = time.monotonic()
        assert refusal(server, timeout=0.15).status == 504
        assert time.monotonic() - started < 3

    @pytest.mark.parametrize("body", [{}, {"activationId": 7}, b"[]", b"garbage"])
    def test_a_202_without_an_activation_is_a_failure(self, server: Server, body: Any) -> None:
        server.routes[ACTION] = reply(202, body)
        assert "names no activation" in refusal(server).message

    def test_a_url_that_is_not_openwhisks_cannot_be_followed(self, server: Server) -> None:
        server.routes["/my/function"] = reply(202, {"activationId": "abc123"})
        assert "names no activation" in refusal(server, path="/my/function").message


# --- credentials -----------------------------------------------------------------------------------


def test_openwhisks_key_becomes_a_basic_header() -> None:
    value = EnvironmentCredentials({"WHISK_AUTH": "user:pass"})("BasicAuth")
    assert base64.b64decode(value.removeprefix("Basic ")) == b"user:pass"


@pytest.mark.parametrize(
    ("name", "variable"), [("BasicAuth", "WHISK_AUTH"), ("IAMBearerToken", "IBM_CLOUD_API_KEY")]
)
def test_a_credential_that_is_not_configured_is_named(name: str, variable: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        EnvironmentCredentials({})(name)
    with pytest.raises(DocumentError, match="There is no credential 'Other'"):
        EnvironmentCredentials({})("Other")


class TestIam:
    """IAM bearer tokens, from a server that answers like IBM's."""

    def credentials(self, server: Server) -> EnvironmentCredentials:
        return EnvironmentCredentials({"IBM_CLOUD_API_KEY": "s3cret-key", "IAM_URL": server.url})

    def token(self) -> dict[str, Any]:
        now = int(time.time())
        return {"access_token": jwt.encode({"iat": now, "exp": now + 3600}, "k" * 32), "expires_in": 3600}

    def test_the_token_is_requested_once(self, server: Server) -> None:
        server.routes["/identity/token"] = reply(200, self.token(), **{"Content-Type": "application/json"})
        credentials = self.credentials(server)
        values = {credentials("IAMBearerToken") for _ in range(3)}
        assert len(values) == len(server.seen) == 1
        assert values.pop().startswith("Bearer eyJ")
        assert b"apikey=s3cret-key" in server.seen[0][3]

    def test_a_renewal_that_fails_leaves_the_token_that_is_still_valid(self, server: Server) -> None:
        now = int(time.time())
        # Nine tenths of its lifetime are over: due to be renewed, and valid for another six minutes.
        old = jwt.encode({"iat": now - 3240, "exp": now + 360}, "k" * 32)
        server.routes["/identity/token"] = reply(200, {"access_token": old})
        credentials = self.credentials(server)
        credentials("IAMBearerToken")
        server.routes["/identity/token"] = reply(500, b"down")
        assert credentials("IAMBearerToken") == f"Bearer {old}"

    @pytest.mark.parametrize(
        "answer",
        [
            reply(400, {"errorMessage": "Provided API key s3cret-key could not be found."}),
            reply(500, b"<html>s3cret-key"),
            reply(200, b"garbage"),
            reply(200, {"unexpected": 1}),
            lambda handler: handler.connection.shutdown(2),
        ],
    )
    def test_a_rejected_login_is_our_error_and_the_next_call_retries(
        self, server: Server, answer: Callable[[Any], None]
    ) -> None:
        credentials = self.credentials(server)
        server.routes["/identity/token"] = answer
        with pytest.raises(QwhiskError) as caught:
            credentials("IAMBearerToken")
        assert "s3cret" not in caught.value.message
        assert isinstance(caught.value, InvocationError)
        assert caught.value.status == 503
        server.routes["/identity/token"] = reply(200, self.token(), **{"Content-Type": "application/json"})
        started = time.monotonic()
        assert credentials("IAMBearerToken").startswith("Bearer eyJ")
        assert time.monotonic() - started < 3


# --- an invocation is sent once --------------------------------------------------------------------


def closed(handler: Any) -> None:
    """The request has arrived; the connection ends without an answer."""
    handler.close_connection = True


def cut_off(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"job_id": "d')
    handler.close_connection = True


@pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize(
    "outcome", ["closed", "cut off", "no answer", "500", "502", "503", "504", "429", "307"]
)
def test_an_invocation_is_sent_once_for_any_answer(server: Server, warm: bool, outcome: str) -> None:
    invoker = FunctionInvoker(lambda name: f"<{name}>")
    if warm:
        server.routes[ACTION] = reply(200, {"job_id": "x"})
        call(server, invoker)
        server.seen.clear()
    named = {"closed": closed, "cut off": cut_off, "no answer": server.hold}
    headers = {"Retry-After": "0", "Location": f"{server.url}{ACTION}"}
    server.routes[ACTION] = named.get(outcome) or reply(int(outcome), {}, **headers)
    with pytest.raises(InvocationError):
        call(server, invoker, timeout=0.4)
    assert [method for method, *_ in server.seen] == ["POST"]


def test_a_kept_connection_that_has_been_closed_is_not_used(server: Server) -> None:
    """It is replaced before anything is sent, so that nothing has to be sent again."""
    invoker = FunctionInvoker(lambda name: f"<{name}>")

    def last(handler: Any) -> None:
        reply(200, {"job_id": "x"})(handler)
        handler.close_connection = True

    server.routes[ACTION] = last
    for number in range(1, 4):
        call(server, invoker)
        assert len(server.seen) == number
        time.sleep(0.05)  # the end of the connection arrives


# --- failures that cannot pass ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (502, "The action's result is not JSON: Out of range float values", "its reply is not valid JSON"),
        (502, "The action did not produce a valid JSON response: x", "its reply is not valid JSON"),
        (502, "The action produced a response that exceeded the allowed length: 2 > 1 bytes.", "too large"),
        (502, "The action raised ZeroDivisionError. Its log has the traceback.", "it raised an error"),
        (502, "The action returned a list, not an object.", "not a JSON object"),
        (502, "The action exceeded its time limits of 60000 milliseconds.", "exceeded its time limit"),
        (413, "The request content was malformed.", "too large"),
        (400, "The request content was malformed.", "failed"),
    ],
)
def test_a_failure_that_would_occur_again_is_permanent(status: int, error: str, words: str) -> None:
    with pytest.raises(InvocationError, match=words) as caught:
        interpret("smile", status, {"error": error})
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (502, "The action did not produce a valid response and exited unexpectedly."),
        (502, "Failed to pull container image 'x'."),
        (502, "The action exceeded its time limits of 60000 milliseconds during initialization."),
        (429, "Too many concurrent requests in flight."),
        (500, "There was an internal server error."),
        (503, None),
    ],
)
def test_a_failure_that_may_pass_is_not_permanent(status: int, error: str | None) -> None:
    with pytest.raises(InvocationError) as caught:
        interpret("smile", status, {"error": error})
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "body", [{"error": "The action raised KeyError."}, {"error": {"code": "internal_error", "message": "m"}}]
)
def test_a_failure_is_logged_with_the_activations_id(
    server: Server, caplog: pytest.LogCaptureFixture, body: dict[str, Any]
) -> None:
    server.routes[ACTION] = reply(502, body, **{"X-OpenWhisk-Activation-Id": "abc123"})
    with pytest.raises(QwhiskError):
        call(server)
    [record] = [record for record in caplog.records if record.name == "core.openwhisk.answers"]
    assert record.__dict__["activation_id"] == "abc123"


PER_MINUTE = {"error": "Too many requests in the last minute (count: 61, allowed: 60).", "code": "abc"}
AT_A_TIME = {"error": "Too many concurrent requests in flight (count: 31, allowed: 30).", "code": "abc"}


@pytest.mark.parametrize(
    ("payload", "headers", "least", "most"),
    [
        (PER_MINUTE, {}, 0.0, 61.0),
        (AT_A_TIME, {}, 1.0, 3.0),
        (PER_MINUTE, {"Retry-After": "7"}, 7.0, 7.0),
        (b"<html>", {"Retry-After": "7"}, 7.0, 7.0),
        (b"[]", {}, 1.0, 3.0),
    ],
)
def test_a_refusal_because_of_too_many_invocations_says_when_to_retry(
    server: Server, payload: Any, headers: dict[str, str], least: float, most: float
) -> None:
    server.routes[ACTION] = reply(429, payload, **headers)
    error = refusal(server)
    assert isinstance(error, ThrottledError)
    assert error.status == 429
    assert least <= error.retry_after <= most
    assert "Try again in" in error.message
    if isinstance(payload, dict):
        assert error.refusal == payload["error"]
        assert payload["error"] not in error.message


def test_an_activation_is_followed_even_if_a_request_for_it_is_refused(server: Server) -> None:
    answers = [
        reply(429, AT_A_TIME),
        reply(404, {}),
        reply(200, {"response": {"success": True, "result": {"n": 1}}}),
    ]
    server.routes[ACTION] = reply(202, {"activationId": "abc123"})
    server.routes[ACTIVATION] = lambda handler: answers.pop(0)(handler)
    assert call(server, timeout=10.0) == {"n": 1}
    # The action was invoked once.
    assert [path for _, path, _, _ in server.seen].count(f"{ACTION}?blocking=true&result=true") == 1
