"""Seconds and dates of `Retry-After`, and everything that is neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.retry_after import MAX_SECONDS, parse_retry_after

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@given(st.integers(0, 10**30))
def test_seconds(value: int) -> None:
    assert parse_retry_after(str(value), NOW) == min(value, MAX_SECONDS)


@given(st.integers(-(10**6), 10**6))
def test_a_date(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(header, NOW) == min(max(seconds, 0), MAX_SECONDS)


@pytest.mark.parametrize(
    "header",
    [
        "Fri, 27 Nov 2026 12:02:00 GMT",
        "Friday, 27-Nov-26 12:02:00 GMT",
        "Fri Nov 27 12:02:00 2026",
        "Fri, 27 Nov 2026 13:02:00 +0100",
        " 120\t",
    ],
)
def test_every_form_of_http(header: str) -> None:
    """RFC 9110, section 5.6.7, with the obsolete forms that a recipient must accept."""
    assert parse_retry_after(header, NOW) == 120


@given(st.text() | st.binary() | st.none() | st.integers())
@pytest.mark.parametrize(
    "value", ["-1", "1e400", "1.5", "nan", "inf", "\u0663", "\u00b2", "", "Fri, 99 Nov 2026 12:02:00 GMT"]
)
def test_anything_else_is_ignored(value: str, other: object) -> None:
    assert parse_retry_after(value, NOW) is None
    seconds = parse_retry_after(other, NOW)
    assert seconds is None or 0 <= seconds <= MAX_SECONDS


def test_a_long_number_is_bounded() -> None:
    assert parse_retry_after("9" * 5_000, NOW) == MAX_SECONDS
