"""Signatures as Standard Webhooks (standardwebhooks.com, version 1) has them. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac

_PREFIX = "whsec_"


def secret_of(gateway_secret: str, client_id: str) -> str:
    """The secret of one client's webhooks: `whsec_` and 32 bytes in base64.

    It is made of the gateway's own secret, so that every replica knows it and none has to store it.
    """
    key = hmac.new(gateway_secret.encode(), f"webhooks\0{client_id}".encode(), hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(key).decode()


def signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`.

    Args:
        secret: `whsec_` and the key in base64.
        webhook_id: value of `webhook-id`, the same at every attempt.
        timestamp: value of `webhook-timestamp`, in seconds since 1970: when this attempt is made.
        body: what is sent.
    """
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
