"""The `Retry-After` header of HTTP (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: The longest pause, in seconds, that a header may ask for; longer ones are shortened to it.
MAX_SECONDS = 3_600.0

#: Characters of an HTTP date; the longest obsolete form has 33.
_MAX_DATE = 40


def parse_retry_after(value: object, now: datetime) -> float | None:
    """Return how long to wait, in seconds from 0 to `MAX_SECONDS`.

    Args:
        value: the header: a number of seconds or a date; anything else is ignored.
        now: the current time, with its time zone.

    Returns:
        The seconds, or None if the header has no valid value.
    """
    if not isinstance(value, str):
        return None
    text = value.strip(" \t")
    if text.isascii() and text.isdecimal():
        return min(float(text), MAX_SECONDS)
    if len(text) > _MAX_DATE:
        return None
    try:
        instant = parsedate_to_datetime(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        left = (instant - now).total_seconds()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(left, 0.0), MAX_SECONDS)
