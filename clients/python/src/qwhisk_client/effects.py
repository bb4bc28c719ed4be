"""What the protocol asks its driver to do, and what it gets back. Nothing here does any I/O.

A flow is a generator: it yields an effect, and the driver sends it the outcome. A driver that blocks and one
that awaits perform the same flows, so that `Client` and `AsyncClient` behave alike.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qwhisk_client.models import Event

T = TypeVar("T")


@dataclass(frozen=True)
class Send:
    """Send an HTTP request. The outcome is a `Reply` or `Unreachable`."""

    method: str
    path: str
    timeout: float
    #: A header has the token.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = None


@dataclass(frozen=True)
class Pause:
    """Wait for some seconds. The outcome is None."""

    seconds: float


@dataclass(frozen=True)
class Authorize:
    """Return a valid token: the current one, or a new one if it has to be renewed or was refused.

    The driver performs `Calls.authorize`, one at a time. The outcome is that of the flow, or None if its
    turn has not come by the deadline.
    """

    refused: str | None = field(default=None, repr=False)
    #: When the wait that needs the token ends.
    deadline: float | None = None


@dataclass(frozen=True)
class Open:
    """Open a WebSocket. The outcome is `Opened`, the `Reply` that refused it, or `Unreachable`."""

    #: The query has the token.
    path: str = field(repr=False)
    timeout: float


@dataclass(frozen=True)
class Receive:
    """Receive a message. The outcome is its text, None at the timeout, or `Unreachable` at the end."""

    timeout: float


@dataclass(frozen=True)
class Reply:
    """An HTTP response. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Unreachable:
    """There was no response, or the connection was lost."""

    reason: str


@dataclass(frozen=True)
class Opened:
    """The WebSocket is open."""


Effect = Send | Pause | Authorize | Open | Receive
#: A flow with a return value of type T.
Flow = Generator[Effect, Any, T]
#: A flow that yields events between its effects.
Stream = Generator[Effect | Event, Any, None]
