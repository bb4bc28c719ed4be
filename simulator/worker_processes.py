"""The worker processes, as the service sees them: started as forks, replaced when they end."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from core.processes.fork_server_client import ForkServerClient, ForkServerError

from . import frames
from .settings import SimulatorSettings
from .task import Task, failure

logger = logging.getLogger(__name__)

#: Seconds in which the workers have to be ready at the start, and the fork server has to answer later.
START_SECONDS = 60.0
#: Number of successive workers that ended before they were ready, after which no other is started.
MAX_FAILED_STARTS = 5
#: Seconds that the fork server has to end before it is killed.
STOP_SECONDS = 2.0
#: Seconds by which each failed start delays the next one.
RETRY_SECONDS = 0.1
#: The variable with the API key, which only the service needs.
API_KEY_VARIABLE = "SIMULATOR_API_KEY"


@dataclass(eq=False)
class WorkerProcess:
    """One worker process.

    Attributes:
        writer: Its connection.
        fork_server: The fork server that it is a fork of.
        pid: Its process id.
        ready: Whether it has reported that it accepts tasks.
        task: The task that it runs; None if it is idle.
        permit: Whether it has one of the permits for large jobs.
        large: Whether it is known to run a large job.
        alarm: Kills it when its task has taken too long.
        killed: Why it is being killed; None if it is not.
        ended: Whether `end` was called.
    """

    writer: asyncio.StreamWriter
    fork_server: ForkServerClient
    pid: int
    ready: bool = False
    task: Task | None = None
    permit: bool = False
    large: bool = False
    alarm: asyncio.TimerHandle | None = None
    killed: dict[str, Any] | None = None
    ended: bool = False

    def kill(self, reason: dict[str, Any]) -> None:
        """Kill it.

        Args:
            reason: The outcome of its task.
        """
        self.killed = reason
        self.end()

    def end(self) -> None:
        """Kill it if it still runs, and release its process id."""
        if not self.ended:
            self.ended = True
            self.fork_server.end_fork(self.pid)
        if self.fork_server.ended:
            # The worker ends with the fork server. Where the system does not ensure that, it ends when its
            # connection does.
            self.writer.close()


class WorkerProcesses:
    """Keeps as many worker processes running as the settings say.

    Args:
        settings: How many there are, and their limits.
        on_message: Called with each message of a worker: the worker, the header and the body.
        on_end: Called when a worker has ended.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        on_message: Callable[[WorkerProcess, dict[str, Any], bytes], None],
        on_end: Callable[[WorkerProcess], None],
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._on_end = on_end
        self._workers: set[WorkerProcess] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fork_server: ForkServerClient | None = None
        #: The fork server whose end has been counted as a failed start.
        self._failed_server: ForkServerClient | None = None
        self._starting = asyncio.Lock()
        self._failed_starts = 0
        self._closing = False
        #: Set when all workers are ready for the first time, or when none is started any more.
        self._settled = asyncio.Event()

    def __iter__(self) -> Iterator[WorkerProcess]:
        return iter(self._workers)

    @property
    def ready(self) -> bool:
        """Whether the start has ended and at least one worker is ready."""
        return self._settled.is_set() and any(worker.ready for worker in self._workers)

    async def start(self) -> None:
        """Start all workers and wait until they are ready.

        Raises:
            RuntimeError: If none of them starts.
            TimeoutError: If they are not ready in time.
        """
        async with asyncio.timeout(START_SECONDS):
            for _ in range(self._settings.workers):
                await self._add()
            await self._settled.wait()
        if not self.ready:
            raise RuntimeError("the worker processes do not start; see the messages above")

    async def close(self, reason: dict[str, Any]) -> None:
        """End all workers.

        Args:
            reason: The outcome of their tasks.
        """
        self._closing = True
        for worker in list(self._workers):
            worker.kill(reason)
        if self._fork_server is not None:
            await self._fork_server.stop(STOP_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _add(self) -> None:
        """Start one worker; try again after a failure, a few times in a row."""
        while not self._closing:
            if self._failed_starts >= MAX_FAILED_STARTS:
                # `start` fails then; later, /healthz reports it.
                logger.error("worker processes do not start, and none is started any more")
                self._settled.set()
                return
            await asyncio.sleep(RETRY_SECONDS * self._failed_starts)
            fork_server = None
            try:
                fork_server = await self._running_fork_server()
                await self._start_worker(fork_server)
                return
            except (ForkServerError, OSError) as error:
                # If the fork server has ended, all workers that it was to start fail. That counts once.
                if fork_server is None or not fork_server.ended or fork_server is not self._failed_server:
                    self._failed_server = fork_server
                    self._failed_starts += 1
                    logger.error("a worker process cannot be started: %s", error)

    async def _start_worker(self, fork_server: ForkServerClient) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            process = await fork_server.fork({}, [theirs.fileno()], timeout=START_SECONDS)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        if process.handle is not None:
            # The end of its connection shows the end of a worker.
            os.close(process.handle)
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        worker = WorkerProcess(writer, fork_server, process.pid)
        self._workers.add(worker)
        task = asyncio.create_task(self._read(worker, reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _running_fork_server(self) -> ForkServerClient:
        async with self._starting:
            if self._fork_server is None or self._fork_server.ended:
                arguments = {
                    "devices": self._settings.devices,
                    "limits": dataclasses.asdict(self._settings.limits),
                    "costs": None if self._settings.costs is None else str(self._settings.costs),
                }
                self._fork_server = await ForkServerClient.start(
                    [sys.executable, "-m", f"{__package__}.fork_server", orjson.dumps(arguments).decode()],
                    {name: value for name, value in os.environ.items() if name != API_KEY_VARIABLE},
                )
            return self._fork_server

    async def _read(self, worker: WorkerProcess, reader: asyncio.StreamReader) -> None:
        """Pass on a worker's messages until it has ended, then replace it."""
        try:
            while True:
                header, body = await frames.read(reader)
                if header["t"] == "hello":
                    self._set_ready(worker)
                self._on_message(worker, header, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._workers.discard(worker)
            if worker.alarm is not None:
                worker.alarm.cancel()
            worker.end()
            worker.writer.close()
            if worker.task is not None:
                header = worker.killed or failure(
                    "The process simulating the job ended unexpectedly, perhaps for lack of memory.", 6002
                )
                worker.task.end(header)
                logger.warning("worker %s ended: %s", worker.pid, header["message"])
            self._on_end(worker)
        if not worker.ready:
            self._failed_starts += 1
        await self._add()

    def _set_ready(self, worker: WorkerProcess) -> None:
        worker.ready = True
        self._failed_starts = 0
        if sum(other.ready for other in self._workers) >= self._settings.workers:
            self._settled.set()
