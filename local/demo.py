"""The main job on real input: two emoticons in superposition, by HTTP as any client would."""

from __future__ import annotations

import time
from typing import Any

import requests

from local.errors import LocalError

#: Seconds to wait for the result.
WAIT = 60
#: How far from one half an emoticon's part may be: seven standard deviations of 4096 fair tosses.
TOLERANCE = 0.055
INPUT = {"emoticon_1": ":)", "emoticon_2": ";)", "shots": 4096, "backend_type": "simulator"}


def run(gateway: str) -> dict[str, Any]:
    """Submit and wait; gives the final event with `seconds` from request to result."""
    api = f"{gateway}/api/v1"
    with requests.Session() as client:
        client.trust_env = False  # no proxy lies between this machine and itself
        token = client.post(f"{api}/sessions", timeout=10).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        began = time.monotonic()
        response = client.post(
            f"{api}/functions/smile_super_position/jobs", params={"wait": WAIT}, json=INPUT, timeout=2 * WAIT
        )
        seconds = time.monotonic() - began
    if response.status_code != 200:
        raise LocalError(f"the demo job failed: {response.status_code} {response.text[:500]}")
    event: dict[str, Any] = response.json()
    return event | {"seconds": seconds}


def lines(event: dict[str, Any]) -> list[str]:
    """The result for a person to read."""
    answer = event.get("answer") or {}
    shots = answer.get("shots", 0)
    rows = [
        f"    {entry['text']:<10} seen {entry['count']:>5} of {shots} times  ({entry['probability']:.1%})"
        for entry in answer.get("emoticons", [])
    ]
    return [
        f"  smile_super_position on {event['backend']}: {event['status']}",
        *rows,
        f"    {event['seconds'] * 1000:.0f} ms from request to result",
    ]


def is_right(event: dict[str, Any]) -> bool:
    """True if the two emoticons, and nothing else, were each seen about half of the time."""
    answer = event.get("answer") or {}
    found = answer.get("emoticons", [])
    return (
        event["status"] == "DONE"
        and [entry["text"] for entry in found] == [INPUT["emoticon_1"], INPUT["emoticon_2"]]
        and sum(entry["count"] for entry in found) == INPUT["shots"]
        and all(abs(entry["probability"] - 0.5) < TOLERANCE for entry in found)
    )
