"""An end-to-end case of smile_super_position: the paper's two emoticons."""

from __future__ import annotations

from typing import Any

SHOTS = 2048

VALUES: dict[str, Any] = {"emoticon_1": ":)", "emoticon_2": ":(", "shots": SHOTS}


def check(answer: dict[str, Any], noisy: bool) -> None:
    """Each was seen half of the time, and without noise nothing else was seen."""
    assert [entry["text"] for entry in answer["emoticons"]] == [":)", ":("]
    first, second = (entry["probability"] for entry in answer["emoticons"])
    assert answer["shots"] == SHOTS
    if noisy:
        assert first + second > 0.5
        assert min(first, second) > 3 * max((other["probability"] for other in answer["others"]), default=0)
        return
    assert first + second == 1
    assert (answer["others"], answer["others_probability"]) == ([], 0)
    # 6.5 standard deviations: less than once in 10^10.
    assert abs(first - 0.5) < 6.5 * (0.25 / SHOTS) ** 0.5
