"""An end-to-end case of teleportation."""

from __future__ import annotations

import math
from typing import Any

VALUES: dict[str, Any] = {"theta": 1.0, "phi": 2.0, "shots": 500}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """The state that was sent arrives, and Alice's bits reveal nothing about it."""
    assert math.isclose(sum(answer["alice"].values()), 1)
    assert math.isclose(sum(part**2 for part in answer["sent"].values()), 1)
    if noisy:
        assert answer["fidelity"] > 0.6
        assert answer["fidelity"] - 3 * answer["fidelity_error"] > 2 / 3 or answer["note"]
        return
    assert answer["fidelity"] == 1
    assert "fidelity of 100 %" in answer["summary"]
    assert "note" not in answer
    # 6.5 standard deviations: less than once in 10^10.
    for basis, value in answer["sent"].items():
        assert abs(answer["received"][basis] - value) < 6.5 / math.sqrt(500)
    for share in answer["alice"].values():
        assert abs(share - 0.25) < 6.5 * math.sqrt(0.25 * 0.75 / 2000)
