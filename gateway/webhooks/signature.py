"""Signatures of Standard Webhooks (standardwebhooks.com, version 1). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from standardwebhooks import Webhook

_PREFIX = "whsec_"


def secret_of(gateway_secret: str, client_id: str) -> str:
    """Return the secret of one client's webhooks: `whsec_` and 32 bytes in base64.

    It is derived from the gateway's secret, so every replica knows it without storing it.
    """
    key = hmac.new(gateway_secret.encode(), f"webhooks\0{client_id}".encode(), hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(key).decode()


def signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`.

    Args:
        secret: `whsec_` and the key in base64.
        webhook_id: value of `webhook-id`, the same at every attempt.
        timestamp: value of `webhook-timestamp`, in seconds since 1970: the time of this attempt.
        body: what is sent, in UTF-8.
    """
    return Webhook(secret).sign(webhook_id, datetime.fromtimestamp(timestamp, UTC), body.decode())
