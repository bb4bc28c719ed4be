"""A balanced function of three bits that is not linear: its oracle has entangling gates."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"kind": "truth_table", "truth_table": "00010111"}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """Balanced; 00...0 is never seen without noise, and rarely with it."""
    assert answer["verdict"] == "balanced"
    assert answer["correct"]
    assert (answer["quantum_queries"], answer["classical_queries"]) == (1, 5)
    # The majority of three bits: correlated, by a half, with each bit and with the parity of all three.
    assert answer["ideal"] == {"001": 0.25, "010": 0.25, "100": 0.25, "111": 0.25}
    if noisy:
        assert answer["zeros_probability"] < 0.25 or answer["note"]
    else:
        assert answer["zeros_probability"] == 0
        assert "note" not in answer
