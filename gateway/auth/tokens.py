"""Sessions as signed tokens: each names the client and its topic. Nothing is stored."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt

from core.errors import QwhiskError
from core.kafka.topics import new_results_topic
from core.protocol import API
from gateway.links import public_path

_ALGORITHM = "HS256"
#: The most characters of a token.
_MAX_TOKEN = 2_000
#: The most characters of a tenant's name in a token.
_MAX_TENANT = 200


class TokenError(QwhiskError):
    """The token is missing, forged or expired. The message is the same for each, on purpose.

    Args:
        message: for the caller.
        reason: one word for the operator's metrics; never shown to the caller.
        details: JSON-native facts for programs.
    """

    code = "unauthorized"

    def __init__(self, message: str, reason: str, **details: Any) -> None:
        super().__init__(message, **details)
        self.reason = reason


class NoSignInError(TokenError):
    """A credential that is no session's token was sent to a gateway that requires no sign-in."""

    code = "no_sign_in"


@dataclass(frozen=True)
class ClientSession:
    """A client's session. Its topic is as secret as its token."""

    client_id: str
    topic: str
    expires_at: datetime
    #: When the client signed in, in seconds since 1970. Renewals do not change it.
    since: int = field(default=0, compare=False)
    #: The gateway's secret that signed its token.
    secret: str = field(default="", compare=False, repr=False)
    #: Who signed in, for the audit, possibly cut; empty without a sign-in.
    tenant: str = field(default="", compare=False)
    #: The marks by which rules name the tenant (`gateway/permissions.py`).
    marks: tuple[str, ...] = field(default=(), compare=False)


class Tokens:
    """Issues and reads tokens.

    Args:
        secret: signs the tokens. Every replica has the same.
        seconds: how long a token is valid.
        beginning: when the broker's log of sessions begins, in seconds since 1970. A topic with an older name
            counts as lost, so a new one has none, even if this machine's clock is behind.
        previous: another secret whose tokens are accepted; empty for none.
    """

    def __init__(self, secret: str, seconds: int, beginning: int = 0, previous: str = "") -> None:
        self._secret = secret
        self._accepted = [secret, previous] if previous else [secret]
        self._seconds = seconds
        self._beginning = beginning

    def new(
        self, source: str = "", tenant: str = "", marks: tuple[str, ...] = ()
    ) -> tuple[ClientSession, str]:
        """Return a session for a new client, and its token.

        Args:
            source: the digest of the session's source (`gateway/auth/sources.py`).
            tenant: who signed in.
            marks: the marks by which rules name the tenant.
        """
        now = int(time.time())
        topic = new_results_topic(max(now, self._beginning))
        plain = tenant[:_MAX_TENANT]
        shown = "".join(each if each.isascii() and each.isprintable() else "?" for each in plain)
        return self._sign(secrets.token_urlsafe(12) + source, topic, now, shown, marks)

    def renew(
        self, session: ClientSession, marks: tuple[str, ...] | None = None
    ) -> tuple[ClientSession, str]:
        """Return the same session with a later expiry, and its token.

        Args:
            session: the session.
            marks: its marks from now on; None for the same ones.
        """
        kept = session.marks if marks is None else marks
        return self._sign(session.client_id, session.topic, session.since, session.tenant, kept)

    def _sign(
        self, client_id: str, topic: str, since: int, tenant: str, marks: tuple[str, ...]
    ) -> tuple[ClientSession, str]:
        expires = int(time.time()) + self._seconds
        when = datetime.fromtimestamp(expires, UTC)
        session = ClientSession(client_id, topic, when, since, self._secret, tenant, marks)
        claims = {"sub": session.client_id, "topic": session.topic, "exp": expires, "since": since}
        if tenant:
            claims |= {"tenant": tenant, "marks": marks}
        return session, jwt.encode(claims, self._secret, _ALGORITHM)

    def read(self, token: str | None) -> ClientSession:
        """Return the session of a token.

        Raises:
            TokenError: the token is missing, not signed by this gateway, or expired.
        """
        if not token:
            raise _token_error("missing")
        if len(token) <= _MAX_TOKEN:
            for secret in self._accepted:
                try:
                    return _session(token, secret)
                except jwt.ExpiredSignatureError:
                    raise _token_error("expired") from None
                except jwt.InvalidTokenError:
                    continue
        raise _token_error("forged")


def _session(token: str, secret: str) -> ClientSession:
    """Return the session of a token that this secret signed. Raises jwt.InvalidTokenError."""
    claims = jwt.decode(token, secret, [_ALGORITHM], options={"require": ["exp", "sub", "topic"]})
    expires = datetime.fromtimestamp(claims["exp"], UTC)
    return ClientSession(
        str(claims["sub"]),
        str(claims["topic"]),
        expires,
        int(claims.get("since", 0)),
        secret,
        str(claims.get("tenant", "")),
        tuple(map(str, claims.get("marks", ()))),
    )


def _token_error(reason: str) -> TokenError:
    return TokenError(
        f"A valid token is needed. Get one with POST {public_path(API)}/sessions and send it as "
        "`Authorization: Bearer <token>`.",
        reason,
    )
