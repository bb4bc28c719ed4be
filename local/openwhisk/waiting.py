"""The invocations that wait for a container, in order of arrival."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from local.openwhisk.container import Container
from local.openwhisk.errors import StartFailed, Unavailable
from local.openwhisk.launch import Launch


@dataclass(frozen=True, slots=True)
class WaitingInvocation:
    """An invocation that waits.

    Attributes:
        launch: of the container that it needs.
        since: `time.monotonic()` at its arrival.
        container: set when it gets one; has the error if none can be started.
    """

    launch: Launch
    since: float
    container: asyncio.Future[Container]


class WaitingInvocations:
    """The queue of invocations that wait. All methods run on the event loop's thread."""

    def __init__(self) -> None:
        self._queue: list[WaitingInvocation] = []

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    def __iter__(self) -> Iterator[WaitingInvocation]:
        """Iterate over a copy, the oldest first."""
        return iter(list(self._queue))

    @property
    def oldest(self) -> WaitingInvocation | None:
        """The one that has waited longest; None if none waits."""
        return self._queue[0] if self._queue else None

    def add(self, launch: Launch) -> asyncio.Future[Container]:
        """Add an invocation, and return the future of its container."""
        container: asyncio.Future[Container] = asyncio.get_running_loop().create_future()
        self._queue.append(WaitingInvocation(launch, time.monotonic(), container))
        return container

    def fill(self, container: Container) -> bool:
        """Give a container to the invocations that wait for it, in order; return whether one did."""
        before = container.active
        for invocation in self:
            if not container.has_room:
                break
            if invocation.launch.key == container.launch.key:
                self._queue.remove(invocation)
                container.active += 1
                invocation.container.set_result(container)
        return container.active > before

    def fail_oldest(self, launch: Launch, error: StartFailed) -> None:
        """Give an error to the invocation of a launch that has waited longest."""
        for invocation in self:
            if invocation.launch.key == launch.key:
                self._queue.remove(invocation)
                invocation.container.set_exception(error)
                return

    def fail_all(self, error: Unavailable) -> None:
        """Give an error to all invocations."""
        for invocation in self:
            if not invocation.container.done():
                invocation.container.set_exception(error)
        self._queue.clear()
