"""`Idempotency-Key`: a repeated request returns the job of the first one.

This follows the IETF's draft (draft-ietf-httpapi-idempotency-key-header). Nothing is stored: the key
determines the job's id, and the client's own topic, which every replica reads, shows whether the job exists.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.errors import InputError
from gateway.auth.tokens import ClientSession
from gateway.inbox.digest import digest_of
from gateway.inbox.inbox import InboxEntry
from gateway.problems import ConflictError

HEADER = "Idempotency-Key"

_KEY = re.compile(r"[!-~]{1,255}")


def key_of(key: str | None) -> str | None:
    """Return the request's key.

    Raises:
        InputError: the key is malformed.
    """
    if key is not None and not _KEY.fullmatch(key):
        raise InputError(f"{HEADER} must be 1 to 255 visible ASCII characters.", field=HEADER)
    return key


def process_job_id(secret: str, client: ClientSession, key: str) -> str:
    """Return the id of the job that belongs to a client's key. It cannot be derived without the gateway's
    secret.
    """
    digest = hmac.new(secret.encode(), f"{client.client_id}\0{key}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def require_same_request(
    entry: InboxEntry, function: str, value: dict[str, Any], callback: str | None
) -> None:
    """Check that an existing job was submitted with the same input and callback address.

    Raises:
        InputError: the key was used for another request.
    """
    event = entry.event
    if (event.function, event.callback_url) != (function, callback) or (
        entry.request is not None and entry.request != digest_of(value)
    ):
        raise InputError(
            f"This {HEADER} was used for another function, other input or another callback. Use a new key.",
            field=HEADER,
        )


class InFlight:
    """The submissions that this process is carrying out; no two have the same name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_progress: set[str] = set()

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """Mark a submission as in progress for the duration of the context.

        Raises:
            ConflictError: it is already in progress.
        """
        with self._lock:
            if name in self._in_progress:
                raise ConflictError(f"A request with this {HEADER} is in progress. Retry in a moment.")
            self._in_progress.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._in_progress.discard(name)
