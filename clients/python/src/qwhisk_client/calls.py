"""Sessions and requests, without I/O: one request is sent until it succeeds or fails for good."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from qwhisk_client.effects import Authorize, Flow, Pause, Reply, Send, Unreachable
from qwhisk_client.errors import (
    APIConnectionError,
    AuthenticationError,
    QwhiskError,
    UnexpectedResponseError,
    error_of,
)
from qwhisk_client.models import Session
from qwhisk_client.retries import RetryPolicy

T = TypeVar("T")

API = "/api/v1"
#: Seconds beyond the deadline of a wait within which its last response must arrive.
GRACE = 5.0


def base_url(url: str) -> str:
    """Return the gateway's address without a slash at its end.

    Raises:
        ValueError: it is not the address of an HTTP server.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not the address of a gateway. Write it like http://127.0.0.1:8080.")
    return url.rstrip("/")


class Calls:
    """The session of one client, and its requests.

    Args:
        key: an API key, or an OpenID Connect provider's token, for a gateway that requires a sign-in.
        session: the session to use; None to open one with the first request.
        timeout: seconds that a response may take.
        retries: which failed requests are sent again.
        monotonic: returns the time in seconds, for deadlines.
        clock: returns the seconds since 1970, for the expiry of sessions.
    """

    def __init__(
        self,
        key: str | None,
        session: Session | str | None,
        timeout: float,
        retries: RetryPolicy,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.session = Session(session) if isinstance(session, str) else session
        self._key = key
        #: A session that only a token is known of cannot be replaced: it is the caller's.
        self._replaceable = not isinstance(session, str)
        self.timeout = timeout
        self.retries = retries
        self.monotonic = monotonic
        self._clock = clock

    def authorize(self, refused: str | None) -> Flow[str]:
        """Return a token. The driver runs one of these flows at a time.

        Args:
            refused: the token that the gateway has refused; None for the current one.
        """
        session = self.session
        if session is None or session.token == refused or self._expired(session):
            if session is not None and not self._replaceable:
                raise AuthenticationError(
                    401, "The token is not valid any more. Get a new one, or give a key."
                )
            self.session = yield from self._open_session(self._key)
        elif self._past_half(session):
            try:
                self.session = yield from self._open_session(session.token)
            except QwhiskError:
                return session.token  # it is still valid, and is renewed with a later request
        return self.session.token if self.session else ""

    def authorized(self) -> Flow[None]:
        """Open a session if there is none."""
        yield Authorize()

    def _expired(self, session: Session) -> bool:
        return session.expires_at is not None and self._clock() >= session.expires_at

    def _past_half(self, session: Session) -> bool:
        expires_at = session.expires_at
        return (
            expires_at is not None
            and self._clock() - session.opened_at > (expires_at - session.opened_at) / 2
        )

    def _open_session(self, credential: str | None) -> Flow[Session]:
        opened_at = self._clock()
        document = yield from self.call("POST", "/sessions", credential=credential or "")
        return read(
            lambda raw: Session(
                raw["token"],
                raw["client_id"],
                opened_at,
                datetime.fromisoformat(raw["expires_at"]).timestamp(),
            ),
            document,
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        credential: str | None = None,
        of_session: bool = False,
        wait: float = 0.0,
        deadline: float | None = None,
    ) -> Flow[Any]:
        """Send a request until it succeeds or fails for good, and return its JSON.

        Args:
            method: the HTTP method.
            path: the path and query below the API's.
            body: the JSON of the body.
            headers: further headers.
            credential: what to send instead of the session's token; empty for nothing.
            of_session: whether the request is about a job, which another session does not have.
            wait: seconds that the gateway may wait before it answers.
            deadline: when the wait that this request is part of ends.
        """
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        attempt, lost, renewed = 0, False, False
        token = (yield Authorize()) if credential is None else credential
        while True:
            fields = {"Accept": "application/json"} | dict(headers or {})
            if token:
                fields["Authorization"] = f"Bearer {token}"
            if content is not None:
                fields["Content-Type"] = "application/json"
            limit = wait + self.timeout
            if deadline is not None:
                limit = min(limit, max(0.0, deadline - self.monotonic()) + GRACE)
            outcome = yield Send(method, API + path, limit, fields, content)
            if isinstance(outcome, Reply) and 200 <= outcome.status < 300:
                return _json(outcome)
            error = failure_of(outcome)
            lost = lost or isinstance(error, APIConnectionError)
            unauthorized = isinstance(error, AuthenticationError) and error.status == 401
            if unauthorized and credential is None and not (renewed or lost or of_session):
                # If an answer was lost, there may be a job that another session does not have.
                renewed = True
                token = yield Authorize(refused=token)
                continue
            remaining = None if deadline is None else deadline - self.monotonic()
            pause = self.retries.pause(error, attempt, remaining)
            if pause is None:
                raise error
            yield Pause(pause)
            attempt += 1


def failure_of(outcome: Reply | Unreachable) -> QwhiskError:
    if isinstance(outcome, Unreachable):
        return APIConnectionError(outcome.reason)
    return error_of(outcome.status, outcome.headers, outcome.body)


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise UnexpectedResponseError("The response is not JSON. Is this the address of a gateway?") from None


def read(make: Callable[[Any], T], document: Any) -> T:
    try:
        return make(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedResponseError(
            f"The response is not the expected one ({type(error).__name__}: {error}). "
            "Is this the address of a gateway?"
        ) from None
