"""Start action processes as forks of a fork server, which has done the costly imports.

Without a fork server processes are started from their command, which is slower.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from core.openwhisk.action_server import ALGORITHM_VARIABLE, ServerFork
from core.processes.fork_server_client import ForkServerClient, ForkServerError
from local.openwhisk.errors import NO_RESOURCES, StartFailed
from local.openwhisk.forked import Forked
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.memory import resident_size
from local.openwhisk.process import Process, ProcessContext
from local.openwhisk.spawned import spawn

log = logging.getLogger(__name__)

#: Number of successive fork servers, and seconds within which each ended, after which no other is started.
_MAX_FAILURES, _EARLY = 3, 60.0


class ForkStarter:
    """Starts processes: by fork if the launch allows it and there is a fork server, else from the command.

    Args:
        enabled: whether to fork; if not, every process is started from its command.
        timeout: seconds that the fork server has for an answer, including imports.
    """

    def __init__(self, enabled: bool, timeout: float) -> None:
        # The end of a fork is noticed by its pidfd, which only Linux has.
        self._enabled = enabled and sys.platform == "linux"
        self._timeout = timeout
        self._client: ForkServerClient | None = None
        self._failures = 0
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watcher: asyncio.Task[None] | None = None

    def expect(self, launch: Launch) -> None:
        """Import now what processes of a launch need, since they are about to be started.

        Args:
            launch: of the processes.
        """
        if self._enabled and launch.forkable and launch.costly and not (self._client and self._client.warm):
            self._keep(asyncio.get_running_loop().create_task(self._warm(launch)))

    async def start(self, launch: Launch) -> Process:
        """Start a process.

        Args:
            launch: what to start.

        Raises:
            StartFailed: the process cannot be started.
        """
        try:
            return await self._start(launch)
        except OSError as exc:
            raise StartFailed(f"{NO_RESOURCES} {exc}") from exc

    async def _start(self, launch: Launch) -> Process:
        if self._enabled and launch.forkable:
            client = self._client
            if launch.costly or client is None or not client.warming:
                forking = asyncio.get_running_loop().create_task(self._fork(launch))
                self._keep(forking)
                try:
                    # Cancelled half-way, it would leave a process behind.
                    return await asyncio.shield(forking)
                except ForkServerError as exc:
                    log.warning("no fork for %s: %s", launch.action, exc)
                except asyncio.CancelledError:
                    self._keep(asyncio.get_running_loop().create_task(_discard(forking)))
                    raise
        return await spawn(launch)

    async def close(self) -> None:
        """End the fork server. Its forks must have been ended before."""
        self._enabled = False
        # Without the watcher, which waits for the end of the fork server.
        if pending := self._tasks - {self._watcher}:
            await asyncio.wait(pending, timeout=1.0)
        if self._client is not None:
            self._client.close()
            await self._client.process.wait()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is awaited raises its error there; asyncio must not report the error of another one.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _ready(self, launch: Launch) -> ForkServerClient:
        """Return the client of the fork server, which is started if there is none.

        Raises:
            ForkServerError: no fork server can be started.
        """
        async with self._starting:
            client = self._client
            if client is not None and not client.ended:
                return client
            if not self._enabled:
                raise ForkServerError("the server is shutting down, or too many fork servers have ended")
            # The threads of a library would not survive a fork.
            environment = {"OPENBLAS_NUM_THREADS": "1", **launch.environment}
            environment.pop(ALGORITHM_VARIABLE, None)
            try:
                self._client = client = await ForkServerClient.start(
                    launch.argv,
                    environment,
                    folder=Path("/"),
                    stdout=asyncio.subprocess.DEVNULL,
                    new_session=True,
                )
            except ForkServerError:
                self._count_failure()
                raise
            self._watcher = asyncio.get_running_loop().create_task(self._watch(client, launch))
            self._keep(self._watcher)
            return client

    async def _watch(self, client: ForkServerClient, launch: Launch) -> None:
        """Replace a fork server that ends, before an invocation has to wait for it."""
        await client.process.wait()
        client.close()
        if not self._enabled:
            return
        log.warning("the fork server ended with status %s", client.process.returncode)
        if time.monotonic() - client.started < _EARLY:
            self._count_failure()
        else:
            self._failures = 0
        if client.warm and self._enabled:
            await self._warm(launch)

    def _count_failure(self) -> None:
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            log.error(
                "the fork server ended %d times: from now on processes are started without it", self._failures
            )
            self._enabled = False

    async def _warm(self, launch: Launch) -> None:
        try:
            await (await self._ready(launch)).warm_up(self._timeout)
        except ForkServerError as exc:
            log.warning("the fork server has not imported what actions need: %s", exc)

    async def _fork(self, launch: Launch) -> Process:
        known = self._client
        client = await self._ready(launch)
        try:
            return await self._fork_by(client, launch)
        except ForkServerError:
            # A fork server that was running may have ended just before the request: another one is started.
            if client is not known or not client.ended:
                raise
        return await self._fork_by(await self._ready(launch), launch)

    async def _fork_by(self, client: ForkServerClient, launch: Launch) -> Process:
        with ExitStack() as ours, ExitStack() as theirs:
            context = ProcessContext(launch)
            ours.callback(context.discard)
            theirs.callback(os.close, context.ready_end)
            outputs, ends = [], []
            for _ in range(2):
                output, end = os.pipe()
                ours.callback(os.close, output)
                theirs.callback(os.close, end)
                outputs.append(output)
                ends.append(end)
            fork = await client.fork(
                ServerFork(context.environment, context.folder).arguments(),
                (*ends, context.ready_end),
                timeout=self._timeout,
                warm_up=launch.costly,
            )
            if fork.handle is None:
                client.end_fork(fork.pid)
                raise ForkServerError("this system has no pidfd, by which the end of a fork is noticed")
            ours.pop_all()
        logs = Logs(launch.logs, launch.concurrency > 1)
        # Imports that this action does not need, and would not have in a container.
        inherited = 0 if launch.costly else resident_size(fork.pid)
        return Forked(fork.pid, fork.handle, outputs, logs, context, client.end_fork, inherited)


async def _discard(forking: asyncio.Task[Process]) -> None:
    """End a process whose start was cancelled."""
    process = await forking
    await process.kill()
