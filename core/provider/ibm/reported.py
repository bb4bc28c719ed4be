"""Values from a provider's JSON, bounded to what can be true. Pure.

A provider's clock may be wrong, and its JSON may hold anything: NaN, an infinity, an integer of hundreds of
digits, the year 9999, an object where a word should be. Everything that becomes a JobView, a BackendInfo or a
pause passes through here before anything is computed with it. A value that cannot be true says nothing.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from core.bounds import CLOCK_SKEW, HORIZON, MAX_QUEUE

#: Characters of an instant at the most; ISO 8601 with microseconds and an offset has 32.
MAX_INSTANT = 40
#: Qubits that a device may have.
MAX_QUBITS = 1_000_000


def past(value: Any, now: datetime) -> datetime | None:
    """The instant of something that has happened, in UTC; None where it cannot be true.

    Args:
        value: ISO 8601; without an offset it is in UTC.
        now: by our clock. The provider's may differ by `CLOCK_SKEW`.
    """
    return _between(value, now - timedelta(seconds=HORIZON), now + timedelta(seconds=CLOCK_SKEW))


def coming(value: Any, now: datetime) -> datetime | None:
    """The instant of something that is expected, in UTC; None where it cannot be true."""
    return _between(value, now - timedelta(seconds=HORIZON), now + timedelta(seconds=HORIZON))


def seconds(value: Any) -> float | None:
    """A duration of up to `HORIZON` seconds; None for anything else."""
    return float(value) if _is_number(value) and 0 <= value <= HORIZON else None


def position(value: Any) -> int | None:
    """A job's place in a queue; None where it cannot be true."""
    return int(value) if _is_number(value) and 0 <= value <= MAX_QUEUE else None


def count(value: Any, most: int) -> int:
    """A number of things, from 0 to `most`; 0 where there is no number.

    What is too large counts as `most`: a queue that is too long to be true must not look empty.
    """
    return int(min(max(value, 0), most)) if _is_number(value) else 0


def text(value: Any, most: int) -> str:
    """The first characters of a text; "" where there is no text."""
    return value[:most] if isinstance(value, str) else ""


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    """True for integers and for floats but NaN; JSON's true and false are no numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not _is_nan(value)


def _is_nan(value: float) -> bool:
    # Not for integers: math.isnan would have to make a float of them, which has an end.
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
