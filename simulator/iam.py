"""IBM Cloud IAM, as far as the client uses it: an API key is exchanged for a bearer token."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from typing import Any

import jwt

GRANT_TYPE = "urn:ibm:params:oauth:grant-type:apikey"
#: Seconds a token lives, as at IBM.
LIFETIME = 3600
#: Tokens whose signature was checked are remembered, so that a request costs a dictionary look-up.
REMEMBERED = 1024


class Iam:
    """Issues and checks tokens.

    Args:
        api_key: The API key that is accepted; None accepts any.
    """

    def __init__(self, api_key: str | None) -> None:
        self._api_key = api_key
        self._secret = secrets.token_bytes(32)
        self._checked: OrderedDict[str, float] = OrderedDict()

    def accepts(self, api_key: str) -> bool:
        """Tell whether an API key is the right one."""
        if self._api_key is None:
            return bool(api_key)
        return secrets.compare_digest(api_key.encode(), self._api_key.encode())

    def issue(self, now: float | None = None) -> dict[str, Any]:
        """Return a token, in the shape of IAM's answer."""
        issued = int(time.time() if now is None else now)
        claims = {
            "iss": "qwhisk-simulator",
            "sub": "local",
            "iam_id": "IBMid-local",
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

    def verify(self, token: str) -> bool:
        """Tell whether a bearer token is ours and has not expired."""
        expires = self._checked.get(token)
        if expires is None:
            try:
                claims = jwt.decode(token, self._secret, algorithms=["HS256"], options={"require": ["exp"]})
            except jwt.InvalidTokenError:
                return False
            expires = float(claims["exp"])
            self._checked[token] = expires
            if len(self._checked) > REMEMBERED:
                self._checked.popitem(last=False)
        return time.time() < expires
