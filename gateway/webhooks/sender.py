"""One POST to a client's address: to a checked IP address, within a time limit, with no redirects."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import SplitResult

import h11

from core.retry_after import parse_retry_after
from gateway.limits import Concurrency, network_of
from gateway.webhooks.callback import Policy, parsed, permitted

#: The longest time in seconds for one attempt, including the resolution of its name.
TIMEOUT = 10.0
#: The most addresses of one name that are tried.
MAX_ADDRESSES = 4
#: The most concurrent resolutions. A resolver may take longer than an attempt.
_RESOLVERS = 16
#: The most concurrent resolutions for clients of one source, and the most attempts at one address.
MAX_RESOLUTIONS_OF_SOURCE, MAX_IN_FLIGHT_AT_ADDRESS = 4, 16

#: Returns the IP addresses of a host. Raises OSError if there are none.
Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Args:
        delivered: whether the receiver answered with 2xx.
        reason: the reason, for the log. It contains nothing that the receiver sent.
        last: whether a retry is useless.
        retry_after: seconds that the receiver asked to wait.
        postponed: whether no attempt was made, because too many others are in progress.
    """

    delivered: bool
    reason: str
    last: bool = False
    retry_after: float = 0.0
    postponed: bool = False


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, from the system's resolver."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


class WebhookSender:
    """Sends webhooks. Thread-safe.

    Args:
        policy: which addresses may be called.
        names: returns a host's addresses.
        context: the trusted certificates for TLS.
        timeout: seconds for one attempt.
    """

    def __init__(
        self,
        policy: Policy,
        names: Resolve = resolve,
        context: ssl.SSLContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._policy: Policy = policy
        self._names = names
        self._context = context or ssl.create_default_context()
        self._timeout = timeout
        self._resolutions = Concurrency(MAX_RESOLUTIONS_OF_SOURCE)
        self._attempts = Concurrency(MAX_IN_FLIGHT_AT_ADDRESS)
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolver")

    def close(self) -> None:
        """Stop; resolutions that wait are cancelled."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, source: str = "") -> Outcome:
        """POST the body once and return how that ended.

        Args:
            url: the receiver's address.
            headers: the headers of the request, besides the usual ones.
            body: the body.
            source: whose share of the resolver is used.
        """
        deadline = time.monotonic() + self._timeout
        parts = parsed(url)
        if parts is None or (parts.scheme != "https" and self._policy != "private"):
            return Outcome(False, "the address may not be called", last=True)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        if not self._resolutions.acquire(source):
            return Outcome(False, "too many names of this source are being resolved", postponed=True)
        try:
            addresses = self._resolve(host, port, source).result(self._timeout)
        except FutureTimeout:
            return Outcome(False, "the name was not resolved in time")
        except (OSError, UnicodeError):
            return Outcome(False, "the name cannot be resolved")
        # All must be permitted: the owner of the name decides which of them is used.
        if not all(permitted(address, self._policy) for address in addresses):
            return Outcome(False, "the name resolves to an address that may not be called", last=True)
        addresses = addresses[:MAX_ADDRESSES]
        receivers = [network_of(address) for address in addresses]
        if not self._attempts.acquire(*receivers):
            return Outcome(False, "too many deliveries to this address are in progress", postponed=True)
        try:
            return self._connect_and_exchange(addresses, port, parts, headers, body, deadline)
        finally:
            self._attempts.release(*receivers)

    def _resolve(self, host: str, port: int, source: str) -> Future[list[str]]:
        """Resolve a name. The source's share is in use until that ends, which may be after the attempt."""
        try:
            resolution = self._resolvers.submit(self._names, host, port)
        except RuntimeError:  # stopped, or no thread can be started now
            self._resolutions.release(source)
            raise
        resolution.add_done_callback(lambda _: self._resolutions.release(source))
        return resolution

    def _connect_and_exchange(
        self,
        addresses: list[str],
        port: int,
        parts: SplitResult,
        headers: Mapping[str, str],
        body: bytes,
        deadline: float,
    ) -> Outcome:
        try:
            with self._connect(addresses, port, parts, deadline) as sock:
                return _exchange(sock, _request(parts, headers, body), body, deadline)
        except TimeoutError:
            return Outcome(False, f"no answer within {self._timeout:.0f} s")
        except ssl.SSLError:
            return Outcome(False, "the certificate is not valid")
        except OSError:
            return Outcome(False, "the receiver cannot be reached")
        except h11.ProtocolError:
            return Outcome(False, "the answer is not HTTP")

    def _connect(self, addresses: list[str], port: int, parts: SplitResult, deadline: float) -> socket.socket:
        """Return a connection to the first of these addresses that accepts one, with TLS for https."""
        failed: OSError = OSError("no address")
        for address in addresses:
            sock = None
            try:
                sock = socket.create_connection((address, port), _left(deadline))
                if parts.scheme == "http":
                    return sock
                sock.settimeout(_left(deadline))
                return self._context.wrap_socket(sock, server_hostname=parts.hostname)
            except OSError as error:
                failed = error
                if sock is not None:
                    with suppress(OSError):
                        sock.close()
        raise failed


def _request(parts: SplitResult, headers: Mapping[str, str], body: bytes) -> h11.Request:
    fields = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "User-Agent": "qwhisk",
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return h11.Request(method="POST", target=target, headers=list((fields | dict(headers)).items()))


def _exchange(sock: socket.socket, request: h11.Request, body: bytes, deadline: float) -> Outcome:
    """Send the request and read the response's headers. Its body is not needed."""
    http = h11.Connection(h11.CLIENT)
    sent = [http.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage())]
    sock.settimeout(_left(deadline))
    sock.sendall(b"".join(sent))
    while True:
        answer = http.next_event()
        if isinstance(answer, h11.Response):
            return _outcome(answer)
        if answer is h11.NEED_DATA:
            sock.settimeout(_left(deadline))
            http.receive_data(sock.recv(4_096))


def _outcome(answer: h11.Response) -> Outcome:
    status = answer.status_code
    if 200 <= status < 300:
        return Outcome(True, f"status {status}")
    header = dict(answer.headers).get(b"retry-after", b"").decode("latin-1")
    retry_after = parse_retry_after(header, datetime.now(UTC)) or 0.0
    # 410 Gone: the receiver asks for no further attempts.
    return Outcome(False, f"status {status}", last=status == 410, retry_after=retry_after)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
