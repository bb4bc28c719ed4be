"""One action process: started, initialised, run one activation at a time, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

import orjson

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.errors import Crashed, ResultTooLarge, StartFailed, TimedOut
from local.openwhisk.http_connection import BodyTooLarge, HttpConnection, HttpConnectionError
from local.openwhisk.launch import Launch
from local.openwhisk.process import Process

#: Seconds that a process has to write its sentinels after its response; normally they are there before it.
SENTINEL_WAIT = 0.5

#: Bytes of an error that a refused /init may bring.
_MAX_INIT_REPLY = 64 * 1024


class Starter(Protocol):
    """What starts processes."""

    def expect(self, launch: Launch) -> None:
        """Processes of this launch will be wanted: make ready for it."""

    async def start(self, launch: Launch) -> Process:
        """A new process; StartFailed if there is none."""

    async def close(self) -> None:
        """No more will be wanted, and all have ended."""


class Container:
    """A process that has been initialised. Made by `start`."""

    def __init__(self, launch: Launch, process: Process) -> None:
        self.launch = launch
        self.last_used = time.monotonic()
        #: Milliseconds from the start of the process to the answer of /init.
        self.init_ms = 0
        #: Whether it has served an activation.
        self.used = False
        #: The action has been updated or deleted: to be stopped when free.
        self.retired = False
        self._process = process
        self._logs = process.logs
        #: Connections that no activation uses. There are as many in all as there were activations at a time.
        self._wires: list[HttpConnection] = []
        self._taken: set[HttpConnection] = set()
        self._port = 0
        self.pid = process.pid
        #: Activations in it.
        self.active = 0
        #: It is not to be given another activation.
        self.spent = False

    @classmethod
    async def start(
        cls, launch: Launch, starter: Starter, timeout: float, on_exit: Callable[[Container], None]
    ) -> Container:
        """Start the process, wait until it takes requests, and initialise it.

        Args:
            launch: what to start.
            starter: what starts it.
            timeout: seconds until it must take requests. /init then has the action's own time limit.
            on_exit: called when the process ends, for whatever reason, after a successful start.

        Raises:
            StartFailed: it did not come so far. The process is gone.
        """
        began = time.monotonic()
        process = await starter.start(launch)
        container = cls(launch, process)
        try:
            port = await process.port(timeout)
            await container._initialise(port)
        except BaseException:
            await container.kill()
            raise
        container.init_ms = int((time.monotonic() - began) * 1000)
        process.exited.add_done_callback(lambda _: on_exit(container))
        return container

    @property
    def alive(self) -> bool:
        """Whether the process runs and can be asked something."""
        return not self._process.exited.done() and all(connection_.open for connection_ in self._wires)

    @property
    def has_room(self) -> bool:
        """Whether it may be given one more activation."""
        return self.active < self.launch.concurrency and not self.spent and self.alive

    async def _initialise(self, port: int | None) -> None:
        if port is None:
            await self._gone()
            why = "The action did not initialize and exited unexpectedly."
            raise StartFailed(self._process.why_ended or why, self._logs.flush())
        try:
            async with asyncio.timeout(self.launch.timeout):
                self._port = port
                connection_ = await HttpConnection.connect("127.0.0.1", port, self._process.key)
                self._wires.append(connection_)
                status, body = await connection_.post("/init", self.launch.init, _MAX_INIT_REPLY)
        except TimeoutError:
            milliseconds = int(self.launch.timeout * 1000)
            raise StartFailed(
                f"The action exceeded its time limits of {milliseconds} milliseconds during initialization.",
                self._logs.flush(),
            ) from None
        except (OSError, HttpConnectionError):
            await self._gone()
            why = "The action did not initialize and exited unexpectedly."
            raise StartFailed(self._process.why_ended or why, self._logs.flush()) from None
        if status != 200:
            raise StartFailed(_init_error(body), await self._logs.collect(SENTINEL_WAIT))

    async def run(self, body: bytes) -> tuple[int, bytes, list[str]]:
        """Run one activation: the status and body of the response, and the log.

        Raises:
            TimedOut: it took longer than the action's limit. The process is killed.
            Crashed: the process ended.
            ResultTooLarge: the response is larger than a result may be. The process is killed.
        """
        self.used = True
        try:
            async with asyncio.timeout(self.launch.timeout):
                connection_ = (
                    self._wires.pop()
                    if self._wires
                    else await HttpConnection.connect("127.0.0.1", self._port, self._process.key)
                )
                self._taken.add(connection_)
                try:
                    status, result = await connection_.post("/run", body, MAX_PAYLOAD)
                finally:
                    self._taken.discard(connection_)
                    self._wires.append(connection_)
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
        except (OSError, HttpConnectionError):
            await self._gone()
            why = "The action did not produce a valid response and exited unexpectedly."
            raise Crashed(self._process.why_ended or why, self._logs.flush()) from None
        logs = await self._logs.collect(SENTINEL_WAIT)
        self.last_used = time.monotonic()
        return status, result, logs

    async def stop(self, grace: float) -> None:
        """End the process: with SIGTERM, and with SIGKILL if it is still there after `grace` seconds."""
        self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._process.exited), grace)
        await self.kill()

    async def kill(self) -> None:
        """End the process at once, with what it started."""
        await self._process.kill()
        for connection_ in (*self._wires, *self._taken):
            connection_.close()

    async def _gone(self) -> None:
        """Wait for a process that has closed its connection to end, and make it end if it does not."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._process.exited), self._process.exit_wait)
        await self.kill()


def _init_error(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and "error" in document:
        error = document["error"]
        return error if isinstance(error, str) else orjson.dumps(error).decode()
    return f"The action failed during initialization: {body.decode('utf-8', 'replace')}"
