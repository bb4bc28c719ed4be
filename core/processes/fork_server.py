"""The fork server: a process that has done costly imports, and forks processes that share them.

A new Python process that imports Qiskit needs two seconds and 180 MB. A fork starts at once and shares that
memory. The fork server has no threads and no connections, since a fork would lack the threads and share the
connections. `core/processes/messages.py` describes the requests of its client.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from core.processes.messages import MessageReader, ReceivedMessage, encode
from core.processes.parent_death import die_with_parent

_THREADS = Path("/proc/self/task")


class Fork(NamedTuple):
    """What a forked process was given.

    Attributes:
        arguments: the object of the request.
        descriptors: the descriptors of the request, which belong to the fork.
    """

    arguments: dict[str, Any]
    descriptors: list[int]


class ForkServer:
    """Serves the requests of one client.

    Args:
        control: its end of the socket.
        warm_up: imports what forks need; called at most once, at the client's request.
    """

    def __init__(self, control: socket.socket, warm_up: Callable[[], object] | None = None) -> None:
        self._control = control
        self._reader = MessageReader(control)
        self._warm_up = warm_up
        self._forks: set[int] = set()

    def serve(self) -> Fork | None:
        """Serve requests until the client closes its end of the socket, then kill all forks.

        Returns:
            None in the fork server, at the end. In every fork, at once, what it was given.
        """
        _freeze()
        while (received := self._receive()) is not None:
            message, descriptors = received
            fork = self._handle(message, descriptors)
            if fork is not None:
                return fork
            for descriptor in descriptors:
                os.close(descriptor)
        for pid in list(self._forks):
            os.kill(pid, signal.SIGKILL)
        for pid in list(self._forks):
            self._end(pid)
        return None

    def _receive(self) -> ReceivedMessage | None:
        try:
            while (received := self._reader.read()) is None:
                pass
        except (EOFError, ConnectionError):
            return None
        return received

    def _handle(self, message: dict[str, Any], descriptors: list[int]) -> Fork | None:
        """Carry out a request; return what a fork was given if this is the fork."""
        if "end" in message:
            self._end(message["end"])
            return None
        if message.get("warm_up"):
            self._warm()
        if "fork" in message:
            return self._fork(message["fork"], descriptors)
        self._control.sendall(encode({}))
        return None

    def _warm(self) -> None:
        if self._warm_up is None:
            return
        warm_up, self._warm_up = self._warm_up, None
        try:
            warm_up()
        except Exception:
            # A fork's own import fails in the same way, where it can be reported to the caller.
            traceback.print_exc()
        _freeze()

    def _fork(self, arguments: dict[str, Any], descriptors: list[int]) -> Fork | None:
        server = os.getpid()
        try:
            threads = _count_threads()
            if threads > 1:
                raise OSError(f"the fork server has {threads} threads, and a fork would have only one")
            pid = os.fork()
        except OSError as exc:
            self._control.sendall(encode({"error": str(exc)}))
            return None
        if pid == 0:
            self._control.close()
            die_with_parent(server, thread=False)
            return Fork(arguments, descriptors)
        self._forks.add(pid)
        answer = encode({"pid": pid})
        # The fork has not been reaped, so the number cannot belong to another process.
        handle = _open_handle(pid)
        if handle is None:
            self._control.sendall(answer)
        else:
            socket.send_fds(self._control, [answer], [handle])
            os.close(handle)
        return None

    def _end(self, pid: int) -> None:
        # Only forks that have not been reaped: another number may be any process.
        if pid in self._forks:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._forks.discard(pid)


def _freeze() -> None:
    """Keep the garbage collector from writing to the objects that forks share."""
    gc.collect()
    gc.freeze()


def _count_threads() -> int:
    """Return the number of threads, including those of libraries where the system lists them."""
    try:
        return sum(1 for _ in _THREADS.iterdir())
    except OSError:
        return threading.active_count()


def _open_handle(pid: int) -> int | None:
    """Return a pidfd, or None if the system has none."""
    opened = getattr(os, "pidfd_open", None)
    try:
        return None if opened is None else int(opened(pid))
    except OSError:
        return None
