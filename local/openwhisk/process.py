"""The process behind a container: what it is given, its output, its end; and one that is started anew."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod

from local.openwhisk.errors import MEMORY_EXHAUSTED, StartFailed
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.memory import MemoryGuard

#: Seconds that the output of a process which has ended is waited for, if something else holds it open.
_DRAIN_WAIT = 0.5

#: The variable that has the key of an action process. Every user of this machine can connect to its port, and
#: what a request brings are settings too: where to send the keys.
KEY_VARIABLE = "QWHISK_ACTION_KEY"


def action_key() -> str:
    """A key for one process, which only this server and that process know."""
    return secrets.token_urlsafe(24)


class Process(ABC):
    """What runs an action server; its output goes to its log."""

    #: Seconds that it gets to end after it has closed its connection.
    exit_wait = 1.0

    def __init__(self, pid: int, logs: Logs, key: str) -> None:
        """
        Args:
            pid: the process's id, and its process group's.
            logs: where its output goes.
            key: what it wants to see with every request.
        """
        self.key = key
        self.pid = pid
        self.logs = logs
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        #: It has ended and all its output has been read.
        self.drained: asyncio.Future[None] = loop.create_future()
        self._killed = False

    @property
    def why_ended(self) -> str | None:
        """Why it has ended, in OpenWhisk's words, where more is known than that it has."""
        return None

    @abstractmethod
    async def port(self, timeout: float) -> int | None:
        """The loopback port on which it takes requests, or None if it ended before. Asked once.

        Raises:
            StartFailed: it does not in `timeout` seconds.
        """

    def terminate(self) -> None:
        """Ask it to end."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once, with what it started; nothing of it is left."""
        if not self._killed:
            # Once only: afterwards the number may belong to somebody else.
            self._killed = True
            await self._end()
        await self.exited
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.drained), _DRAIN_WAIT)
        await self._release()

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    @abstractmethod
    async def _end(self) -> None:
        """Make it end."""

    @abstractmethod
    async def _release(self) -> None:
        """Close and remove what was there for it. May be called twice."""


class LocalProcess(Process):
    """A process of this machine, in a process group and a folder of its own."""

    def __init__(self, pid: int, logs: Logs, around: ProcessContext, inherited: int = 0) -> None:
        """
        Args:
            pid: its id, and its process group's.
            logs: where its output goes.
            around: what it was given.
            inherited: bytes of memory that it has from the start, and does not answer for.
        """
        super().__init__(pid, logs, around.key)
        self._folder = around.folder
        self._ready = around.ready
        self._exhausted = False
        guard = MemoryGuard(pid, around.memory, inherited, self._exhaust)
        self.exited.add_done_callback(lambda _: guard.stop())

    @property
    def why_ended(self) -> str | None:
        return MEMORY_EXHAUSTED if self._exhausted else None

    def _exhaust(self) -> None:
        self._exhausted = True
        self._signal_group()

    async def port(self, timeout: float) -> int | None:
        loop = asyncio.get_running_loop()
        said: asyncio.Future[bytes] = loop.create_future()

        def readable() -> None:
            loop.remove_reader(self._ready)
            # One line, written at once.
            said.set_result(os.read(self._ready, 64))

        loop.add_reader(self._ready, readable)
        try:
            async with asyncio.timeout(timeout):
                line = await said
        except TimeoutError:
            raise StartFailed(f"The action's process was not ready after {timeout:g} s.") from None
        finally:
            loop.remove_reader(self._ready)
            os.close(self._ready)
            self._ready = -1
        if not line:
            return None
        try:
            return int(line)
        except ValueError:
            raise StartFailed("The action's process did not say its port.") from None

    async def _end(self) -> None:
        self._signal_group()

    async def _release(self) -> None:
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1
        self._close()
        await asyncio.to_thread(shutil.rmtree, self._folder, True)

    @abstractmethod
    def _close(self) -> None:
        """Close what was open for it. May be called twice."""


class ProcessContext:
    """What a process is given before it is there: a folder and a descriptor to say its port on."""

    def __init__(self, launch: Launch) -> None:
        #: MB that it may have.
        self.memory = launch.memory
        self.folder = tempfile.mkdtemp(prefix="openwhisk-")
        self.ready, self.told = os.pipe()
        self.key = action_key()
        self.environment = {
            **launch.environment,
            "PORT": "0",
            "QWHISK_ACTION_HOST": "127.0.0.1",
            KEY_VARIABLE: self.key,
            "TMPDIR": self.folder,
        }

    def discard(self) -> None:
        """No process came of it."""
        os.close(self.ready)
        shutil.rmtree(self.folder, ignore_errors=True)


class Pipes(asyncio.SubprocessProtocol):
    """Hands a child's output to its log, and its end to whoever waits for it."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._process: Process | None = None
        self._exited = self._lost = False

    def belong_to(self, process: Process) -> None:
        """It is known only after the first events may have come."""
        self._process = process
        self._tell()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._logs.feed(fd, data)

    def process_exited(self) -> None:
        self._exited = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._lost = True
        self._tell()

    def _tell(self) -> None:
        if self._process is None:
            return
        for happened, future in ((self._exited, self._process.exited), (self._lost, self._process.drained)):
            if happened and not future.done():
                future.set_result(None)


class Spawned(LocalProcess):
    """A process started from its command."""

    def __init__(self, transport: asyncio.SubprocessTransport, logs: Logs, around: ProcessContext) -> None:
        super().__init__(child_pid(transport), logs, around)
        self._transport = transport

    def _close(self) -> None:
        self._transport.close()


def child_pid(transport: asyncio.SubprocessTransport) -> int:
    pid = transport.get_pid()
    assert pid is not None
    return pid


async def spawn(launch: Launch) -> Process:
    """Start the launch's command.

    Raises:
        StartFailed: it cannot be started.
    """
    logs = Logs(launch.logs, launch.concurrency > 1)
    around = ProcessContext(launch)
    environment = {
        **around.environment,
        "QWHISK_READY_FD": str(around.told),
        "QWHISK_PARENT_PID": str(os.getpid()),
    }
    try:
        transport, pipes = await asyncio.get_running_loop().subprocess_exec(
            lambda: Pipes(logs),
            *launch.argv,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(around.told,),
            env=environment,
            cwd=around.folder,
            # Its own group: Ctrl-C at the terminal is for this server, which then stops its processes in
            # order; and what the action itself starts can be killed with it.
            start_new_session=True,
        )
    except OSError as exc:
        around.discard()
        raise StartFailed(f"Failed to provision resources to run the action: {exc}") from exc
    finally:
        os.close(around.told)
    process = Spawned(transport, logs, around)
    pipes.belong_to(process)
    return process
