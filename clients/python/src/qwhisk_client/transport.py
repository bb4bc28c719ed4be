"""What `Client` and `AsyncClient` share: defaults, timeouts, and the outcomes of requests that fail."""

from __future__ import annotations

import httpx
import websockets

from qwhisk_client.effects import Reply, Send, Unreachable

#: Seconds that a response may take, by default. A gateway waits 75 s for a function.
TIMEOUT = 90.0
#: Seconds for connecting.
CONNECT_TIMEOUT = 10.0
#: Seconds that a wait for a result takes at most, by default.
WAIT = 600.0
#: How often a request is sent again, by default.
MAX_RETRIES = 4
#: Seconds for the end of a WebSocket.
CLOSE_TIMEOUT = 2.0
#: The most bytes of a message. An event has less than 1,000,000.
MAX_MESSAGE = 4 * 1024 * 1024
#: What a request says that cannot be sent. The words of httpx would show its headers, hence the key.
UNSENDABLE = "The request cannot be sent: HTTP does not permit its address, or one of its headers."
#: Errors of websockets whose words show the address with the token, or the proxy's with its password.
_WITH_ADDRESS = ("InvalidURI", "InvalidProxy")


def http_timeout(request: Send) -> httpx.Timeout:
    """Return the timeouts of a request: an unreachable gateway is noticed earlier than a slow one."""
    return httpx.Timeout(request.timeout, connect=min(request.timeout, CONNECT_TIMEOUT))


def websocket_url(url: str, path: str) -> str:
    """Return the address of a WebSocket of the gateway at `url`."""
    return f"ws{url.removeprefix('http')}{path}"


def lost(url: str, error: Exception) -> Unreachable:
    """Return the outcome of a request without a response. The address that has the token is not named."""
    name = type(error).__name__
    words = name if name in _WITH_ADDRESS else str(error) or name
    return Unreachable(f"No response from {url}: {words}. Is the gateway running, and is this its address?")


def refusal(error: websockets.InvalidStatus) -> Reply:
    """Return the response that refused a WebSocket."""
    headers = {name.lower(): value for name, value in error.response.headers.raw_items()}
    return Reply(error.response.status_code, headers, bytes(error.response.body or b""))
