"""A time limit for all requests to the provider that a thread makes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("provider_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the total time of this thread's requests. A request is not sent when no time is left.

    Args:
        seconds: the limit, from now. An outer limit that ends earlier still applies.
    """
    until, outer = time.monotonic() + seconds, _deadline.get()
    token = _deadline.set(until if outer is None else min(until, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float | None:
    """Return the seconds until the limit that `within` set for this thread; None if there is no limit."""
    until = _deadline.get()
    return None if until is None else until - time.monotonic()
