"""A secret of six bits."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"secret": "101101"}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """The secret; in every shot if there is no noise."""
    assert answer["found"] == "101101"
    assert answer["correct"]
    assert answer["ideal"] == {"101101": 1.0}
    assert (answer["quantum_queries"], answer["classical_queries"]) == (1, 6)
    if noisy:
        assert answer["success_probability"] > 0.5 or answer["note"]
    else:
        assert answer["success_probability"] == 1
        assert answer["bit_agreement"] == [1.0] * 6
        assert "note" not in answer
