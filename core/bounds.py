"""Bounds for values from outside. Pure."""

from __future__ import annotations

#: The most jobs in a queue. A larger number is an error, and estimates would leave the calendar.
MAX_QUEUE = 1_000_000
#: Seconds from now (a year) beyond which an instant or a duration is an error.
HORIZON = 365 * 86_400.0
#: Seconds by which the clocks of two machines may differ.
CLOCK_SKEW = 86_400.0


def value_within(value: float | None, least: float, most: float) -> float | None:
    """Return the value; None if it is out of bounds or NaN."""
    return value if value is not None and least <= value <= most else None
