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
        session = _post(client, f"{api}/sessions", 201, timeout=10)
        client.headers["Authorization"] = f"Bearer {session['token']}"
        began = time.monotonic()
        event = _post(
            client,
            f"{api}/functions/smile_super_position/jobs",
            200,
            params={"wait": WAIT},
            json=INPUT,
            timeout=2 * WAIT,
        )
        seconds = time.monotonic() - began
    return event | {"seconds": seconds}


def _post(client: requests.Session, url: str, expected: int, **options: Any) -> dict[str, Any]:
    """POST once and return the answer's body.

    Raises:
        LocalError: there is no answer, or its status is not the expected one.
    """
    try:
        response = client.post(url, **options)
        if response.status_code == expected:
            return dict(response.json())
    except (requests.RequestException, ValueError) as error:
        raise LocalError(f"the demo job failed: no answer of the gateway: {type(error).__name__}") from None
    raise LocalError(f"the demo job failed: {response.status_code} {response.text[:500]}")


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
