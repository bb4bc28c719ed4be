"""An end-to-end case of superdense_coding: each value of two bits, the first one twice."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"message": "0110110010", "shots": 300}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """The message arrives, without noise in every shot."""
    assert answer["message"] == "0110110010"
    assert answer["qubits_sent"] == 5
    assert len(answer["pairs"]) == 5
    if noisy:
        assert answer["received"] == "0110110010" or answer["note"]
        assert min(answer["pairs"]) > 0.5
        return
    assert answer["received"] == "0110110010"
    assert answer["success"] == 1
    assert answer["pairs"] == [1] * 5
    assert "note" not in answer
    assert "All 10 bits arrived by sending 5 qubits" in answer["summary"]
