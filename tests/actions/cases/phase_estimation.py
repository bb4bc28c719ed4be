"""Phase estimation end to end: a phase that five bits cannot represent exactly."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"angle": 0.3, "bits": 5}


def check(answer: dict[str, Any], noisy: bool) -> None:
    assert answer["exact_phase"] == 0.3
    if noisy:
        # The nearest outcomes are 9/32 and 10/32; or the answer says that there is no signal.
        assert abs(answer["difference"]) < 1 / 32 or answer["note"]
        return
    assert "note" not in answer
    # A 95 % interval, 1.96 standard deviations; four of them are exceeded once in 10^14.
    assert abs(answer["phase"] - 0.3) < 4 * answer["error"]
    assert answer["error"] < 0.002
    assert answer["most_frequent"]["bitstring"] == "01010"
