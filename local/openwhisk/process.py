"""The process behind a container: what it is given, its output, its end. Here: one that is started anew."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from abc import ABC, abstractmethod

from local.openwhisk.errors import StartFailed
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs

#: Seconds that the output of a process which has ended is waited for, if something else holds it open.
_DRAIN_WAIT = 0.5


class Process(ABC):
    """A running process, in a process group and a folder of its own; its output goes to its log."""

    def __init__(self, pid: int, logs: Logs, folder: str, ready: int) -> None:
        """
        Args:
            pid: its id, and its process group's.
            logs: where its output goes.
            folder: its temporary files; removed with it.
            ready: the descriptor on which it says its port.
        """
        self.pid = pid
        self.logs = logs
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        #: It has ended and all its output has been read.
        self.drained: asyncio.Future[None] = loop.create_future()
        self._folder = folder
        self._ready = ready
        self._killed = False

    async def port(self, timeout: float) -> int | None:
        """The port it takes requests on, or None if it ended without saying one. Asked once.

        Raises:
            StartFailed: it said nothing in `timeout` seconds, or something else.
        """
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

    def terminate(self) -> None:
        """Ask it to end."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once, with what it started, and remove its folder."""
        if not self._killed:
            # Once only: afterwards the number may belong to somebody else.
            self._killed = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        await self.exited
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.drained), _DRAIN_WAIT)
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1
        self._release()
        await asyncio.to_thread(shutil.rmtree, self._folder, True)

    @abstractmethod
    def _release(self) -> None:
        """Close what was open for it. May be called twice."""


class Surroundings:
    """What a process is given before it is there: a folder and a descriptor to say its port on."""

    def __init__(self, launch: Launch) -> None:
        self.folder = tempfile.mkdtemp(prefix="openwhisk-")
        self.ready, self.told = os.pipe()
        self.environment = {
            **launch.environment,
            "PORT": "0",
            "QWHISK_ACTION_HOST": "127.0.0.1",
            "TMPDIR": self.folder,
        }

    def discard(self) -> None:
        """No process came of it."""
        os.close(self.ready)
        shutil.rmtree(self.folder, ignore_errors=True)


class _Pipes(asyncio.SubprocessProtocol):
    """Hands a process's output to its log, and its end to whoever waits for it."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self.process: Spawned | None = None
        self._exited = self._lost = False

    def belong_to(self, process: Spawned) -> None:
        """It is known only after the first events may have come."""
        self.process = process
        if self._exited:
            self.process_exited()
        if self._lost:
            self.connection_lost(None)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._logs.feed(fd, data)

    def process_exited(self) -> None:
        self._exited = True
        if self.process is not None and not self.process.exited.done():
            self.process.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._lost = True
        if self.process is not None and not self.process.drained.done():
            self.process.drained.set_result(None)


class Spawned(Process):
    """A process started from its command."""

    def __init__(self, transport: asyncio.SubprocessTransport, logs: Logs, folder: str, ready: int) -> None:
        pid = transport.get_pid()
        assert pid is not None
        super().__init__(pid, logs, folder, ready)
        self._transport = transport

    def _release(self) -> None:
        self._transport.close()


async def spawn(launch: Launch) -> Process:
    """Start the launch's command.

    Raises:
        StartFailed: it cannot be started.
    """
    logs = Logs(launch.logs)
    around = Surroundings(launch)
    environment = {
        **around.environment,
        "QWHISK_READY_FD": str(around.told),
        "QWHISK_PARENT_PID": str(os.getpid()),
    }
    try:
        transport, pipes = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Pipes(logs),
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
    process = Spawned(transport, logs, around.folder, around.ready)
    pipes.belong_to(process)
    return process
