"""What a view leaves to the edge: a wait for a result, a large body, a WebSocket, or an MCP message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from flask import Response, request

from gateway.auth.tokens import ClientSession
from gateway.edge.held_response import SLICE
from gateway.inbox.inbox import Inbox
from gateway.limits import Concurrency, LimitError
from gateway.links import public_path
from gateway.mcp.message import McpMessage

#: The name of the exchange among a scope's extensions.
NAME = "qwhisk.exchange"

#: The most requests of one client, and of one address, that wait for results at the same time.
WAITS_PER_CLIENT, WAITS_PER_ADDRESS = 100, 500
#: Seconds after which a request over these limits should be sent again.
RETRY_AFTER = 5.0


class WaitLimits:
    """How many requests may wait for results at the same time.

    Args:
        per_address: the limit of each address; 0 if addresses are not known.
    """

    def __init__(self, per_address: int = WAITS_PER_ADDRESS) -> None:
        self.clients = Concurrency(WAITS_PER_CLIENT)
        self.addresses = Concurrency(per_address)


@dataclass
class FinalEventWait:
    """The response waits for the final event of a job.

    Attributes:
        client_id: the client.
        inbox: the client's events.
        process_job_id: the job.
        seconds: the longest wait.
        newest: whether the response is the job's newest event after that time; else it is the view's.
        prefix: the prefix of the links in events.
    """

    client_id: str
    inbox: Inbox
    process_job_id: str
    seconds: float
    newest: bool
    prefix: str


@dataclass
class Repetition:
    """The view is called again when a condition holds. If it does not hold in time, the response is sent.

    Attributes:
        inbox: the client's events, on which the condition depends.
        holds: the condition.
        seconds: the longest wait.
    """

    inbox: Inbox
    holds: Callable[[], bool]
    seconds: float


@dataclass
class Upgrade:
    """The connection becomes a WebSocket.

    Attributes:
        inbox: the client's events.
        last: the id of the last event that the client has seen; -1 for none.
        session: the client's session.
        prefix: the prefix of the links in events.
    """

    inbox: Inbox
    last: int
    session: ClientSession
    prefix: str


@dataclass
class Exchange:
    """One request at the edge.

    Attributes:
        address: the address of the client, as limits count it.
        abort: ends the connection. May be called by any thread.
        wait: what the response waits for; None if it is sent at once.
        upgrade: set if the connection becomes a WebSocket.
        mcp: set if the MCP server answers the request.
        parts: the body of the response, if the view's own is empty.
        repeated: whether the view is called for the second time.
        repetition: set if the view may have to be called again.
        on_answer: called with the status of the response.
        ended: whether the client has received the response, or has left.
    """

    address: str
    _limits: WaitLimits
    abort: Callable[[], None]
    wait: FinalEventWait | None = None
    upgrade: Upgrade | None = None
    mcp: McpMessage | None = None
    parts: Sequence[bytes] = ()
    repeated: bool = False
    repetition: Repetition | None = None
    on_answer: Callable[[int], None] | None = None
    ended: bool = False
    _releases: list[Callable[[], None]] = field(default_factory=list)

    def reserve_wait(self, client_id: str) -> None:
        """Count this request among those that wait, until it ends.

        Raises:
            LimitError: the client or the address has too many.
        """
        for limit, name in ((self._limits.clients, client_id), (self._limits.addresses, self.address)):
            if not limit.acquire(name):
                raise LimitError(
                    f"Over {limit.most} requests wait for results. Wait for some to end, or listen on the "
                    "WebSocket.",
                    RETRY_AFTER,
                )
            self.at_end(partial(limit.release, name))

    def at_end(self, release: Callable[[], None]) -> None:
        """Call `release` once when the client has received the response, or has left."""
        self._releases.append(release)

    def answered(self, status: int) -> None:
        """Report the status of the response."""
        if self.on_answer is not None:
            self.on_answer(status)

    def repeat(self) -> Exchange:
        """End this call of the view, and return the exchange of the next one."""
        abort = self.abort
        self.close()
        return Exchange(self.address, self._limits, abort, repeated=True)

    def independent(self) -> Exchange:
        """Return the exchange of work that continues after this request has ended."""
        return Exchange(self.address, self._limits, _nothing)

    def inner(self, repeated: bool = False) -> Exchange:
        """Return the exchange of a request that is made for this one, and ends with it."""
        inner = Exchange(self.address, self._limits, self.abort, repeated=repeated)
        self.at_end(inner.close)
        return inner

    def close(self) -> None:
        """End the request."""
        self.ended = True
        # It refers to this exchange and to the connection: without it, both are freed at once.
        self.abort = _nothing
        while self._releases:
            self._releases.pop()()


def _nothing() -> None:
    """Do nothing: the request has ended."""


def exchange() -> Exchange:
    """Return the exchange of the request that a view serves."""
    current: Exchange = request.environ["asgi.scope"]["extensions"][NAME]
    return current


def wait_for_final(
    client_id: str, inbox: Inbox, process_job_id: str, seconds: float, newest: bool = False
) -> None:
    """Hold the view's response until the job's final event arrives (see `FinalEventWait`)."""
    exchange().wait = FinalEventWait(client_id, inbox, process_job_id, seconds, newest, public_path(""))


def awaited(inbox: Inbox, holds: Callable[[], bool], seconds: float) -> bool:
    """Return whether a condition on an inbox holds.

    If it does not, the edge waits for it without a thread, and calls the view again when it holds.

    Args:
        inbox: the client's events, on which the condition depends.
        holds: the condition.
        seconds: the longest wait.
    """
    if holds():
        return True
    current = exchange()
    if not current.repeated:
        current.repetition = Repetition(inbox, holds, seconds)
    return False


def json_parts(parts: Sequence[bytes]) -> Response:
    """Return a response with this JSON. If it is large, the edge sends it as fast as the client reads.

    The parts are not copied, so many responses with the same event take little more memory than one.
    """
    size = sum(map(len, parts))
    if size <= SLICE:
        return Response(b"".join(parts), mimetype="application/json")
    exchange().parts = parts
    response = Response(mimetype="application/json")
    response.content_length = size
    return response
