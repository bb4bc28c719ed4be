"""An end-to-end case of qaoa_maxcut: a weighted square with a diagonal, and a node without edges."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {
    "edges": [[0, 1, 1.0], [1, 2, 2.0], [2, 3, 1.0], [3, 0, 2.0], [0, 2, 0.5]],
    "nodes": 5,
    "layers": 1,
    "max_steps": 3,
}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """The best cut is found; the search has not become worse than its start."""
    assert answer["cut"] == [0, 1, 0, 1, 0]
    assert answer["value"] == answer["optimum"] == answer["reference"] == 6.0
    assert answer["approximation_ratio"] == 1.0
    steps = [point["step"] for point in answer["convergence"]]
    assert steps == list(range(len(steps)))
    assert 1 <= len(steps) <= 3
    assert answer["random_value"] == 3.25
    # The mean of 1,024 cuts, each between 0 and 6 and spread by less than 2: six standard deviations are 0.4.
    assert abs(answer["average_value"] - answer["ideal_value"]) < (1.2 if noisy else 0.4)
    assert answer["ideal_value"] > 4
    assert ("note" in answer) is noisy
