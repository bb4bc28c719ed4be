"""Sends requests to the provider: each wait is bounded, and only idempotent requests are retried.

The client's own transport repeats a POST that was answered with 5xx, up to five times. But a job may have
been queued although the answer was a 503, and then it is queued twice. Only the caller knows what to do after
an unclear answer: it searches for the job by its tag (`actions/framework/recovery.py`).
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
#: The most retries of a request.
REPEATS = 2
#: Seconds before the first retry; doubled with each further one.
PAUSE = 0.2
#: The number of connections that are kept open: as many threads may send requests at once.
CONNECTIONS = 32

#: Methods that change nothing. PUT and DELETE are idempotent too, but their callers retry themselves.
_SAFE_METHODS = ("GET", "HEAD")
#: Transient statuses, as the client counts them. The caller handles a 429.
_TRANSIENT = frozenset({500, 502, 503, 504, 520, 521, 522, 524})
#: Redirects after which requests sends a GET instead of the original method. 307 and 308 keep the method.
_TO_A_GET = frozenset({301, 302, 303})


class Transport(HTTPAdapter):
    """Sends requests, and retries those that change nothing or were not sent.

    Args:
        repeats: the most retries of a request: after a 5xx or a lost answer if it changes nothing, else only
            if no connection was made, so that nothing was sent.
        timeout: seconds to connect, and seconds without a byte of an answer. The client requests 900 seconds
            for a job and no limit elsewhere; the shorter time applies.
    """

    def __init__(self, repeats: int = REPEATS, timeout: tuple[float, float] = TIMEOUT) -> None:
        # `max_retries` stays 0: the library retries nothing.
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
        changes_nothing = (request.method or "").upper() in _SAFE_METHODS
        pause = PAUSE
        for remaining in range(self._repeats, -1, -1):
            try:
                response = super().send(request, stream, self._waits(request), verify, cert, proxies)
            except requests.RequestException as error:
                if not remaining or not (changes_nothing or nothing_sent(error)) or not _time_for(pause):
                    raise
            else:
                # If the provider says how long to wait, the caller waits.
                transient = response.status_code in _TRANSIENT and "Retry-After" not in response.headers
                if not changes_nothing and response.status_code in _TO_A_GET and response.is_redirect:
                    # A 303 means that the request was carried out. The outcome of a GET elsewhere, such as a
                    # refused connection or a 401, must not count as the outcome of this request.
                    response.close()
                    raise requests.TooManyRedirects("The answer is a redirect to a GET.", request=request)
                if not remaining or not changes_nothing or not transient or not _time_for(pause):
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
    """Return whether a request failed before a connection was made, so that nothing was sent."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def _time_for(pause: float) -> bool:
    left = seconds_left()
    return left is None or left > pause


@contextmanager
def from_the_start(mount: Callable[[Any], None]) -> Iterator[None]:
    """Use our transport for connections that the client creates in this context.

    A new client requests the backends over its own transport, without a time limit.

    Args:
        mount: adds the transport to a session.
    """
    own = RetrySession._initialize_retry
    RetrySession._initialize_retry = lambda http, *_, **__: mount(http)
    try:
        yield
    finally:
        RetrySession._initialize_retry = own
