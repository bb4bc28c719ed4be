"""Start action processes as forks of one that has done the costly imports (`actions/runtime/fork_server.py`).

Where that cannot be had, processes are started anew: the same, only slower.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from local.openwhisk.forked import Forked
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.memory import resident
from local.openwhisk.process import Process, ProcessContext, spawn

log = logging.getLogger(__name__)

#: Bytes of a message, as the other end has it.
_MAX_MESSAGE = 128 * 1024

#: After so many nurseries that ended before they were so old, in seconds, no other is started.
_MAX_FAILURES, _YOUNG = 3, 60.0


class ForkServerError(Exception):
    """There is no fork server, or it did not do its part."""


class ForkServerClient:
    """One fork server process, and the socket it is asked by."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.process = process
        self.born = time.monotonic()
        #: What algorithms need has been imported, or is being.
        self.warm = False
        self.importing = False
        self._control = control
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, launch: Launch) -> ForkServerClient:
        """Start a fork server for launches like this one; OSError if it cannot be."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A library's threads would not survive a fork.
        environment = {"OPENBLAS_NUM_THREADS": "1", **launch.environment}
        environment.pop("QWHISK_ACTION", None)
        command = [*launch.argv, "--fork-server-fd", str(theirs.fileno()), "--parent-pid", str(os.getpid())]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return cls(process, ours)

    async def ask(
        self, message: dict[str, Any], descriptors: Sequence[int], timeout: float
    ) -> tuple[dict[str, Any], list[int]]:
        """Send a message, return the answer and the descriptors that came with it.

        Raises:
            ForkServerError: it refused; or it is gone, or said nothing in time, and is ended.
        """
        data = json.dumps(message).encode()
        if len(data) > _MAX_MESSAGE:
            raise ForkServerError(f"the environment is larger than {_MAX_MESSAGE} bytes")
        async with self._turn:
            self.importing = self.importing or (bool(message.get("import")) and not self.warm)
            try:
                async with asyncio.timeout(timeout):
                    socket.send_fds(self._control, [data], list(descriptors))
                    await _readable(self._control)
                data, received, _, _ = socket.recv_fds(self._control, _MAX_MESSAGE, 1)
                if not data:
                    raise ConnectionError("it has ended")
                answer: dict[str, Any] = json.loads(data)
            except (OSError, TimeoutError, ValueError) as exc:
                self.end()
                raise ForkServerError(str(exc) or "it does not answer") from exc
            self.warm = self.warm or self.importing
            self.importing = False
        if "error" in answer:
            raise ForkServerError(answer["error"])
        return answer, received

    def reap(self, pid: int) -> None:
        """Nobody needs this process id any more."""
        with contextlib.suppress(OSError):
            self._control.send(json.dumps({"reap": pid}).encode())

    def end(self) -> None:
        """End it, and with it what it forked."""
        self._control.close()
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


class ForkServer:
    """Starts processes: by fork where the launch allows it and a fork server is there, anew where not."""

    def __init__(self, enabled: bool, timeout: float) -> None:
        """
        Args:
            enabled: false: start every process anew.
            timeout: seconds that the fork server has for an answer, imports included.
        """
        # Descriptors for processes are Linux's.
        self._enabled = enabled and sys.platform == "linux"
        self._timeout = timeout
        self._line: ForkServerClient | None = None
        self._failures = 0
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watcher: asyncio.Task[None] | None = None

    def expect(self, launch: Launch) -> None:
        """Processes of this launch will be wanted: import now what they need."""
        if self._enabled and launch.forkable and launch.costly and not (self._line and self._line.warm):
            self._keep(asyncio.get_running_loop().create_task(self._warm(launch)))

    async def start(self, launch: Launch) -> Process:
        """A new process of this launch.

        Raises:
            StartFailed: there is none.
        """
        if self._enabled and launch.forkable:
            line = self._line
            if launch.costly or line is None or not line.importing:
                forking = asyncio.get_running_loop().create_task(self._fork(launch))
                self._keep(forking)
                try:
                    # Not to be cancelled half-way: a process would be there that nobody knows.
                    return await asyncio.shield(forking)
                except ForkServerError as exc:
                    log.warning("no fork for %s: %s", launch.action, exc)
                except asyncio.CancelledError:
                    forking.add_done_callback(_discard)
                    raise
        return await spawn(launch)

    async def close(self) -> None:
        """End the fork server; the processes have been ended before."""
        self._enabled = False
        # Not for the watcher: it waits for the fork server's end, which comes next.
        if under_way := self._tasks - {self._watcher}:
            await asyncio.wait(under_way, timeout=1.0)
        if self._line is not None:
            self._line.end()
            await self._line.process.wait()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Whoever waits for it sees what went wrong; nobody may wait any more.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _ready(self, launch: Launch) -> ForkServerClient:
        """The fork server, started if need be."""
        async with self._starting:
            line = self._line
            if line is not None and line.process.returncode is None:
                return line
            if not self._enabled:
                raise ForkServerError("the server is shutting down, or too many nurseries have ended")
            try:
                self._line = line = await ForkServerClient.start(launch)
            except OSError as exc:
                self._failed()
                raise ForkServerError(str(exc)) from exc
            self._watcher = asyncio.get_running_loop().create_task(self._watch(line, launch))
            self._keep(self._watcher)
            return line

    async def _watch(self, line: ForkServerClient, launch: Launch) -> None:
        """Replace a fork server that ends, while nobody has to wait for it."""
        await line.process.wait()
        line.end()
        if not self._enabled:
            return
        log.warning("the fork server ended with status %s", line.process.returncode)
        if time.monotonic() - line.born < _YOUNG:
            self._failed()
        else:
            self._failures = 0
        if line.warm and self._enabled:
            await self._warm(launch)

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            log.error(
                "the fork server ended %d times: processes are started anew from now on", self._failures
            )
            self._enabled = False

    async def _warm(self, launch: Launch) -> None:
        try:
            await (await self._ready(launch)).ask({"import": True}, (), self._timeout)
        except ForkServerError as exc:
            log.warning("the fork server is not warm: %s", exc)

    async def _fork(self, launch: Launch) -> Process:
        line = await self._ready(launch)
        around = ProcessContext(launch)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        message = {
            "import": launch.costly,
            "fork": {"env": around.environment, "cwd": around.folder},
        }
        try:
            answer, (handle,) = await line.ask(message, (out_end, err_end, around.told), self._timeout)
        except BaseException:
            around.discard()
            os.close(out)
            os.close(err)
            raise
        finally:
            for descriptor in (out_end, err_end, around.told):
                os.close(descriptor)
        logs = Logs(launch.logs, launch.concurrency > 1)
        # The imports for algorithms, where it has none: as a container it would be without them.
        inherited = 0 if launch.costly else resident(answer["pid"])
        return Forked(answer["pid"], handle, (out, err), logs, around, line.reap, inherited)


def _discard(forking: asyncio.Task[Process]) -> None:
    """End a process that came too late."""
    if not forking.cancelled() and forking.exception() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(forking.result().pid, signal.SIGKILL)


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        loop.remove_reader(sock)
        ready.set_result(None)

    loop.add_reader(sock, readable)
    try:
        await ready
    finally:
        loop.remove_reader(sock)
