"""The quantum kernel end to end: four vectors, of which two are close."""

from __future__ import annotations

from typing import Any

import numpy as np

VALUES: dict[str, Any] = {"vectors": [[0.4, 1.2, 0.8], [0.5, 1.1, 0.8], [2.4, 0.3, 1.9], [1.5, 2.8, 0.2]]}


def check(answer: dict[str, Any], noisy: bool) -> None:
    matrix, exact = np.array(answer["matrix"]), np.array(answer["exact_matrix"])
    assert matrix.shape == exact.shape == (4, 4)
    assert np.array_equal(matrix, matrix.T)
    assert np.array_equal(np.diag(matrix), np.ones(4))
    assert answer["positive_semidefinite"] or answer["note"]
    if noisy:
        assert (np.abs(matrix - exact).max() < 0.25 and answer["alignment"] > 0.95) or answer["note"]
        assert answer["measured_matrix"]
        return
    # Hoeffding: an entry of 1024 shots is off by more than 0.11 less than once in 10^10.
    assert np.abs(matrix - exact).max() < 0.11
