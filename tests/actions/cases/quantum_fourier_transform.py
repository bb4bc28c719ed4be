"""A state of period 4 in 16 numbers: peaks at the multiples of 4."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"state": "periodic", "qubits": 4, "period": 4, "offset": 1}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """The four peaks, and no others without noise. Of 1024 shots each has 256, with a deviation of 14."""
    assert {outcome: round(p, 9) for outcome, p in answer["ideal"].items()} == dict.fromkeys(
        ("0000", "0100", "1000", "1100"), 0.25
    )
    peaks = sorted(peak["value"] for peak in answer["peaks"])
    if noisy:
        assert peaks == [0, 4, 8, 12] or answer["note"]
        assert answer["fidelity"] > 0.6 or answer["note"]
    else:
        assert peaks == [0, 4, 8, 12]
        assert all(abs(peak["probability"] - 0.25) < 0.095 for peak in answer["peaks"])
        assert abs(sum(peak["probability"] for peak in answer["peaks"]) - 1) < 1e-9
        assert answer["fidelity"] > 0.95
        assert "note" not in answer
