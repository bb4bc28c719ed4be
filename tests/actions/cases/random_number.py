"""An end-to-end case of random_number: a range that rejects nearly half of the candidates."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"low": -4, "high": 12, "count": 300}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """As many as requested, all in the range, none much too frequent."""
    values = answer["values"]
    assert len(values) == 300
    assert all(isinstance(value, int) and -4 <= value <= 12 for value in values)
    # Each of 17 numbers occurs 17.6 times on average; over 60 is less likely than once in 10^13.
    assert max(values.count(number) for number in range(-4, 13)) < 60
    assert abs(sum(values) / 300 - 4) < 6.5 * 4.9 / 300**0.5
    assert answer["debiased"] is noisy
    assert "Only" not in answer.get("note", "")
    assert answer["summary"].startswith("300 random numbers from -4 to 12, the first of them ")
    assert answer["bits_left"] <= answer["bits_measured"]
    if not noisy:
        assert answer["bits_left"] == answer["bits_measured"] >= 300 * 5
        assert abs(answer["ones"] - 0.5) < 6.5 * 0.5 / answer["bits_measured"] ** 0.5
