"""Sessions as signed tokens: who the client is and which topic is its own. Nothing is stored."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import jwt

from core.errors import QwhiskError
from core.kafka.topics import new_results_topic

_ALGORITHM = "HS256"
#: Characters of a token; a longer one is not ours.
_MAX_TOKEN = 2_000


class TokenError(QwhiskError):
    """The token is missing, forged or expired; deliberately one message for all.

    Args:
        message: for the caller.
        reason: for the operator's counters, in one word, and never for the caller.
    """

    code = "unauthorized"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class ClientSession:
    """One client. Its topic is as secret as its token."""

    client_id: str
    topic: str
    expires_at: datetime
    #: When its holder signed in, in seconds since 1970; renewals do not change it.
    since: int = field(default=0, compare=False)


class Tokens:
    """Gives out tokens and reads them back.

    Args:
        secret: signs the tokens; every replica has the same.
        seconds: how long a token is good.
    """

    def __init__(self, secret: str, seconds: int) -> None:
        self._secret = secret
        self._seconds = seconds

    def new(self) -> tuple[ClientSession, str]:
        """A session for a new client, and its token."""
        return self._sign(secrets.token_urlsafe(12), new_results_topic(), int(time.time()))

    def renew(self, session: ClientSession) -> tuple[ClientSession, str]:
        """The same client with a token that is good for the whole time again."""
        return self._sign(session.client_id, session.topic, session.since)

    def _sign(self, client_id: str, topic: str, since: int) -> tuple[ClientSession, str]:
        expires = int(time.time()) + self._seconds
        session = ClientSession(client_id, topic, datetime.fromtimestamp(expires, UTC), since)
        claims = {"sub": session.client_id, "topic": session.topic, "exp": expires, "since": since}
        return session, jwt.encode(claims, self._secret, _ALGORITHM)

    def read(self, token: str | None) -> ClientSession:
        """The session of a token; TokenError unless it is one of ours and still good."""
        if not token:
            raise _refused("missing")
        try:
            if len(token) > _MAX_TOKEN:
                raise jwt.InvalidTokenError
            claims = jwt.decode(
                token, self._secret, [_ALGORITHM], options={"require": ["exp", "sub", "topic"]}
            )
        except jwt.ExpiredSignatureError:
            raise _refused("expired") from None
        except jwt.InvalidTokenError:
            raise _refused("forged") from None
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        return ClientSession(str(claims["sub"]), str(claims["topic"]), expires, int(claims.get("since", 0)))


def _refused(reason: str) -> TokenError:
    return TokenError(
        "A valid token is needed. Get one with POST /api/v1/sessions and send it as "
        "`Authorization: Bearer <token>`.",
        reason,
    )
