"""An end-to-end case of bell_state."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"state": "psi_minus", "shots": 1000}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """Opposite bits in every direction: always without noise, mostly with."""
    assert answer["state"] == "psi_minus"
    assert set(answer["ideal"]) == {"01", "10"}
    if noisy:
        assert answer["agreement"] > 0.7
        assert answer["fidelity"] > 0.6
        assert answer["entangled"] or answer["note"]
    else:
        assert answer["agreement"] == 1
        assert answer["correlations"] == {"ZZ": -1, "XX": -1, "YY": -1}
        assert answer["fidelity"] == 1
        assert answer["entangled"]
        assert "note" not in answer
        assert "opposite bits in 1,000 of 1,000 measurements (100 %)" in answer["summary"]
