"""What a worker has to do, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Task:
    """A job, or the check of one, for a worker.

    Attributes:
        backend: Name of the backend.
        body: The request that submitted the job, unchanged.
        seconds: Limit of its computing time.
        check: Whether the job is only decoded and checked.
        seed: Seeds the simulation.
        verdict: Set when the job has been decoded: the worker's message about it.
        outcome: Set at the end: the worker's message, and the encoded result.
        started: Called when the job starts to run.
        number: Its place in the order of arrival.
    """

    backend: str
    body: bytes
    seconds: float
    check: bool = False
    seed: int | None = None
    verdict: asyncio.Future[dict[str, Any]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    outcome: asyncio.Future[tuple[dict[str, Any], bytes]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    started: Callable[[], None] | None = None
    number: int = 0

    def end(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Set the outcome, and the verdict if it has not been set.

        Args:
            header: The message.
            body: The encoded result.
        """
        if not self.verdict.done():
            self.verdict.set_result(header)
        if not self.outcome.done():
            self.outcome.set_result((header, body))


def failure(message: str, code: int) -> dict[str, Any]:
    """Return the outcome of a task that failed.

    Args:
        message: The reason, for the caller.
        code: IBM Quantum's error code.
    """
    return {"t": "failed", "message": message, "code": code}
