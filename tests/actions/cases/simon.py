"""A secret of four bits, three of which are set."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"secret": "1101"}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """The secret, and the equations that it follows from."""
    assert answer["found"] == "1101"
    assert answer["correct"]
    assert len(answer["equations"]) == 3
    assert all((int(y, 2) & 0b1101).bit_count() % 2 == 0 for y in answer["equations"])
    assert len(answer["ideal"]) == 8
    if noisy:
        assert 0.625 <= answer["agreement"] <= 1
    else:
        assert answer["agreement"] == 1
        assert "note" not in answer
