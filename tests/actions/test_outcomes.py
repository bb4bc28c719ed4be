"""How answers express numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.toolkit.outcomes import percent, times


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (1.0, "100 %"),
        (0.5, "50 %"),
        (0.974, "97.4 %"),
        (0.9996, "99.96 %"),
        (0.002, "0.2 %"),
    ],
)
def test_a_share_is_expressed_in_percent(part: float, text: str) -> None:
    assert percent(part) == text


@given(st.integers(1, 99_999))
def test_a_share_between_none_and_all_is_not_rounded_to_either(hits: int) -> None:
    assert 0 < float(percent(hits / 100_000).removesuffix(" %")) < 100


def test_one_is_singular() -> None:
    assert (times(1, "shot"), times(2, "shot"), times(2000, "key")) == ("1 shot", "2 shots", "2,000 keys")
