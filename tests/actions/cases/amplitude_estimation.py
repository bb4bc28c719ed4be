"""Amplitude estimation end to end: two marked numbers of eight."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"problem": "marked", "qubits": 3, "marked": [1, 6], "rounds": 3}


def check(answer: dict[str, Any], noisy: bool) -> None:
    assert answer["exact"] == answer["reference"] == 0.25
    assert answer["powers"] == [0, 1, 2, 4]
    assert len(answer["convergence"]) == 4
    if noisy:
        assert abs(answer["estimate"] - 0.25) < 0.05 or answer["note"]
        return
    # Half of a 95 % interval is 1.96 standard deviations; four of them are exceeded once in 10^14.
    assert abs(answer["estimate"] - 0.25) < 4 * answer["error"]
    assert answer["error"] < answer["classical_error"]
    assert answer["advantage"] > 2
