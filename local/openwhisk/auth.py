"""HTTP Basic authentication with the one key of this server."""

from __future__ import annotations

import base64
import hmac

from local.openwhisk.errors import Unauthorized


class Auth:
    """Compares a request's Authorization header with the key in constant time.

    Args:
        key: `user:password`, as OpenWhisk writes its keys.
    """

    def __init__(self, key: str) -> None:
        self._expected = base64.b64encode(key.encode())

    def check(self, header: str | None) -> None:
        """Check a request's credentials.

        Args:
            header: the request's Authorization header; None if it has none.

        Raises:
            Unauthorized: the header is missing, or has another scheme or another key.
        """
        if not header:
            raise Unauthorized(
                "The resource requires authentication, which was not supplied with the request."
            )
        scheme, _, credentials = header.partition(" ")
        key = credentials.strip().encode("utf-8", "surrogateescape")
        if scheme.lower() != "basic" or not hmac.compare_digest(key, self._expected):
            raise Unauthorized("The supplied authentication is invalid.")
