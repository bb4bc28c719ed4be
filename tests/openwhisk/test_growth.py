"""The cost of what callers and actions send to the local OpenWhisk grows in proportion."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest

from core.openwhisk.action_server import SENTINEL
from local.openwhisk.auth import Auth
from local.openwhisk.entities.action import put_action
from local.openwhisk.entities.common import entity_name, notes, parameters, reference
from local.openwhisk.errors import BadRequest, OpenWhiskError
from local.openwhisk.logs import Logs
from local.openwhisk.web_action import MAX_HEADERS, WebCall, answer, arguments
from testkit.growth import excess

SIZE = 8_000


def web(
    body: bytes, media: str = "application/json", query: str = "", path: str = ""
) -> Callable[[], object]:
    call = WebCall("POST", {"Content-Type": media}, path, query, body)
    return lambda: orjson.dumps(arguments(call, False, frozenset({"a"})))


def result(**fields: Any) -> Callable[[], object]:
    return lambda: answer(".http", fields)


def logged(*chunks: bytes) -> Callable[[], object]:
    def feed() -> None:
        logs = Logs(10_000_000)
        for chunk in chunks:
            logs.feed(1, chunk)
        logs.take()

    return feed


#: The work for an input of a size.
WORK: dict[str, Callable[[int], Callable[[], object]]] = {
    "a key": lambda size: lambda: Auth("user:password").check("Basic " + "x" * size),
    "a name": lambda size: lambda: entity_name("a " * size),
    "a reference": lambda size: lambda: reference("/_/" + "a/" * size, "guest", "trigger", 2),
    "parameters": lambda size: (
        lambda: parameters(
            {"parameters": [{"key": str(n), "value": n} for n in range(size)]}, "parameters", ()
        )
    ),
    "annotations to delete": lambda size: (
        lambda: notes(
            {
                "annotations": [{"key": str(n), "value": n} for n in range(size)],
                "delAnnotations": [f"x{n}" for n in range(size)],
            },
            (),
        )
    ),
    "a number in a body": lambda size: web(b'{"b": ' + b"9" * size + b"}"),
    "numbers in a body": lambda size: web(b'{"b": [' + b"9," * size + b"9]}"),
    "a deep body": lambda size: web(b"[" * size + b"]" * size),
    "names in a body": lambda size: web(orjson.dumps({str(n): n for n in range(size)})),
    "one name in a body": lambda size: web(b"{" + b'"b":1,' * size + b'"b":1}'),
    "a form": lambda size: web(b"a=%41&" * size, "application/x-www-form-urlencoded"),
    "a form of signs": lambda size: web(b"&=" * size, "application/x-www-form-urlencoded"),
    "a query": lambda size: web(b"", query="b=%F0%9F&" * size),
    "a query of percent signs": lambda size: web(b"", query="%" * size),
    "binary": lambda size: web(b"\0" * size, "image/png"),
    "a media type": lambda size: web(b"x", ("a/" * size) + ";" * size),
    "a status": lambda size: result(statusCode="9" * size),
    "a header's name": lambda size: result(headers={"a-" * size: "x"}),
    "a header's value": lambda size: result(headers={"a": "x" * size}),
    "a header with many values": lambda size: result(headers={"a" * size: ["1"] * size}),
    "headers": lambda size: result(headers={f"a{n}": "x" for n in range(size)}),
    "a content type": lambda size: result(headers={"Content-Type": "a/" + "+json" * size}, body="x"),
    "base64": lambda size: result(headers={"Content-Type": "image/png"}, body="AAAA" * size),
    "text that is no base64": lambda size: result(headers={"Content-Type": "image/png"}, body="!" * size),
    "lines": lambda size: logged(b"x\n" * size),
    "a line": lambda size: logged(*[b"x" * 1_000] * (size // 100)),
    "bytes of a line": lambda size: logged(*[b"x"] * size),
    "sentinels": lambda size: logged((SENTINEL + b"\n") * (size // 10)),
    "code": lambda size: action({"exec": {"kind": "python:3", "code": "UEsDB" + "A" * size + "!"}}),
    "components": lambda size: action({"exec": {"kind": "sequence", "components": ["/_/a"] * size}}),
    "an image": lambda size: action({"exec": {"kind": "blackbox", "image": "a/" * size}}),
}


def action(body: dict[str, Any]) -> Callable[[], object]:
    return lambda: put_action(body, "guest", "", "a", None, 0, 1)


@pytest.mark.parametrize("name", WORK)
def test_the_cost_grows_in_proportion(name: str) -> None:
    def make(size: int) -> Callable[[], object]:
        work = WORK[name](size)

        def done() -> None:
            with suppress(OpenWhiskError):
                work()

        return done

    assert excess(make, SIZE) is None


def test_a_small_result_makes_no_large_response() -> None:
    """A list of values repeats the header's name."""
    fields = {"headers": {"a" * 1_000: ["1"] * 1_000}, "body": "x"}
    with pytest.raises(BadRequest, match="message/http"):
        answer(".http", fields)
    most = answer(".http", {"headers": {"a": ["x" * 1_000] * 60}, "body": "x"})
    assert sum(len(name) + len(value) for name, value in most.headers) < MAX_HEADERS


@pytest.mark.parametrize(
    "body",
    [b'{"b": 123456789012345678901234567890}', b'{"b": "\\ud800"}', b'{"b": NaN}', b'{"b": 1e999}'],
)
def test_a_body_is_rejected_or_can_be_passed_on(body: bytes) -> None:
    """The parameters become JSON again in the request to the action."""
    with suppress(BadRequest):
        web(body)()
