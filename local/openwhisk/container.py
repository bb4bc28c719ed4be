"""One action process: started, initialised, run one activation at a time, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable

import orjson

from local.openwhisk.entities import MAX_PAYLOAD
from local.openwhisk.errors import Crashed, ResultTooLarge, StartFailed, TimedOut
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.wire import BodyTooLarge, Wire, WireError

#: Seconds that a process has to write its sentinels after its response; normally they are there before it.
SENTINEL_WAIT = 0.5

#: Seconds that a process which has closed its connection gets to end.
_EXIT_WAIT = 1.0

#: Bytes of an error that a refused /init may bring.
_MAX_INIT_REPLY = 64 * 1024


class _Pipes(asyncio.SubprocessProtocol):
    """Hands a process's output to its log, and its end to whoever waits for it."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self.exited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: The process has ended and all its output has been read.
        self.drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._logs.feed(fd, data)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if not self.drained.done():
            self.drained.set_result(None)


class Container:
    """A process that has been initialised. Made by `start`."""

    def __init__(
        self, launch: Launch, transport: asyncio.SubprocessTransport, pipes: _Pipes, logs: Logs, folder: str
    ) -> None:
        self.launch = launch
        self.last_used = time.monotonic()
        #: Milliseconds from the start of the process to the answer of /init.
        self.init_ms = 0
        #: Whether it has served an activation.
        self.used = False
        #: The action has been updated or deleted: to be stopped when free.
        self.retired = False
        self._transport = transport
        self._pipes = pipes
        self._logs = logs
        self._folder = folder
        self._wire: Wire | None = None
        self._killed = False
        #: The process's id, and its process group's.
        self.pid = transport.get_pid()

    @classmethod
    async def start(cls, launch: Launch, timeout: float, on_exit: Callable[[Container], None]) -> Container:
        """Start the process, wait until it takes requests, and initialise it.

        Args:
            launch: what to start.
            timeout: seconds until it must take requests. /init then has the action's own time limit.
            on_exit: called when the process ends, for whatever reason, after a successful start.

        Raises:
            StartFailed: it did not come so far. The process is gone.
        """
        began = time.monotonic()
        logs = Logs(launch.logs)
        folder = tempfile.mkdtemp(prefix="openwhisk-")
        reader, writer = os.pipe()
        environment = {
            **launch.environment,
            "PORT": "0",
            "QWHISK_ACTION_HOST": "127.0.0.1",
            "QWHISK_READY_FD": str(writer),
            "QWHISK_PARENT_PID": str(os.getpid()),
            "TMPDIR": folder,
        }
        try:
            transport, pipes = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Pipes(logs),
                *launch.argv,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(writer,),
                env=environment,
                cwd=folder,
                # Its own group: Ctrl-C at the terminal is for this server, which then stops its processes in
                # order; and what the action itself starts can be killed with it.
                start_new_session=True,
            )
        except OSError as exc:
            os.close(reader)
            shutil.rmtree(folder, ignore_errors=True)
            raise StartFailed(f"Failed to provision resources to run the action: {exc}") from exc
        finally:
            os.close(writer)
        container = cls(launch, transport, pipes, logs, folder)
        try:
            port = await _read_port(reader, timeout)
            await container._initialise(port)
        except BaseException:
            await container.kill()
            raise
        container.init_ms = int((time.monotonic() - began) * 1000)
        pipes.exited.add_done_callback(lambda _: on_exit(container))
        return container

    @property
    def alive(self) -> bool:
        """Whether the process runs and its connection is open."""
        return not self._pipes.exited.done() and self._wire is not None and self._wire.open

    async def _initialise(self, port: int | None) -> None:
        if port is None:
            await self._gone()
            raise StartFailed("The action did not initialize and exited unexpectedly.", self._logs.flush())
        try:
            async with asyncio.timeout(self.launch.timeout):
                self._wire = await Wire.connect("127.0.0.1", port)
                status, body = await self._wire.post("/init", self.launch.init, _MAX_INIT_REPLY)
        except TimeoutError:
            milliseconds = int(self.launch.timeout * 1000)
            raise StartFailed(
                f"The action exceeded its time limits of {milliseconds} milliseconds during initialization.",
                self._logs.flush(),
            ) from None
        except (OSError, WireError):
            await self._gone()
            raise StartFailed(
                "The action did not initialize and exited unexpectedly.", self._logs.flush()
            ) from None
        if status != 200:
            raise StartFailed(_init_error(body), await self._logs.collect(SENTINEL_WAIT))

    async def run(self, body: bytes) -> tuple[int, bytes, list[str]]:
        """Run one activation: the status and body of the response, and the log.

        Raises:
            TimedOut: it took longer than the action's limit. The process is killed.
            Crashed: the process ended.
            ResultTooLarge: the response is larger than a result may be. The process is killed.
        """
        assert self._wire is not None
        self.used = True
        try:
            async with asyncio.timeout(self.launch.timeout):
                status, result = await self._wire.post("/run", body, MAX_PAYLOAD)
        except TimeoutError:
            await self.kill()
            milliseconds = int(self.launch.timeout * 1000)
            raise TimedOut(
                f"The action exceeded its time limits of {milliseconds} milliseconds.", self._logs.flush()
            ) from None
        except BodyTooLarge as exc:
            await self.kill()
            raise ResultTooLarge(
                "The action produced a response that exceeded the allowed length: "
                f"{exc.length} > {MAX_PAYLOAD} bytes.",
                self._logs.flush(),
            ) from None
        except WireError:
            await self._gone()
            raise Crashed(
                "The action did not produce a valid response and exited unexpectedly.", self._logs.flush()
            ) from None
        logs = await self._logs.collect(SENTINEL_WAIT)
        self.last_used = time.monotonic()
        return status, result, logs

    async def stop(self, grace: float) -> None:
        """End the process: with SIGTERM, and with SIGKILL if it is still there after `grace` seconds."""
        if not self._pipes.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._pipes.exited), grace)
        await self.kill()

    async def kill(self) -> None:
        """End the process at once, with what it started, and remove its folder."""
        if not self._killed:
            # Once only: afterwards the number may belong to somebody else.
            self._killed = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        await self._pipes.exited
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._pipes.drained), SENTINEL_WAIT)
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._transport.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, True)

    async def _gone(self) -> None:
        """Wait for a process that has closed its connection to end, and make it end if it does not."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._pipes.exited), _EXIT_WAIT)
        await self.kill()


async def _read_port(descriptor: int, timeout: float) -> int | None:
    """The port a process says on its ready descriptor, or None if it ended without.

    Raises:
        StartFailed: it said nothing in time, or something else.
    """
    loop = asyncio.get_running_loop()
    said: asyncio.Future[bytes] = loop.create_future()

    def readable() -> None:
        loop.remove_reader(descriptor)
        # One line, written at once.
        said.set_result(os.read(descriptor, 64))

    loop.add_reader(descriptor, readable)
    try:
        async with asyncio.timeout(timeout):
            line = await said
    except TimeoutError:
        raise StartFailed(f"The action's process was not ready after {timeout:g} s.") from None
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    if not line:
        return None
    try:
        return int(line)
    except ValueError:
        raise StartFailed("The action's process did not say its port.") from None


def _init_error(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and "error" in document:
        error = document["error"]
        return error if isinstance(error, str) else orjson.dumps(error).decode()
    return f"The action failed during initialization: {body.decode('utf-8', 'replace')}"
