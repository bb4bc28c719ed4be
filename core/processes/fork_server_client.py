"""The client of a fork server: starts it, and requests forks (`core/processes/fork_server.py`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.processes.messages import PARENT_OPTION, SOCKET_OPTION, MessageReader, ReceivedMessage, encode

#: Seconds for which `stop` waits after it has killed the fork server. It ends within milliseconds unless the
#: machine is overloaded.
_KILL_WAIT = 10.0


class ForkServerError(Exception):
    """The fork server cannot be started, has ended, or rejected a request."""


@dataclass(frozen=True, slots=True)
class ForkedProcess:
    """A process that the fork server has forked.

    Attributes:
        pid: its id, which no other process gets before `ForkServerClient.end_fork`.
        handle: its pidfd, which belongs to the caller; None where the system has none.
    """

    pid: int
    handle: int | None


class ForkServerClient:
    """One fork server process and the socket to it. Created by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.process = process
        #: `time.monotonic()` at its start.
        self.started = time.monotonic()
        #: Its warm-up has been requested and has not ended.
        self.warming = False
        #: Its warm-up has ended.
        self.warm = False
        self._control = control
        self._reader = MessageReader(control)
        self._turn = asyncio.Lock()
        #: Bytes of requests without an answer that have not been sent yet.
        self._unsent = bytearray()
        self._closed = False

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: Path | None = None,
        stdout: int | None = None,
        new_session: bool = False,
    ) -> ForkServerClient:
        """Start a fork server.

        Args:
            command: program and arguments; the options for its socket and for its parent are appended.
            environment: its whole environment.
            folder: its working directory; None for that of this process.
            stdout: its standard output, as for `subprocess`.
            new_session: whether it leads a new session, so that Ctrl-C at the terminal does not reach
                it.

        Raises:
            ForkServerError: the process cannot be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                *(SOCKET_OPTION, str(theirs.fileno())),
                *(PARENT_OPTION, str(os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                pass_fds=(theirs.fileno(),),
                env=environment,
                cwd=folder,
                start_new_session=new_session,
            )
        except BaseException as exc:
            ours.close()
            if isinstance(exc, OSError):
                raise ForkServerError(f"the fork server cannot be started: {exc}") from exc
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return cls(process, ours)

    @property
    def ended(self) -> bool:
        """Whether the process has ended, or `stop` was called."""
        return self._closed or self.process.returncode is not None

    async def warm_up(self, timeout: float) -> None:
        """Let the fork server import what forks need.

        Args:
            timeout: seconds.

        Raises:
            ForkServerError: it has ended, or did not answer in time. It is killed.
        """
        await self._request({"warm_up": True}, (), timeout)

    async def fork(
        self,
        arguments: Mapping[str, Any],
        descriptors: Sequence[int],
        *,
        timeout: float,
        warm_up: bool = False,
    ) -> ForkedProcess:
        """Fork a process.

        Args:
            arguments: a JSON object for the process.
            descriptors: passed to the process; the caller still has to close its own.
            timeout: seconds, including the warm-up.
            warm_up: whether the fork server imports first what forks need.

        Raises:
            ForkServerError: it rejected the request; or it has ended, or did not answer in time, and is
                killed.
        """
        answer, received = await self._request(
            {"warm_up": warm_up, "fork": dict(arguments)}, descriptors, timeout
        )
        return ForkedProcess(answer["pid"], received[0] if received else None)

    def end_fork(self, pid: int) -> None:
        """Kill a fork if it still runs, and release its process id. Does not wait."""
        self._unsent += encode({"end": pid})
        if not self._turn.locked():
            self._send_unsent()

    def close(self) -> None:
        """Kill the fork server. On Linux its forks end with it."""
        self._close_socket()
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Not `process.kill()`: if the process has just ended, that reaps it, and asyncio warns of an
                # unknown child.
                os.kill(self.process.pid, signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """End the fork server and its forks, and wait for its end.

        Args:
            grace: seconds after which it is killed.
        """
        self._close_socket()
        try:
            await asyncio.wait_for(self.process.wait(), grace)
        except TimeoutError:
            self.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), _KILL_WAIT)

    def _abort(self) -> None:
        self.close()
        self._control.close()

    def _close_socket(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            # A request that is waiting for its answer reads the end of the stream and closes the socket.
            self._control.shutdown(socket.SHUT_RDWR)
        if not self._turn.locked():
            self._control.close()

    async def _request(
        self, message: dict[str, Any], descriptors: Sequence[int], timeout: float
    ) -> ReceivedMessage:
        try:
            data = encode(message)
        except ValueError as exc:
            raise ForkServerError(str(exc)) from None
        async with self._turn:
            if self._closed:
                raise ForkServerError("the fork server has ended")
            self.warming = not self.warm and bool(message.get("warm_up"))
            try:
                async with asyncio.timeout(timeout):
                    await self._send(data, descriptors)
                    answer, received = await self._receive()
            except (OSError, EOFError, ValueError) as exc:
                self._abort()
                raise ForkServerError(str(exc) or "the fork server does not answer") from exc
            except BaseException:
                # The next request would read the answer to this one.
                self._abort()
                raise
            else:
                self.warm = self.warm or self.warming
            finally:
                self.warming = False
        self._send_unsent()
        if "error" in answer:
            raise ForkServerError(answer["error"])
        return answer, received

    async def _send(self, data: bytes, descriptors: Sequence[int]) -> None:
        loop = asyncio.get_running_loop()
        if self._unsent:
            unsent = bytes(self._unsent)
            self._unsent.clear()
            await loop.sock_sendall(self._control, unsent)
        while True:
            try:
                sent = socket.send_fds(self._control, [data], list(descriptors))
                break
            except BlockingIOError:
                await _ready(self._control, loop.add_writer, loop.remove_writer)
        await loop.sock_sendall(self._control, data[sent:])

    async def _receive(self) -> ReceivedMessage:
        loop = asyncio.get_running_loop()
        while True:
            await _ready(self._control, loop.add_reader, loop.remove_reader)
            if (message := self._reader.read()) is not None:
                return message

    def _send_unsent(self) -> None:
        """Send as much as the socket accepts now; the next request sends the rest."""
        with contextlib.suppress(OSError):
            if self._unsent and not self._closed:
                sent = self._control.send(self._unsent)
                del self._unsent[:sent]


async def _ready(
    sock: socket.socket,
    add: Callable[[socket.socket, Callable[[], None]], None],
    remove: Callable[[socket.socket], object],
) -> None:
    """Wait until a socket can be read or written, with these methods of the loop."""
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ready() -> None:
        remove(sock)
        if not ready.done():
            ready.set_result(None)

    add(sock, on_ready)
    try:
        await ready
    finally:
        remove(sock)
