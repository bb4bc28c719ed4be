"""The processes of all actions: reuse, growth, limits, and the queue of invocations."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from local.openwhisk.capacity import victims
from local.openwhisk.container import Container, Starter
from local.openwhisk.errors import NO_RESOURCES, StartFailed, Unavailable
from local.openwhisk.launch import Launch
from local.openwhisk.settings import OpenWhiskSettings
from local.openwhisk.waiting import WaitingInvocations

log = logging.getLogger(__name__)

#: Seconds for which an invocation waits before another action's free process is ended for it. With less, two
#: busy actions would constantly end each other's warm processes.
EXCHANGE_AFTER = 2.0

#: Seconds between checks for idle processes.
_REAP_EVERY = 1.0

_CORES = os.cpu_count() or 1


class ContainerPool:
    """Lends containers to activations. All methods run on the event loop's thread."""

    def __init__(self, settings: OpenWhiskSettings, starter: Starter) -> None:
        self._settings = settings
        self._starter = starter
        self._idle: list[Container] = []
        self._busy: set[Container] = set()
        self._starting: Counter[Launch] = Counter()
        self._waiting = WaitingInvocations()
        self._prewarmed: dict[str, Launch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starts: set[asyncio.Task[None]] = set()
        self._stale: set[tuple[str, int, bytes]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._reaper = asyncio.get_running_loop().create_task(self._reap())

    def numbers(self) -> dict[str, int]:
        """Return the numbers of processes and invocations by state."""
        return {
            "idle": len(self._idle),
            "busy": len(self._busy),
            "starting": self._starting.total(),
            "waiting": len(self._waiting),
        }

    async def acquire(self, launch: Launch) -> Container:
        """Return a container of a launch that has room, now or as soon as one does.

        Args:
            launch: of the container.

        Raises:
            StartFailed: a process was started for it and failed.
            Unavailable: the server is shutting down.
        """
        if self._closing:
            raise Unavailable("The server is shutting down.")
        container = self._reuse(launch)
        if container is not None:
            return container
        future = self._waiting.add(launch)
        self._grow()
        return await future

    def release(self, container: Container, *, keep: bool) -> None:
        """Return a container to the pool.

        Args:
            container: which no longer has the activation.
            keep: whether it may be used again.
        """
        container.active -= 1
        container.unusable = container.unusable or not keep
        if container.active:
            self._waiting.fill(container)
        else:
            self._busy.discard(container)
            if not container.unusable and container.alive and not self._closing:
                self._offer(container)
            else:
                self._spawn(container.stop(self._settings.stop_grace))
        self._grow()
        self._replenish()

    def prewarm(self, launch: Launch) -> None:
        """Prepare for processes of a launch, and keep some ready if the settings say so."""
        self._starter.expect(launch)
        if self._settings.prewarm:
            self._prewarmed[launch.action] = launch
            self._replenish()

    def retire(self, action: str) -> None:
        """End the processes of an action that was updated or deleted, busy ones after their activations."""
        self._prewarmed.pop(action, None)
        for container in [item for item in self._idle if item.launch.action == action]:
            self._drop(container)
        for container in self._busy:
            if container.launch.action == action:
                container.retired = True
        self._stale.update(launch.key for launch in self._starting if launch.action == action)
        self._grow()

    async def close(self) -> None:
        """End all processes, within the time that a container has to stop."""
        self._closing = True
        self._reaper.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.fail_all(Unavailable("The server is shutting down."))
        for task in self._starts:
            task.cancel()
        for container in (*self._idle, *self._busy):
            self._spawn(container.stop(self._settings.stop_grace))
        self._idle.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._starter.close()

    def _reuse(self, launch: Launch) -> Container | None:
        """Return a container of a launch that has room: a busy one before an idle one."""
        for container in self._busy if launch.concurrency > 1 else ():
            if container.launch.key == launch.key and container.has_room and not container.retired:
                container.active += 1
                return container
        # The one that was used last, so that the others stay idle and can be ended.
        for index in range(len(self._idle) - 1, -1, -1):
            container = self._idle[index]
            if container.launch.key == launch.key and container.alive:
                del self._idle[index]
                self._busy.add(container)
                container.active = 1
                return container
        return None

    def _offer(self, container: Container) -> None:
        """Give a free container to the invocation that has waited longest for it, or keep it."""
        now = time.monotonic()
        oldest = self._waiting.oldest
        self._idle.append(container)
        if (
            oldest is not None
            and oldest.launch.key != container.launch.key
            and now - oldest.since > EXCHANGE_AFTER
            and not self._starting[oldest.launch]
            and self._make_room(oldest.launch)
        ):
            self._start(oldest.launch)
            if container not in self._idle:
                return
        if self._waiting.fill(container):
            self._idle.remove(container)
            self._busy.add(container)
        elif container.retired:
            self._drop(container)

    def _grow(self) -> None:
        """Start processes for waiting invocations if that helps and there is room."""
        if self._closing or not self._waiting:
            return
        now = time.monotonic()
        demand: Counter[tuple[str, int, bytes]] = Counter()
        soonest: float | None = None
        starting: Counter[tuple[str, int, bytes]] = Counter()
        for launch, count in self._starting.items():
            starting[launch.key] += count
        busy = {container.launch.key for container in self._busy}
        # Places that are free as soon as a log has been collected, which takes less than a start.
        soon_free: Counter[tuple[str, int, bytes]] = Counter()
        for container in self._busy:
            if not container.unusable and not container.retired:
                soon_free[container.launch.key] += container.answered
        for invocation in self._waiting:
            key = invocation.launch.key
            demand[key] += 1
            if demand[key] <= starting[key] * invocation.launch.concurrency + soon_free[key]:
                continue
            # A busy process of the action is probably free long before a new one has done its imports.
            wait_seconds = invocation.since + self._settings.grow_after - now
            if wait_seconds > 0 and (key in busy or starting[key]):
                soonest = wait_seconds if soonest is None else min(soonest, wait_seconds)
            elif starting[key] and self._starting.total() >= _CORES:
                # A start occupies a whole core. More at a time would only delay the first one.
                continue
            elif self._make_room(invocation.launch):
                self._start(invocation.launch)
                starting[key] += 1
        if soonest is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(soonest, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._grow()

    def _make_room(self, launch: Launch, *, evict: bool = True) -> bool:
        """Return whether another process fits; end idle ones of other actions for it, longest idle first."""
        launches = [item.launch for item in (*self._idle, *self._busy)] + list(self._starting.elements())
        chosen = victims(launch, launches, self._idle if evict else (), self._settings)
        for container in chosen or ():
            self._drop(container)
        return chosen is not None

    def _start(self, launch: Launch) -> None:
        self._starting[launch] += 1
        task = self._spawn(self._started(launch))
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)

    async def _started(self, launch: Launch) -> None:
        """Start a process, and give it or its error to a waiting invocation."""
        began = time.monotonic()
        try:
            container = await Container.start(
                launch, self._starter, self._settings.start_timeout, self._exited
            )
        except StartFailed as exc:
            log.warning("no process for %s: %s", launch.action, exc.message)
            self._failed(launch, exc)
        except Exception:
            # A bug in this server. Without an error, the invocation would wait forever.
            log.exception("no process for %s", launch.action)
            self._failed(launch, StartFailed(NO_RESOURCES))
        else:
            ready_ms = (time.monotonic() - began) * 1000
            log.info("process %d for %s, ready after %d ms", container.pid, launch.action, ready_ms)
            if self._closing:
                await container.kill()
            else:
                container.retired = launch.key in self._stale
                self._offer(container)
        finally:
            self._starting[launch] -= 1
            if not self._starting[launch]:
                del self._starting[launch]
                self._stale.discard(launch.key)
        self._grow()
        self._replenish()

    def _failed(self, launch: Launch, error: StartFailed) -> None:
        self._prewarmed.pop(launch.action, None)
        self._waiting.fail_oldest(launch, error)

    def _exited(self, container: Container) -> None:
        """Replace an idle process that has ended. A busy one's activation notices the end itself."""
        if container in self._idle:
            log.warning("idle process %d of %s ended unexpectedly", container.pid, container.launch.action)
            self._drop(container)
            self._replenish()

    def _replenish(self) -> None:
        """Start processes that are to be kept ready, one per core at a time, without displacing others."""
        if self._closing:
            return
        for launch in self._prewarmed.values():
            live = [item.launch.key for item in (*self._idle, *self._busy)]
            number = live.count(launch.key) + self._starting[launch]
            while number < self._settings.prewarm:
                if self._starting.total() >= _CORES or not self._make_room(launch, evict=False):
                    return
                self._start(launch)
                number += 1

    def _drop(self, container: Container) -> None:
        self._idle.remove(container)
        self._spawn(container.stop(self._settings.stop_grace))

    async def _reap(self) -> None:
        """End processes that have been idle for too long, except those that are to be kept ready."""
        while True:
            await asyncio.sleep(min(_REAP_EVERY, self._settings.idle_seconds or _REAP_EVERY))
            limit = time.monotonic() - self._settings.idle_seconds
            for container in sorted(self._idle, key=lambda item: item.last_used):
                key = container.launch.key
                kept = self._prewarmed.get(container.launch.action)
                spare = sum(item.launch.key == key for item in self._idle) - self._settings.prewarm
                if container.last_used < limit and (kept is None or kept.key != key or spare > 0):
                    self._drop(container)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("pool task failed", exc_info=task.exception())
