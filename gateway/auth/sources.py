"""The source of a session, as part of its client's id: who signed in, or the address of the request.

Sessions are free, so limits that many sessions could evade count by source. The source is a keyed digest. It
shows whether two clients have the same source, and nothing else about the source.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def digest_of(secret: str, kind: str, name: str) -> str:
    """Return the digest of a source.

    Args:
        secret: the gateway's secret.
        kind: `tenant` or `address`.
        name: the name of who signed in, or the address.
    """
    digest = hmac.new(secret.encode(), f"source\0{kind}\0{name}".encode("utf-8", "replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest.digest()[:9]).decode()
