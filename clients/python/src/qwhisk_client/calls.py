"""Sessions and requests, without I/O: one request is sent until it succeeds or fails for good."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from qwhisk_client.checks import secret
from qwhisk_client.effects import Authorize, Flow, Pause, Reply, Send, Unreachable
from qwhisk_client.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    QwhiskError,
    UnexpectedResponseError,
    error_of,
)
from qwhisk_client.models import Session
from qwhisk_client.retries import RetryPolicy

T = TypeVar("T")

API = "/api/v1"
#: The status of a success that has no document.
NO_CONTENT = 204
#: Seconds beyond the deadline of a wait within which its last response must arrive.
GRACE = 5.0
#: Seconds between two attempts to renew a session, and the least if half of its remaining life is shorter.
RENEWAL_PAUSE, RENEWAL_PAUSE_LEAST = 60.0, 1.0


class Calls:
    """The session of one client, and its requests.

    Args:
        key: an API key, or an OpenID Connect provider's token, for a gateway that requires a sign-in; or a
            function that returns one, which is called each time that a session is opened.
        session: the session to use; None to open one with the first request.
        timeout: seconds that a response may take.
        retries: which failed requests are sent again.
        monotonic: returns the time in seconds, for deadlines.
        clock: returns the seconds since 1970, for the expiry of sessions.
    """

    def __init__(
        self,
        key: str | Callable[[], str | None] | None,
        session: Session | str | None,
        timeout: float,
        retries: RetryPolicy,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.session = Session(session) if isinstance(session, str) else session
        if self.session is not None:
            secret("session's token", self.session.token)
        self._key = secret("key", key) if isinstance(key, str) else key
        #: A session that only a token is known of cannot be replaced: it is the caller's.
        self._replaceable = not isinstance(session, str)
        #: When the session may be renewed next, in seconds of `monotonic`.
        self._renewal_at = -math.inf
        self.timeout = timeout
        self.retries = retries
        self.monotonic = monotonic
        self._clock = clock

    def token(self, refused: str | None = None, deadline: float | None = None) -> Flow[str]:
        """Return a token, of a new session if there is none.

        Args:
            refused: the token that the gateway has refused; None for the current one.
            deadline: when the wait that needs it ends.

        Raises:
            APIConnectionError: by the deadline there was none.
        """
        session = self.session
        if session is not None and self._usable(session, refused) and not self._renewal_due(session):
            return session.token  # also while another thread renews the session
        outcome: str | QwhiskError | None = yield Authorize(refused, deadline)
        if outcome is None:
            raise APIConnectionError("Another request has not opened the session in time.")
        if isinstance(outcome, QwhiskError):
            raise outcome
        return outcome

    def authorize(self, refused: str | None, deadline: float | None) -> Flow[str | QwhiskError]:
        """Return a token, or why there is none. The driver performs one of these flows at a time.

        The arguments are those of `token`, whose flow gets the outcome.
        """
        try:
            return (yield from self._authorize(refused, deadline))
        except QwhiskError as error:
            return error

    def _authorize(self, refused: str | None, deadline: float | None) -> Flow[str]:
        session = self.session
        if session is None or not self._usable(session, refused):
            if session is not None and not self._replaceable:
                raise AuthenticationError(
                    401, "The token is not valid any more. Get a new one, or give a key."
                )
            key = self._key() if callable(self._key) else self._key
            self.session = yield from self._open_session(key and secret("key", key), deadline)
        elif self._renewal_due(session):
            self._postpone_renewal(session, RENEWAL_PAUSE)
            try:
                # The old token is still valid, so one short attempt is enough: with a deadline of now.
                self.session = yield from self._open_session(session.token, self.monotonic())
            except QwhiskError as error:
                if isinstance(error, APIError) and error.retry_after is not None:
                    self._postpone_renewal(session, max(RENEWAL_PAUSE, error.retry_after))
                return session.token
        return self.session.token if self.session else ""

    def authorized(self) -> Flow[None]:
        """Open a session if there is none."""
        yield from self.token()

    def time_left(self, deadline: float) -> float:
        """Return the seconds that a response may take which a wait with this deadline needs."""
        return max(1.0, deadline + GRACE - self.monotonic())

    def _usable(self, session: Session, refused: str | None) -> bool:
        expired = session.expires_at is not None and self._clock() >= session.expires_at
        return session.token != refused and not expired

    def _renewal_due(self, session: Session) -> bool:
        """Return whether half of the session's life is over, and no attempt to renew it was made just now."""
        expires_at = session.expires_at
        return (
            expires_at is not None
            and self._clock() - session.opened_at > (expires_at - session.opened_at) / 2
            and self.monotonic() >= self._renewal_at
        )

    def _postpone_renewal(self, session: Session, seconds: float) -> None:
        if session.expires_at is not None:
            seconds = min(seconds, (session.expires_at - self._clock()) / 2)
        self._renewal_at = self.monotonic() + max(RENEWAL_PAUSE_LEAST, seconds)

    def _open_session(self, credential: str | None, deadline: float | None) -> Flow[Session]:
        opened_at = self._clock()
        document = yield from self.call("POST", "/sessions", credential=credential or "", deadline=deadline)
        session = read(
            lambda raw: Session(
                secret("token", raw["token"]),
                raw["client_id"],
                opened_at,
                datetime.fromisoformat(raw["expires_at"]).timestamp(),
            ),
            document,
        )
        self._renewal_at = -math.inf
        return session

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
        token = (yield from self.token(deadline=deadline)) if credential is None else credential
        while True:
            fields = {"Accept": "application/json"} | dict(headers or {})
            if token:
                fields["Authorization"] = f"Bearer {token}"
            if content is not None:
                fields["Content-Type"] = "application/json"
            limit = wait + self.timeout
            if deadline is not None:
                limit = min(limit, self.time_left(deadline))
            outcome = yield Send(method, API + path, limit, fields, content)
            if isinstance(outcome, Reply) and 200 <= outcome.status < 300:
                return None if outcome.status == NO_CONTENT else _json(outcome)
            error = failure_of(outcome)
            lost = lost or isinstance(error, APIConnectionError)
            unauthorized = isinstance(error, AuthenticationError) and error.status == 401
            if unauthorized and credential is None and not (renewed or lost or of_session):
                # If an answer was lost, there may be a job that another session does not have.
                renewed = True
                token = yield from self.token(refused=token, deadline=deadline)
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
