"""One action process: start, initialisation, activations, end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

import orjson

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.errors import Crashed, InitTimedOut, ResultTooLarge, StartFailed, TimedOut
from local.openwhisk.http_connection import BodyTooLarge, HttpConnection, HttpConnectionError
from local.openwhisk.launch import Launch
from local.openwhisk.process import Address, Process

#: Seconds that a process has to write its sentinels after its response. It normally writes them before it.
SENTINEL_WAIT = 0.5

#: Bytes of the error in the response to an /init that failed.
_MAX_INIT_REPLY = 64 * 1024


class Starter(Protocol):
    """Starts processes."""

    def expect(self, launch: Launch) -> None:
        """Prepare for processes of a launch, which are about to be started."""

    async def start(self, launch: Launch) -> Process:
        """Start a process.

        Raises:
            StartFailed: it cannot be started.
        """

    async def close(self) -> None:
        """Release what was prepared. All processes have ended."""


class Container:
    """A process that has been initialised. Created by `start`."""

    def __init__(self, launch: Launch, process: Process) -> None:
        self.launch = launch
        self.last_used = time.monotonic()
        #: Milliseconds from the request for /init to its response.
        self.init_ms = 0
        #: Whether it has served an activation.
        self.used = False
        #: The action has been updated or deleted: the process ends when it is free.
        self.retired = False
        self._process = process
        self._logs = process.logs
        #: Open connections without and with an activation.
        self._idle: list[HttpConnection] = []
        self._in_use: set[HttpConnection] = set()
        self._address: Address = ("", 0)
        self.pid = process.pid
        #: Number of its current activations.
        self.active = 0
        #: Number of its activations that have been answered: only their logs are being collected.
        self.answered = 0
        #: It gets no other activation.
        self.unusable = False

    @classmethod
    async def start(
        cls, launch: Launch, starter: Starter, timeout: float, on_exit: Callable[[Container], None]
    ) -> Container:
        """Start a process, wait until it accepts requests, and initialise it.

        Args:
            launch: what to start.
            starter: starts it.
            timeout: seconds in which it must accept requests. /init then has the action's own time limit.
            on_exit: called when the process ends after a successful start.

        Raises:
            StartFailed: one of the steps failed. The process has ended.
        """
        process = await starter.start(launch)
        container = cls(launch, process)
        try:
            address = await process.address(timeout)
            began = time.monotonic()
            try:
                await container._initialise(address)
            except StartFailed as exc:
                exc.init_ms = int((time.monotonic() - began) * 1000)
                raise
        except BaseException:
            await container.kill()
            raise
        container.init_ms = int((time.monotonic() - began) * 1000)
        process.exited.add_done_callback(lambda _: on_exit(container))
        return container

    @property
    def alive(self) -> bool:
        """Whether the process runs and its connections are open."""
        return not self._process.exited.done() and all(connection.open for connection in self._idle)

    @property
    def has_room(self) -> bool:
        """Whether it can get another activation."""
        return self.active < self.launch.concurrency and not self.unusable and self.alive

    async def _initialise(self, address: Address | None) -> None:
        if address is None:
            await self._wait_for_end()
            message = "The action did not initialize and exited unexpectedly."
            raise StartFailed(self._process.why_ended or message, self._logs.flush())
        try:
            async with asyncio.timeout(self.launch.timeout):
                self._address = address
                connection = await HttpConnection.connect(*address, self._process.key)
                self._idle.append(connection)
                status, body = await connection.post("/init", self.launch.init, _MAX_INIT_REPLY)
        except TimeoutError:
            milliseconds = int(self.launch.timeout * 1000)
            raise InitTimedOut(
                f"The action exceeded its time limits of {milliseconds} milliseconds during initialization.",
                self._logs.flush(),
            ) from None
        except (OSError, HttpConnectionError):
            await self._wait_for_end()
            message = "The action did not initialize and exited unexpectedly."
            raise StartFailed(self._process.why_ended or message, self._logs.flush()) from None
        if status != 200:
            raise StartFailed(_init_error(body), await self._logs.collect(SENTINEL_WAIT))

    async def run(self, body: bytes) -> tuple[int, bytes, list[str]]:
        """Run one activation.

        Args:
            body: of the /run request.

        Returns:
            The status and the body of the response, and the lines of the log.

        Raises:
            TimedOut: it took longer than the action's time limit. The process is killed.
            Crashed: the process ended.
            ResultTooLarge: the response exceeds the limit of a result. The process is killed.
        """
        self.used = True
        try:
            async with asyncio.timeout(self.launch.timeout):
                connection = (
                    self._idle.pop()
                    if self._idle
                    else await HttpConnection.connect(*self._address, self._process.key)
                )
                self._in_use.add(connection)
                try:
                    status, result = await connection.post("/run", body, MAX_PAYLOAD)
                finally:
                    self._in_use.discard(connection)
                    self._idle.append(connection)
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
                f"{exc.length} > {MAX_PAYLOAD} bytes. The truncated response was: "
                f"{exc.beginning.decode('utf-8', 'replace')}",
                self._logs.flush(),
            ) from None
        except (OSError, HttpConnectionError):
            await self._wait_for_end()
            message = "The action did not produce a valid response and exited unexpectedly."
            raise Crashed(self._process.why_ended or message, self._logs.flush()) from None
        self.answered += 1
        try:
            logs = await self._logs.collect(SENTINEL_WAIT)
        finally:
            self.answered -= 1
        self.last_used = time.monotonic()
        return status, result, logs

    async def stop(self, grace: float) -> None:
        """End the process with SIGTERM.

        Args:
            grace: seconds after which it is killed.
        """
        self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._process.exited), grace)
        await self.kill()

    async def kill(self) -> None:
        """End the process at once with the processes that it started."""
        await self._process.kill()
        for connection in (*self._idle, *self._in_use):
            connection.close()

    async def _wait_for_end(self) -> None:
        """Wait for the end of a process that has closed its connection, and kill it if it does not end."""
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
        with contextlib.suppress(orjson.JSONEncodeError):
            return error if isinstance(error, str) else orjson.dumps(error).decode()
    # Also an error that can be read, but is nested too deeply to be written again.
    return f"The action failed during initialization: {body.decode('utf-8', 'replace')}"
