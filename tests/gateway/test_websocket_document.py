"""docs/websocket.md states the codes, statuses and limits that the gateway has."""

from __future__ import annotations

import ast
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from wsproto.events import CloseConnection, Message
from wsproto.frame_protocol import CloseReason

from core.protocol import API, SUBPROTOCOL
from core.protocol.events import FINAL, Status
from gateway.asyncapi import document as asyncapi
from gateway.edge import connection
from gateway.edge.websocket_server import MAX_PER_CLIENT
from gateway.inbox.inbox import Inbox
from gateway.openapi import document
from tests.core.samples import TOPIC
from tests.gateway.test_websocket_server import HEADERS, SESSION, Browser, Rig, rig

__all__ = ["rig"]  # the fixture

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "websocket.md").read_text()
#: The library's codes for frames that it cannot read (wsproto's `ParseFailed`).
UNREADABLE = {CloseReason.PROTOCOL_ERROR, CloseReason.INVALID_FRAME_PAYLOAD_DATA}
#: Codes that the gateway does not choose: the client's own, and what libraries report of a lost connection.
OF_CLIENTS = {1000, 1006}


def table(first: str) -> Iterator[list[str]]:
    """Yield the rows of the table whose first heading is this."""
    lines = TEXT.splitlines()
    [start] = [number for number, line in enumerate(lines) if line.startswith(f"| {first} |")]
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def documented_codes() -> dict[int, str]:
    return {int(code): meaning for code, meaning, _ in table("close code")}


def used_codes() -> set[int]:
    """Return the codes with which the gateway's sources close a WebSocket."""
    found = set()
    for path in (ROOT / "gateway" / "edge").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "close"
                and len(node.args) == 2
            ):
                assert isinstance(node.args[0], ast.Name), f"{path.name}: the code is no constant"
                found.add(getattr(connection, node.args[0].id))
    return found


def test_the_close_codes_are_those_of_the_code() -> None:
    used = used_codes()
    constants = {connection.AWAY, connection.PROTOCOL, connection.POLICY, connection.LATER}
    assert used == constants
    assert documented_codes().keys() == constants | UNREADABLE | OF_CLIENTS


#: What a client sends against the protocol.
FRAMES = {
    "no mask": b"\x81\x01x",
    "a reserved kind of frame": b"\x83\x80\0\0\0\0",
    "a reserved bit": b"\xc1\x80\0\0\0\0",
    "a ping of several frames": b"\x09\x80\0\0\0\0",
    "text that is not UTF-8": b"\x81\x82\0\0\0\0\xff\xff",
    "a reason that is not UTF-8": b"\x88\x84\0\0\0\0\x03\xe8\xff\xff",
    "a code that does not exist": b"\x88\x82\0\0\0\0\0\x01",
}


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_against_the_protocol_is_answered_with_a_documented_code(rig: Rig, frame: str) -> None:
    browser = rig.open()
    browser.sock.sendall(FRAMES[frame])
    code = browser.goodbye()
    assert code in UNREADABLE
    assert code in documented_codes()


def test_a_client_that_says_too_much_gets_the_documented_code() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        served, browser = connection.Connection(ours, HEADERS, Inbox(TOPIC, 0), -1, SESSION), Browser(theirs)
        served.flush()
        browser.next()
        sent = 0
        while not served.closing:
            assert sent <= connection.MAX_CHATTER
            browser.say(Message(data="x" * 4_000))
            sent += 4_000
            served.receive()
        served.flush()
        assert browser.goodbye() == connection.POLICY
    assert "sent too much" in documented_codes()[connection.POLICY]


def test_a_clients_own_code_is_returned(rig: Rig) -> None:
    browser = rig.open()
    browser.say(CloseConnection(code=1000))
    assert browser.goodbye() == 1000


def test_the_statuses_of_a_refused_connection_are_those_of_the_openapi_document() -> None:
    stated = {status for statuses, _ in table("status") for status in statuses.split(", ")}
    responses = document({})["paths"][f"{API}/events"]["get"]["responses"]
    assert stated == responses.keys() - {"101", "default"}


def test_the_limits_are_those_of_the_code() -> None:
    words = " ".join(TEXT.split())
    for sentence in (
        f"sends a ping every {connection.PING:g} seconds",
        f"silent for {connection.SILENT:g} seconds is disconnected",
        f"sends more than {connection.MAX_CHATTER // 1024} KiB between two pings",
        f"does not receive is disconnected after {connection.STALLED:g} seconds",
        f"a session may have {MAX_PER_CLIENT}",
        f"the subprotocol `{SUBPROTOCOL}`",
        f"`WS {API}/events?token=",
    ):
        assert sentence in words, sentence
    described = asyncapi()["channels"]["events"]["description"]
    assert f"every {connection.PING:g} s," in described
    assert f"silent for {connection.SILENT:g} s." in described


def test_the_statuses_of_a_job_are_those_of_the_code() -> None:
    [sentence] = re.findall(r"^- `status` is (.*?)\n- ", TEXT, re.DOTALL | re.MULTILINE)
    assert re.findall(r"`([A-Z]+)`", sentence) == list(dict.fromkeys(re.findall(r"`([A-Z]+)`", sentence)))
    assert set(re.findall(r"`([A-Z]+)`", sentence)) == set(get_args(Status))
    assert "One of the last three is final" in " ".join(sentence.split())
    assert set(re.findall(r"`([A-Z]+)`", sentence)[-3:]) == set(FINAL)
