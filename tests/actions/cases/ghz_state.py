"""An end-to-end case of ghz_state: too many qubits to measure all settings."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"qubits": 6, "shots": 500}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """All zeros or all ones, with the coherence that a coin does not have."""
    assert (answer["qubits"], answer["settings"]) == (6, 8)
    assert set(answer["ideal"]) == {"000000", "111111"}
    if noisy:
        assert answer["all_zero"] + answer["all_one"] > 0.5
        assert answer["entangled"] or answer["note"]
        return
    assert answer["all_zero"] + answer["all_one"] == 1
    # 6.5 standard deviations: less than once in 10^10.
    assert abs(answer["all_zero"] - 0.5) < 6.5 * (0.25 / 500) ** 0.5
    assert (answer["coherence"], answer["fidelity"], answer["entangled"]) == (1, 1, True)
    assert "note" not in answer
    assert answer["summary"].startswith("All 6 qubits gave the same bit in 100 % of 500 measurements.")
