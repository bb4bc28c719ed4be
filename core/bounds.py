"""What a value from outside can be at most. Pure."""

from __future__ import annotations

#: Jobs that a queue may have; more is a mistake, and estimates would leave the calendar.
MAX_QUEUE = 1_000_000
#: Seconds from now (a year) beyond which an instant or a duration is a mistake.
HORIZON = 365 * 86_400.0
#: Seconds by which the clocks of two machines may differ.
CLOCK_SKEW = 86_400.0


def value_within(value: float | None, least: float, most: float) -> float | None:
    """The value; None if it is out of bounds or NaN."""
    return value if value is not None and least <= value <= most else None
