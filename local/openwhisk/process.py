"""The process of a container: what it is given, its output and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod

from core.openwhisk.action_server import (
    HOST_VARIABLE,
    KEY_VARIABLE,
    PORT_VARIABLE,
)
from local.openwhisk.errors import MEMORY_EXHAUSTED, StartFailed
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.memory import MemoryGuard

#: Seconds to wait for the rest of the output of a process that has ended, if another process has its pipe
#: open.
_DRAIN_WAIT = 0.5

#: The host on which processes of this machine accept requests.
LOOPBACK = "127.0.0.1"

#: Host and port.
Address = tuple[str, int]


def action_key() -> str:
    """Return a random key that only this server and one process know."""
    return secrets.token_urlsafe(24)


class Process(ABC):
    """A process that runs an action server. Its output goes to a log.

    Args:
        pid: the id of the process and of its process group.
        logs: the log of its output.
        key: the key that each of its requests must have.
    """

    #: Seconds that it has to end after it has closed its connection.
    exit_wait = 1.0

    def __init__(self, pid: int, logs: Logs, key: str) -> None:
        self.key = key
        self.pid = pid
        self.logs = logs
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        #: Done when it has ended and all its output has been read.
        self.drained: asyncio.Future[None] = loop.create_future()
        self._killed = False

    @property
    def why_ended(self) -> str | None:
        """The reason for its end in OpenWhisk's words, or None if the reason is unknown."""
        return None

    @abstractmethod
    async def address(self, timeout: float) -> Address | None:
        """Wait until it accepts requests. Called once.

        Args:
            timeout: seconds.

        Returns:
            Where it accepts them, or None if the process has ended.

        Raises:
            StartFailed: it does not accept requests in time.
        """

    def terminate(self) -> None:
        """Send it SIGTERM."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once with the processes that it started, and remove its files."""
        if not self._killed:
            # Only once: afterwards the number may belong to another process.
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
        """End it at once."""

    @abstractmethod
    async def _release(self) -> None:
        """Close its descriptors and remove its files. May be called twice."""


class LocalProcess(Process):
    """A process on this machine with its own process group and its own folder.

    Args:
        pid: the id of the process and of its process group.
        logs: the log of its output.
        context: what it was given.
        inherited: bytes of memory that it has from the start, and that do not count towards its limit.
    """

    def __init__(self, pid: int, logs: Logs, context: ProcessContext, inherited: int = 0) -> None:
        super().__init__(pid, logs, context.key)
        self._folder = context.folder
        self._ready = context.ready
        self._exhausted = False
        guard = MemoryGuard(pid, context.memory, inherited, self._exhaust)
        self.exited.add_done_callback(lambda _: guard.stop())

    @property
    def why_ended(self) -> str | None:
        return MEMORY_EXHAUSTED if self._exhausted else None

    def _exhaust(self) -> None:
        self._exhausted = True
        self._signal_group()

    async def address(self, timeout: float) -> Address | None:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()

        def readable() -> None:
            loop.remove_reader(self._ready)
            # The process writes the line in one call.
            answer.set_result(os.read(self._ready, 64))

        loop.add_reader(self._ready, readable)
        try:
            async with asyncio.timeout(timeout):
                line = await answer
        except TimeoutError:
            raise StartFailed(f"The action's process was not ready after {timeout:g} s.") from None
        finally:
            loop.remove_reader(self._ready)
            os.close(self._ready)
            self._ready = -1
        if not line:
            return None
        try:
            return LOOPBACK, int(line)
        except ValueError:
            raise StartFailed("The action's process did not report its port.") from None

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
        """Close the descriptors of its output. May be called twice."""


class ProcessContext:
    """What a process is given: a folder, a key, an environment, and a pipe for its port.

    Args:
        launch: of the process.

    Raises:
        OSError: the disk is full, or this process has too many open files.
    """

    def __init__(self, launch: Launch) -> None:
        #: Its memory limit in MB.
        self.memory = launch.memory
        self.folder = tempfile.mkdtemp(prefix="openwhisk-")
        try:
            #: The pipe's ends: this server reads the port, the process writes it.
            self.ready, self.ready_end = os.pipe()
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.key = action_key()
        self.environment = {
            **launch.environment,
            PORT_VARIABLE: "0",
            HOST_VARIABLE: LOOPBACK,
            KEY_VARIABLE: self.key,
            "TMPDIR": self.folder,
        }

    def discard(self) -> None:
        """Remove the folder and close the pipe's reading end, if no process was started."""
        os.close(self.ready)
        shutil.rmtree(self.folder, ignore_errors=True)
