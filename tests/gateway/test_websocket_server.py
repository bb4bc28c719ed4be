"""WebSockets over real sockets: pushed, resumed, bounded; no client affects another."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Message, Ping, Pong, Request, TextMessage

from core.protocol import encode
from gateway.auth.tokens import ClientSession
from gateway.edge import connection as module
from gateway.edge import websocket_server as server_module
from gateway.edge.connection import HIGH_WATER, Connection, HandshakeError
from gateway.edge.websocket_server import MAX_PER_CLIENT, WebSocketServer
from gateway.inbox.inbox import Inbox
from tests.core.samples import TOPIC, result_event

SESSION = ClientSession("client-1", TOPIC, datetime.now(UTC) + timedelta(hours=1))
HEADERS = [
    ("Host", "127.0.0.1"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
]


class Browser:
    """The other end of a connection."""

    def __init__(self, sock: socket.socket, protocols: Sequence[str] = ()) -> None:
        self.sock = sock
        self.subprotocol: str | None = None
        sock.settimeout(10)
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._ws.send(Request(host="127.0.0.1", target="/", subprotocols=list(protocols)))
        # The key of our own request: its answer is checked against it.
        self._ws.handshake._nonce = dict(HEADERS)["Sec-WebSocket-Key"].encode()
        self._events: list[Event] = []

    def next(self) -> Event:
        """Return the next event. Raises ConnectionError at the end."""
        while not self._events:
            data = self.sock.recv(65_536)
            if not data:
                raise ConnectionError("the server has closed")
            self._ws.receive_data(data)
            self._events += list(self._ws.events())
        return self._events.pop(0)

    def message(self) -> dict[str, Any]:
        """Return the next complete text message."""
        text = ""
        while True:
            event = self.next()
            assert isinstance(event, TextMessage), event
            text += event.data
            if event.message_finished:
                decoded: dict[str, Any] = json.loads(text)
                return decoded

    def say(self, event: Event) -> None:
        self.sock.sendall(self._ws.send(event))

    def goodbye(self) -> int:
        """Return the code with which the server closes; everything before it is skipped."""
        while True:
            event = self.next()
            if isinstance(event, CloseConnection):
                return int(event.code)


class Rig:
    """A server with one client's inbox."""

    def __init__(self, most: int = 100) -> None:
        self.websocket_server = WebSocketServer(most)
        self.inbox = Inbox(TOPIC, 0, self.websocket_server.on_event)
        self.offset = 0
        self._browsers: list[Browser] = []

    def close(self) -> None:
        """End everything."""
        self.websocket_server.close()
        for browser in self._browsers:
            browser.sock.close()

    def open(
        self,
        last: int = -1,
        session: ClientSession = SESSION,
        inbox: Inbox | None = None,
        protocols: str | None = None,
    ) -> Browser:
        """Connect a client that listens from now on, and may offer subprotocols."""
        ours, theirs = socket.socketpair()
        inbox = inbox or self.inbox
        ours.setblocking(False)
        offered = [] if protocols is None else [("Sec-WebSocket-Protocol", protocols)]
        connection = Connection(ours, HEADERS + offered, inbox, last, session)
        inbox.enter()
        self.websocket_server.add(connection)
        browser = Browser(theirs, [] if protocols is None else protocols.split(", "))
        self._browsers.append(browser)
        accepted = browser.next()
        assert isinstance(accepted, AcceptConnection)
        browser.subprotocol = accepted.subprotocol
        return browser

    def tell(self, **changes: Any) -> None:
        """Add an event to the inbox."""
        changes = {"status": "RUNNING", "process_job_id": f"p{self.offset}"} | changes
        self.inbox.append(self.offset, encode(result_event(**changes)))
        self.offset += 1


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()
    assert not made.websocket_server.alive()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.005)


def test_events_are_pushed_to_all_listeners_as_they_arrive(rig: Rig) -> None:
    rig.tell()
    browsers = rig.open(), rig.open()
    rig.tell(status="DONE")
    for browser in browsers:
        first, second = browser.message(), browser.message()
        assert (first["id"], second["id"], second["event"]["status"]) == (0, 1, "DONE")
    assert len(rig.websocket_server) == 2


def test_a_client_that_offers_cloud_events_gets_them_and_resumes_by_their_id(rig: Rig) -> None:
    for _ in range(3):
        rig.tell(status="DONE")
    browser = rig.open(last=1, protocols="other, cloudevents.json")
    assert browser.subprotocol == "cloudevents.json"
    found = from_structured_event(
        HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(browser.message()).encode())
    )
    assert (found.get_id(), found.get_type(), found.get_subject()) == ("2", "qwhisk.job.done", "p2")
    plain = rig.open(last=1)
    assert plain.message() == {"id": 2, "event": found.get_data()}


def test_an_unknown_subprotocol_is_not_accepted(rig: Rig) -> None:
    rig.tell()
    browser = rig.open(protocols="mqtt")
    assert browser.subprotocol is None
    assert browser.message().keys() == {"id", "event"}


def test_a_client_resumes_after_what_it_saw(rig: Rig) -> None:
    for _ in range(5):
        rig.tell()
    assert rig.open(last=2).message()["id"] == 3


def test_another_clients_events_are_not_received(rig: Rig) -> None:
    other = Inbox("results." + "b" * 24, 0, rig.websocket_server.on_event)
    theirs = rig.open(inbox=other)
    rig.tell()
    other.append(0, encode(result_event(status="DONE", process_job_id="theirs")))
    assert theirs.message()["event"]["process_job_id"] == "theirs"


def test_a_slow_reader_delays_no_other_and_gets_everything(rig: Rig) -> None:
    slow, quick = rig.open(), rig.open()
    large = {"emoticon_1": "x" * 100_000}
    for _ in range(60):
        rig.tell(params=large)
        quick.message()
    # Six megabytes are not buffered for the slow one: they wait in the inbox.
    until(lambda: sum(candidate.unsent > 0 for candidate in rig.websocket_server._all()) == 1)
    [connection] = [candidate for candidate in rig.websocket_server._all() if candidate.unsent]
    assert len(connection._out) <= HIGH_WATER + 2 * 100_500
    assert [slow.message()["id"] for _ in range(60)] == list(range(60))


def test_unsent_events_of_all_clients_are_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those end first that have received nothing for the longest time, and can resume."""
    monkeypatch.setattr(server_module, "MAX_UNSENT", 3_000_000)
    for number in range(3):
        rig.tell(params={"text": "x" * 700_000}, process_job_id=f"p{number}")
    unread = [rig.open() for _ in range(8)]
    server = rig.websocket_server
    until(lambda: len(server) < len(unread) and server._all_unsent <= 3_000_000)
    assert len(server) >= 3
    for browser in unread[-3:]:
        assert browser.message()["event"]["process_job_id"] == "p0"
    with pytest.raises(ConnectionError):
        unread[0].goodbye()
    assert rig.open(last=1).message()["event"]["process_job_id"] == "p2"
    for browser in unread:
        browser.sock.close()
    until(lambda: server._all_unsent == 0)


def test_a_client_that_leaves_is_removed(rig: Rig) -> None:
    polite, rude = rig.open(), rig.open()
    assert rig.inbox.idle() == 0
    polite.say(CloseConnection(code=1000))
    assert polite.goodbye() == 1000
    rude.sock.close()
    until(lambda: len(rig.websocket_server) == 0)
    time.sleep(0.01)
    assert rig.inbox.idle() > 0


def test_pings_are_answered_and_messages_are_ignored(rig: Rig) -> None:
    browser = rig.open()
    browser.say(Message(data="hello"))
    browser.say(Ping(payload=b"x"))
    event = browser.next()
    assert isinstance(event, Pong)
    assert event.payload == b"x"


def test_too_many_messages_end_the_connection(rig: Rig) -> None:
    browser = rig.open()
    with suppress(ConnectionError):
        for _ in range(100):
            browser.say(Message(data="x" * 4_000))
    until(lambda: len(rig.websocket_server) == 0)
    rig.open()


@given(st.binary(min_size=1, max_size=300))
def test_other_clients_are_served_after_any_bytes(garbage: bytes) -> None:
    rig = Rig()
    try:
        fine, odd = rig.open(), rig.open()
        odd.sock.sendall(garbage)
        rig.tell()
        assert fine.message()["id"] == 0
        assert rig.websocket_server.alive()
    finally:
        rig.close()


def test_connections_are_limited_per_client_and_in_total() -> None:
    rig = Rig(MAX_PER_CLIENT + 2)
    try:
        mine = [rig.open() for _ in range(MAX_PER_CLIENT)]
        assert rig.open().goodbye() == module.LATER
        until(lambda: len(rig.websocket_server) == MAX_PER_CLIENT)
        inboxes = [Inbox(f"results.{letter * 24}", 0) for letter in "xyz"]
        theirs = [rig.open(inbox=inbox) for inbox in inboxes]
        assert theirs[2].goodbye() == module.LATER
        mine[0].sock.close()
        until(lambda: len(rig.websocket_server) < MAX_PER_CLIENT + 2)
        rig.tell()
        assert rig.open().message()["id"] == 0
    finally:
        rig.close()


def test_at_the_end_all_clients_are_informed_to_connect_again(rig: Rig) -> None:
    browsers = [rig.open() for _ in range(3)]
    rig.websocket_server.close()
    assert [browser.goodbye() for browser in browsers] == [module.AWAY] * 3


# --- timeouts -------------------------------------------------------------------------------------------


Ticked = Callable[..., tuple[Connection, Browser]]


@pytest.fixture
def ticked() -> Iterator[Ticked]:
    """Creates connections outside any server."""
    sockets: list[socket.socket] = []

    def make(session: ClientSession = SESSION) -> tuple[Connection, Browser]:
        ours, theirs = socket.socketpair()
        sockets.extend((ours, theirs))
        ours.setblocking(False)
        connection = Connection(ours, HEADERS, Inbox(TOPIC, 0), -1, session)
        connection.pump()
        browser = Browser(theirs)
        assert isinstance(browser.next(), AcceptConnection)
        return connection, browser

    yield make
    for open_socket in sockets:
        open_socket.close()


def test_a_quiet_connection_is_pinged_and_a_silent_one_ended(ticked: Ticked) -> None:
    connection, browser = ticked()
    now = time.monotonic()
    connection.tick(now + module.PING + 1)
    connection.pump()
    assert isinstance(browser.next(), Ping)
    with pytest.raises(ConnectionResetError):
        connection.tick(now + module.SILENT + 2)


def test_a_client_that_reads_nothing_is_closed(ticked: Ticked) -> None:
    connection, _browser = ticked()
    for offset in range(200):
        data = encode(result_event(status="RUNNING", process_job_id=f"p{offset}", params={"x": "y" * 50_000}))
        connection.inbox.append(offset, data)
    connection.pump()
    assert connection.unsent
    now = time.monotonic()
    connection._heard = now + module.STALLED
    connection.tick(now + module.STALLED / 2)
    with pytest.raises(ConnectionResetError):
        connection.tick(now + module.STALLED + 1)


def test_the_end_of_the_session_ends_the_connection(ticked: Ticked) -> None:
    connection, browser = ticked(ClientSession("client-1", TOPIC, datetime.now(UTC) - timedelta(seconds=1)))
    connection.tick(time.monotonic())
    assert connection.pump() == (0, False)
    assert browser.goodbye() == module.POLICY


def test_a_closed_inbox_informs_the_client_to_connect_again(ticked: Ticked) -> None:
    connection, browser = ticked()
    connection.inbox.close()
    connection.tick(time.monotonic())
    connection.pump()
    assert browser.goodbye() == module.AWAY


@pytest.mark.parametrize("cause", ["expired", "too many", "said goodbye"])
def test_a_client_that_does_not_receive_the_close_frame_is_dropped(ticked: Ticked, cause: str) -> None:
    ended = ClientSession("client-1", TOPIC, datetime.now(UTC) - timedelta(seconds=1))
    connection, browser = ticked(ended if cause == "expired" else SESSION)
    for offset in range(200):
        data = encode(result_event(status="RUNNING", process_job_id=f"p{offset}", params={"x": "y" * 50_000}))
        connection.inbox.append(offset, data)
    connection.pump()
    if cause == "too many":
        connection.close(module.LATER, "too many connections")
    elif cause == "said goodbye":
        browser.say(CloseConnection(code=1000))
        connection.receive()
    now = time.monotonic()
    connection.tick(now)
    assert connection.closing
    assert connection.unsent
    connection.tick(now + module.CLOSE_TIMEOUT - 1)
    with pytest.raises(ConnectionResetError):
        connection.tick(now + module.CLOSE_TIMEOUT + 1)


@pytest.mark.parametrize("missing", ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_an_invalid_handshake_is_refused(missing: str) -> None:
    headers = [(name, value) for name, value in HEADERS if name != missing]
    with socket.socket() as sock, pytest.raises(HandshakeError):
        Connection(sock, headers, Inbox(TOPIC, 0), -1, SESSION)
