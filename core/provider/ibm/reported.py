"""Bounds values in a provider's JSON to what is possible. Pure.

A provider's clock may be wrong, and its JSON may contain anything: NaN, an infinity, an integer of hundreds
of digits, the year 9999, an object instead of a word. Everything that becomes a JobView, a BackendInfo or a
pause passes through here before it is used. An impossible value is discarded.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from core.bounds import CLOCK_SKEW, HORIZON, MAX_QUEUE

#: The most characters of an instant. ISO 8601 with microseconds and an offset has 32.
MAX_INSTANT = 40
#: The most qubits of a device.
MAX_QUBITS = 1_000_000


def past(value: Any, now: datetime) -> datetime | None:
    """Return the instant of a past event in UTC; None if it is not possible.

    Args:
        value: ISO 8601; without an offset it is in UTC.
        now: the time by our clock. The provider's clock may differ by `CLOCK_SKEW`.
    """
    return _between(value, now - timedelta(seconds=HORIZON), now + timedelta(seconds=CLOCK_SKEW))


def coming(value: Any, now: datetime) -> datetime | None:
    """Return the instant of an expected event in UTC; None if it is not possible.

    Args:
        value: ISO 8601; without an offset it is in UTC.
        now: the time by our clock.
    """
    return _between(value, now - timedelta(seconds=HORIZON), now + timedelta(seconds=HORIZON))


def seconds(value: Any) -> float | None:
    """Return a duration of at most `HORIZON` seconds; None for anything else."""
    return float(value) if _is_number(value) and 0 <= value <= HORIZON else None


def position(value: Any) -> int | None:
    """Return a job's position in a queue; None if it is not possible."""
    return int(value) if _is_number(value) and 0 <= value <= MAX_QUEUE else None


def count(value: Any, most: int) -> int:
    """Return a number from 0 to `most`; 0 if there is none.

    A number that is too large counts as `most`: an impossibly long queue must not look empty.
    """
    return int(min(max(value, 0), most)) if _is_number(value) else 0


def text(value: Any, most: int) -> str:
    """Return the first characters of a text; "" if there is none."""
    return value[:most] if isinstance(value, str) else ""


def mapping(value: Any) -> dict[str, Any]:
    """Return a JSON object; an empty one if there is none."""
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    """Return whether a value is an integer or a float other than NaN. JSON's true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not _is_nan(value)


def _is_nan(value: float) -> bool:
    # Not for integers: math.isnan would convert them to floats, whose range is limited.
    return isinstance(value, float) and math.isnan(value)


def _between(value: Any, earliest: datetime, latest: datetime) -> datetime | None:
    if not isinstance(value, str) or len(value) > MAX_INSTANT:
        return None
    try:
        instant = datetime.fromisoformat(value)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # no instant, or one outside the years 1 to 9999
        return None
    return instant if earliest <= instant <= latest else None
