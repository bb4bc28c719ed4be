"""Waiting for what other processes and threads do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

#: Seconds between two tries, at first and at most; in between, a part of the time waited so far. So a long
#: wait takes little from what is waited for, and ends late by that part at most.
FIRST, LAST, PART = 0.02, 0.25, 0.05

Value = TypeVar("Value")


def wait_for(attempt: Callable[[], Value], timeout: float = 20.0) -> Value:
    """Try again and again until a value is true.

    Args:
        attempt: gives the value.
        timeout: seconds to wait at most.

    Returns:
        The first true value.

    Raises:
        AssertionError: there was none in time.
    """
    start = time.monotonic()
    while True:
        value = attempt()
        if value:
            return value
        waited = time.monotonic() - start
        assert waited < timeout, f"not within {timeout:.0f} s; last: {value!r}"
        time.sleep(min(LAST, max(FIRST, PART * waited)))


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until the condition holds; AssertionError if it does not in time."""
    wait_for(condition, seconds)
