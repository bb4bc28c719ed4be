"""An end-to-end case of bb84: no eavesdropper."""

from __future__ import annotations

from typing import Any

VALUES: dict[str, Any] = {"qubits": 256}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """Both have the same key; without noise there is no error."""
    assert answer["qubits"] == 256
    # Half of the bases agree, and half of those are compared: 6.5 standard deviations each.
    assert abs(answer["sifted"] - 128) < 6.5 * 8
    assert abs(answer["compared"] - answer["sifted"] / 2) < 6.5 * 0.5 * answer["sifted"] ** 0.5
    assert "eve_knew" not in answer
    assert len(answer["key"]) == answer["key_bits"] <= answer["sifted"] - answer["compared"]
    assert set(answer["key"]) <= {"0", "1"}
    if noisy:
        assert answer["keys_match"] or answer["note"]
        return
    assert (answer["error_rate"], answer["corrected"], answer["aborted"]) == (0, 0, False)
    # With nothing to correct, only the parities that show this are lost.
    assert answer["key_bits"] == answer["sifted"] - answer["compared"] - answer["disclosed"]
    assert answer["keys_match"]
    assert "note" not in answer
    assert f"They share a secret key of {answer['key_bits']} bits." in answer["summary"]
