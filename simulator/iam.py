"""The part of IBM Cloud IAM that the client uses: it exchanges an API key for a bearer token."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from typing import Any

import jwt

GRANT_TYPE = "urn:ibm:params:oauth:grant-type:apikey"
#: Seconds for which a token is valid, as at IBM.
LIFETIME = 3600
#: Number of tokens whose checked signatures are cached.
REMEMBERED = 1024


class Iam:
    """Issues and checks tokens.

    Args:
        api_key: The API key that is accepted; None accepts any.
        secret: Signs the tokens. With the same secret a restarted service accepts those that it has issued.
    """

    def __init__(self, api_key: str | None, secret: bytes | None = None) -> None:
        self._api_key = api_key
        self._secret = secret or secrets.token_bytes(32)
        self._checked: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def accepts(self, api_key: str) -> bool:
        """Return whether an API key is accepted."""
        if self._api_key is None:
            return bool(api_key)
        return secrets.compare_digest(api_key.encode(), self._api_key.encode())

    def user(self, api_key: str) -> str:
        """Return the name of the API key's user. It does not reveal the key."""
        return "IBMid-" + hmac.new(self._secret, api_key.encode(), "sha256").hexdigest()[:16]

    def issue(self, user: str = "IBMid-local", now: float | None = None) -> dict[str, Any]:
        """Return a token for a user in the form of IAM's response."""
        issued = int(time.time() if now is None else now)
        claims = {
            "iss": "qwhisk-simulator",
            "sub": user,
            "iam_id": user,
            "account": {"valid": True, "bss": "local"},
            "grant_type": GRANT_TYPE,
            "jti": secrets.token_hex(8),
            "iat": issued,
            "exp": issued + LIFETIME,
        }
        token = jwt.encode(claims, self._secret, algorithm="HS256")
        return {
            "access_token": token,
            "refresh_token": "not_supported",
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "expiration": issued + LIFETIME,
            "scope": "ibm openid",
        }

    def verify(self, token: str) -> str | None:
        """Return the user of a bearer token; None if it is invalid or has expired."""
        known = self._checked.get(token)
        if known is None:
            try:
                claims = jwt.decode(
                    token, self._secret, algorithms=["HS256"], options={"require": ["exp", "sub"]}
                )
            except jwt.InvalidTokenError:
                return None
            known = float(claims["exp"]), str(claims["sub"])
            self._checked[token] = known
            if len(self._checked) > REMEMBERED:
                self._checked.popitem(last=False)
        expires, user = known
        return user if time.time() < expires else None
