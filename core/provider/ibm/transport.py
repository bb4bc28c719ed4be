"""How requests reach the provider: each wait has an end, and only what is idempotent is sent twice.

The client comes with a transport of its own that repeats a POST answered with 5xx, up to five times. But a
job may have been taken although its answer was a 503, and then it is queued twice. Only the caller can know
what to do after an unclear answer: it looks for the job by its tag (`actions/framework/recovery.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from qiskit_ibm_runtime.api.session import RetrySession
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from core.provider.deadline import seconds_left

#: Seconds to connect, and seconds without a byte of an answer.
TIMEOUT = (5.0, 30.0)
#: Times that a request is sent again, where it may be.
REPEATS = 2
#: Seconds before a request is sent again; doubled with each further time.
PAUSE = 0.2
#: Connections kept open: as many threads may be asking at once.
CONNECTIONS = 32

#: Methods that change nothing. PUT and DELETE are idempotent too, but whoever sends them has patience itself.
_HARMLESS = ("GET", "HEAD")
#: Statuses that may pass, as the client itself counts them. 429 is for the caller to wait for.
_PASSING = frozenset({500, 502, 503, 504, 520, 521, 522, 524})
#: Redirects after which requests sends a GET in the place of what was sent. 307 and 308 keep the method.
_TO_A_GET = frozenset({301, 302, 303})


class Transport(HTTPAdapter):
    """Sends requests, and sends again what changes nothing or was never sent.

    Args:
        repeats: times that a request is sent again: one that changes nothing after a 5xx or a lost answer,
            any other only where no connection was made, so that nothing was sent.
        timeout: seconds to connect, and seconds without a byte of an answer. The client asks for 900 seconds
            for a job, and for no end at all elsewhere; the shorter time holds.
    """

    def __init__(self, repeats: int = REPEATS, timeout: tuple[float, float] = TIMEOUT) -> None:
        # `max_retries` stays 0: the library repeats nothing.
        super().__init__(pool_maxsize=CONNECTIONS)
        self._repeats = repeats
        self._timeout = timeout

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,  # noqa: ARG002
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send the request; see the class."""
        harmless = (request.method or "").upper() in _HARMLESS
        pause = PAUSE
        for left in range(self._repeats, -1, -1):
            try:
                response = super().send(request, stream, self._waits(request), verify, cert, proxies)
            except requests.RequestException as error:
                if not left or not (harmless or nothing_sent(error)) or not _time_for(pause):
                    raise
            else:
                # Where the provider says how long to wait, that is for the caller to do.
                passing = response.status_code in _PASSING and "Retry-After" not in response.headers
                if not harmless and response.status_code in _TO_A_GET and response.is_redirect:
                    # A 303 says that the request was carried out. The outcome of a GET elsewhere, such as a
                    # refused connection or 401, must not be taken for the outcome of this request.
                    response.close()
                    raise requests.TooManyRedirects("The answer is a redirect to a GET.", request=request)
                if not left or not harmless or not passing or not _time_for(pause):
                    return response
                response.close()
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last time returns or raises")

    def _waits(self, request: requests.PreparedRequest) -> tuple[float, float]:
        left = seconds_left()
        if left is None:
            return self._timeout
        if left <= 0:
            raise requests.ConnectTimeout("No time was left to send the request.", request=request)
        connect, read = self._timeout
        return min(connect, left), min(read, left)


def nothing_sent(error: BaseException) -> bool:
    """True if the request failed before a connection was made: it cannot have been carried out."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def _time_for(pause: float) -> bool:
    left = seconds_left()
    return left is None or left > pause


@contextmanager
def from_the_start(mount: Callable[[Any], None]) -> Iterator[None]:
    """Let connections that the client makes meanwhile have our transport.

    A client asks for the backends while it is being made, over its own transport, and without an end.

    Args:
        mount: puts the transport into a session.
    """
    own = RetrySession._initialize_retry
    RetrySession._initialize_retry = lambda http, *_, **__: mount(http)
    try:
        yield
    finally:
        RetrySession._initialize_retry = own
