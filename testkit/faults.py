"""Faults that a test causes in the simulator of a running stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from testkit.processes import part_environment
from testkit.provider_jobs import provider_token
from testkit.stack import Stack


def token(stack: Stack) -> tuple[str, str]:
    """Return the address of the simulator of a running stack, and a token for it."""
    env = part_environment(stack, "poller")
    url, key = env["SIMULATOR_URL"], env["SIMULATOR_API_KEY"]
    return url, provider_token(url, key)


def set_faults(stack: Stack, document: dict[str, Any]) -> None:
    """Make the simulator cause these faults from now on, and no others."""
    url, bearer = token(stack)
    answer = requests.put(
        f"{url}/admin/faults", json=document, headers={"Authorization": f"Bearer {bearer}"}, timeout=20
    )
    assert answer.status_code == 200, answer.text


@contextmanager
def paused(stack: Stack, device: str = "fake_fez") -> Iterator[None]:
    """Make a device accept jobs but start none: its queue does not change."""
    set_faults(stack, {"devices": {device: "paused"}})
    try:
        yield
    finally:
        set_faults(stack, {})
