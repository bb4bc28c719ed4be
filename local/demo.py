"""The demo job: two emoticons in superposition, submitted over HTTP like any client's."""

from __future__ import annotations

import time
from typing import Any

import requests

from local.errors import LocalError

#: Seconds to wait for the result.
WAIT = 60
#: How far an emoticon's share may be from one half: seven standard deviations of 4096 fair tosses.
TOLERANCE = 0.055
INPUT = {"emoticon_1": ":)", "emoticon_2": ";)", "shots": 4096, "backend_type": "simulator"}


def run(gateway: str) -> dict[str, Any]:
    """Submit the job and wait for its result.

    Args:
        gateway: the gateway's address.

    Returns:
        The final event, and `seconds` from request to result.

    Raises:
        LocalError: the job failed.
    """
    api = f"{gateway}/api/v1"
    with requests.Session() as client:
        client.trust_env = False  # connections to this machine must not use a proxy
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
    """Return the result as text for the terminal."""
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
    """Return whether only the two emoticons were seen, each about half of the time."""
    answer = event.get("answer") or {}
    emoticons = answer.get("emoticons", [])
    return (
        event["status"] == "DONE"
        and [entry["text"] for entry in emoticons] == [INPUT["emoticon_1"], INPUT["emoticon_2"]]
        and sum(entry["count"] for entry in emoticons) == INPUT["shots"]
        and all(abs(entry["probability"] - 0.5) < TOLERANCE for entry in emoticons)
    )
