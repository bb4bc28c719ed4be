"""Shor's algorithm end to end: 15, by the powers of 7."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"number": 15, "base": 7}


def check(answer: dict[str, Any], noisy: bool) -> None:
    assert answer["exact_order"] == 4
    if noisy:
        assert (answer["factors"] == [3, 5] and answer["signal"] > 0.3) or answer["note"]
        return
    assert "note" not in answer
    assert answer["factors"] == [3, 5]
    assert answer["summary"].startswith("15 = 3 x 5.")
    assert answer["order"] == 4
    # Of 0, 1/4, 1/2 and 3/4, equally likely, three lead to factors; the standard deviation is 0.0135.
    assert abs(answer["success_rate"] - 0.75) < 0.1
    assert answer["signal"] > 0.99
