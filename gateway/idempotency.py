"""`Idempotency-Key`: a request that is sent again gives the job of the first time.

As in the IETF's draft (draft-ietf-httpapi-idempotency-key-header). Nothing is stored for it: the key decides
the job's id, and the client's own topic, which every replica reads, tells whether there is such a job.
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
from gateway.inbox.inbox import InboxEntry
from gateway.problems import ConflictError

HEADER = "Idempotency-Key"

_KEY = re.compile(r"[!-~]{1,255}")


def key_of(key: str | None) -> str | None:
    """The request's key; InputError if it is none that can be used."""
    if key is not None and not _KEY.fullmatch(key):
        raise InputError(f"{HEADER} must be 1 to 255 visible ASCII characters.", field=HEADER)
    return key


def process_job_id(secret: str, who: ClientSession, key: str) -> str:
    """The id of the job that this client's key stands for; nobody else can work it out."""
    told = hmac.new(secret.encode(), f"{who.client_id}\0{key}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(told[:16]).decode().rstrip("=")


def require_same_request(
    entry: InboxEntry, function: str, value: dict[str, Any], callback: str | None
) -> None:
    """InputError unless the job that there is was asked for with the same input and callback address."""
    # An event too large for one message has lost its input; then the function alone is compared.
    event = entry.event
    if (event.function, event.callback_url) != (function, callback) or (
        event.params and event.params != value
    ):
        raise InputError(
            f"This {HEADER} was used for another function, other input or another callback. Use a new key.",
            field=HEADER,
        )


class InFlight:
    """What is under way in this process, each at most once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """While it is done; ConflictError if it is being done already."""
        with self._lock:
            if name in self._under_way:
                raise ConflictError(
                    f"A request with this {HEADER} is being worked on. Ask again in a moment."
                )
            self._under_way.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(name)
