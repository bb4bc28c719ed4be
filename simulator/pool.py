"""The service's side of the worker processes: who runs what, how long, and what to do when one dies.

Large jobs must not make small ones wait. Whether a job is large is known once a worker has decoded it; so a
job goes to any idle worker, and if it proves large while as many workers as may be are busy with large ones,
the worker hands it back, to be run when one of those is done.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from . import frames
from .errors import PoolFull
from .settings import Settings

logger = logging.getLogger(__name__)

#: Seconds a new worker may take until it says hello.
HELLO_SECONDS = 60.0
#: Times in a row that a worker may die before its hello before the pool gives up.
MAX_FAILED_STARTS = 5
#: Seconds beyond a job's bound before its worker is killed, so that the worker can say more itself.
KILL_SLACK = 0.5


@dataclass(eq=False)
class Task:
    """Something a worker is to do.

    Attributes:
        backend: Name of the backend.
        body: The request that submitted the job, as it came.
        seconds: Bound of its computing time.
        check: Whether to decode and check only.
        seed: Seeds the simulation.
        verdict: Set when the job has been decoded: what the worker said of it.
        outcome: Set at the end: what the worker said, and the encoded result.
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
        """Set the outcome, and the verdict if there was none."""
        if not self.verdict.done():
            self.verdict.set_result(header)
        if not self.outcome.done():
            self.outcome.set_result((header, body))


@dataclass(eq=False)
class Member:
    """One worker process, as the pool sees it."""

    writer: asyncio.StreamWriter
    pid: int | None = None
    task: Task | None = None
    #: Whether it holds one of the permits for large jobs.
    permit: bool = False
    #: Whether it is known to run a large job.
    large: bool = False
    alarm: asyncio.TimerHandle | None = None
    #: Why it is being killed; None if it is not.
    killed: dict[str, Any] | None = None


class Pool:
    """The worker processes.

    Args:
        settings: How many there are, and bounds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._permits = max(1, settings.workers - 1)
        self._fresh: deque[Task] = deque()
        self._large: deque[Task] = deque()
        self._members: set[Member] = set()
        self._idle: list[Member] = []
        self._readers: set[asyncio.Task[None]] = set()
        self._fork_server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._failed_starts = 0
        self._tasks = 0
        self._closing = False
        self._ready = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether there is at least one worker."""
        return self._ready.is_set() and any(member.pid is not None for member in self._members)

    @property
    def waiting(self) -> int:
        """Number of tasks that wait for a worker."""
        return len(self._fresh) + len(self._large)

    async def start(self) -> None:
        """Start the workers and wait until all are ready.

        Raises:
            RuntimeError: If they do not start.
        """
        self._start_fork_server()
        for _ in range(self._settings.workers):
            await self._start_member()
        async with asyncio.timeout(HELLO_SECONDS):
            await self._ready.wait()
        if not self.ready:
            raise RuntimeError("the worker processes do not start; see the messages above")

    async def close(self) -> None:
        """End all workers; what they were doing fails."""
        self._closing = True
        for queue in (self._fresh, self._large):
            while queue:
                queue.popleft().end(_failure("The service is shutting down.", 9500))
        for member in list(self._members):
            member.killed = _failure("The service is shutting down.", 9500)
            self._kill(member)
        if self._control is not None:
            self._control.close()
        if self._fork_server is not None:
            try:
                await asyncio.to_thread(self._fork_server.wait, 2.0)
            except subprocess.TimeoutExpired:
                self._fork_server.kill()
                await asyncio.to_thread(self._fork_server.wait, 1.0)
        for reader in list(self._readers):
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def submit(self, task: Task, at_once: bool = False) -> None:
        """Give a task to a worker, now or when one is free.

        Args:
            task: The task.
            at_once: Whether to take it however many are waiting, since its job has been accepted.

        Raises:
            PoolFull: If too many are waiting.
        """
        if not at_once and self.waiting >= self._settings.max_waiting:
            raise PoolFull(f"{self.waiting} jobs are waiting for a worker already.")
        self._tasks += 1
        task.number = self._tasks
        self._fresh.append(task)
        self._dispatch()

    def cancel(self, task: Task, reason: str, code: int = 0) -> None:
        """Take a task back: from the queue, or by ending the worker that runs it."""
        header = {"t": "cancelled", "message": reason, "code": code}
        for queue in (self._fresh, self._large):
            if task in queue:
                queue.remove(task)
                task.end(header)
                return
        for member in self._members:
            if member.task is task:
                member.killed = header
                self._kill(member)

    def _dispatch(self) -> None:
        while self._idle and not self._closing:
            permit = sum(member.permit for member in self._members) < self._permits
            queue = self._fresh
            if self._large and permit and not (self._fresh and self._fresh[0].number < self._large[0].number):
                queue = self._large
            if not queue:
                return
            self._hand_over(self._idle.pop(), queue.popleft(), permit)

    def _hand_over(self, member: Member, task: Task, permit: bool) -> None:
        member.task = task
        member.permit = permit and not task.check
        header = {
            "backend": task.backend,
            "check": task.check,
            "may_be_large": member.permit,
            "threads": self._threads(),
            "seconds": task.seconds,
            "seed": task.seed,
        }
        member.writer.write(frames.encode(header, task.body))
        loop = asyncio.get_running_loop()
        member.alarm = loop.call_later(task.seconds + KILL_SLACK, self._overrun, member, task)

    def _threads(self) -> int:
        """Return how many threads the next job may use if it is large: several only while it is alone."""
        others = sum(member.large for member in self._members) + len(self._large)
        return max(1, self._settings.large_threads // (1 + others))

    def _overrun(self, member: Member, task: Task) -> None:
        message = f"The job ran longer than its maximum execution time of {task.seconds:g} seconds."
        member.killed = {"t": "overrun", "message": message, "code": 1305}
        self._kill(member)

    def _answered(self, member: Member, header: dict[str, Any], body: bytes) -> None:
        """Take a message from a worker."""
        kind = header["t"]
        if kind == "hello":
            member.pid = header["pid"]
            self._failed_starts = 0
            self._release(member)
            if len([other for other in self._members if other.pid is not None]) >= self._settings.workers:
                self._ready.set()
            return
        task = member.task
        if task is None:
            return
        if kind == "accepted":
            member.large = header["large"]
            if not header["large"] and member.permit:
                member.permit = False
                self._dispatch()
            if not task.verdict.done():
                task.verdict.set_result(header)
            if task.started is not None:
                task.started()
            return
        if kind == "deferred":
            # It goes back to its place: tasks are numbered in order of arrival.
            place = sum(other.number < task.number for other in self._large)
            self._large.insert(place, task)
            if not task.verdict.done():
                task.verdict.set_result(header)
        else:
            if kind == "done" and not task.verdict.done() and task.started is not None:
                task.started()
            task.end(header, body)
        self._release(member)

    def _release(self, member: Member) -> None:
        if member.alarm is not None:
            member.alarm.cancel()
        member.alarm, member.task = None, None
        member.permit = member.large = False
        if member.killed is None:
            # One that was just told to end, and answered all the same, gets nothing more to do.
            self._idle.append(member)
        self._dispatch()

    def _start_fork_server(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        arguments = {
            "devices": self._settings.devices,
            "limits": dataclasses.asdict(self._settings.limits),
        }
        # The API key is the service's business alone.
        environment = {name: value for name, value in os.environ.items() if name != "SIMULATOR_API_KEY"}
        self._fork_server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                f"{__package__}.fork_server",
                str(theirs.fileno()),
                str(os.getpid()),
                orjson.dumps(arguments).decode(),
            ],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        theirs.close()
        self._control = ours

    async def _start_member(self) -> None:
        assert self._control is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            socket.send_fds(self._control, [b"F".ljust(32)], [theirs.fileno()])
        finally:
            theirs.close()
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        member = Member(writer)
        self._members.add(member)
        task = asyncio.create_task(self._read(member, reader))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _read(self, member: Member, reader: asyncio.StreamReader) -> None:
        """Take one worker's messages until it has gone, then see to its replacement."""
        try:
            while True:
                header, body = await frames.read(reader)
                self._answered(member, header, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._members.discard(member)
            if member in self._idle:
                self._idle.remove(member)
            if member.alarm is not None:
                member.alarm.cancel()
            member.writer.close()
            if member.task is not None:
                lost = _failure(
                    "The process simulating the job ended unexpectedly, perhaps for lack of memory.", 6002
                )
                header = member.killed or lost
                member.task.end(header)
                logger.warning("worker %s ended: %s", member.pid, header["message"])
        if not self._closing:
            await self._replace(member)

    async def _replace(self, member: Member) -> None:
        if member.pid is None:
            self._failed_starts += 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            # All waiting for start() shall find that it failed; later, /healthz tells it.
            logger.error("worker processes do not start; giving up")
            self._ready.set()
            return
        await asyncio.sleep(0.1 * self._failed_starts)
        if self._closing:
            return
        try:
            if self._fork_server is None or self._fork_server.poll() is not None:
                if self._control is not None:
                    self._control.close()
                self._start_fork_server()
            await self._start_member()
        except OSError as error:
            logger.error("a worker process cannot be started: %s", error)
            self._failed_starts += 1
        self._dispatch()

    def _kill(self, member: Member) -> None:
        if member.pid is not None and self._control is not None:
            try:
                self._control.send(f"K{member.pid}".encode().ljust(32))
                return
            except OSError:
                pass
        # Without a fork_server the worker is dying too; closing the connection ends it at the latest.
        member.writer.close()


def _failure(message: str, code: int) -> dict[str, Any]:
    return {"t": "failed", "message": message, "code": code}
