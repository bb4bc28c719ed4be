"""Two marked elements among eight: one iteration finds one of them for certain."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"qubits": 3, "marked": [5, "010"]}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """Both are found; without noise only marked elements are seen, with noise more often than by guessing."""
    assert sorted(answer["found"]) == [2, 5]
    assert answer["missed"] == []
    assert (answer["iterations"], answer["quantum_queries"], answer["classical_queries"]) == (1, 1, 3.0)
    assert abs(answer["ideal_success_probability"] - 1) < 1e-9
    assert {outcome: round(p, 9) for outcome, p in answer["ideal"].items()} == {"010": 0.5, "101": 0.5}
    assert answer["guess_probability"] == 0.25
    if noisy:
        assert answer["success_probability"] > 0.6 or answer["note"]
    else:
        assert answer["success_probability"] == 1
        assert "note" not in answer
