"""A process of the fork server: its output comes through pipes, and a pidfd becomes readable when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence

from local.openwhisk.logs import Logs
from local.openwhisk.process import LocalProcess, ProcessContext


class Forked(LocalProcess):
    """A process that is not a child of this server.

    Args:
        pid: its process id.
        handle: its pidfd.
        outputs: the reading ends of its standard output and standard error.
        logs: the log of its output.
        context: what it was given.
        release: called once its process id is no longer needed.
        inherited: bytes of the fork server's memory that it shares and does not need.
    """

    def __init__(
        self,
        pid: int,
        handle: int,
        outputs: Sequence[int],
        logs: Logs,
        context: ProcessContext,
        release: Callable[[int], None],
        inherited: int,
    ) -> None:
        super().__init__(pid, logs, context, inherited)
        self._handle = handle
        self._release_pid: Callable[[int], None] | None = release
        self._outputs: dict[int, int] = {}
        loop = asyncio.get_running_loop()
        for number, descriptor in enumerate(outputs, 1):
            os.set_blocking(descriptor, False)
            self._outputs[number] = descriptor
            loop.add_reader(descriptor, self._read, number)
        loop.add_reader(handle, self._on_exit)

    def _signal_group(self) -> None:
        super()._signal_group()
        # Just after the fork the process does not lead a group yet, and has no processes of its own.
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _read(self, number: int) -> None:
        try:
            data = os.read(self._outputs[number], 64 * 1024)
        except BlockingIOError:
            return
        if data:
            self.logs.feed(number, data)
        else:
            self._close_output(number)

    def _close_output(self, number: int) -> None:
        descriptor = self._outputs.pop(number)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self._set_drained()

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self.exited.set_result(None)
        self._set_drained()

    def _set_drained(self) -> None:
        if self.exited.done() and not self._outputs and not self.drained.done():
            self.drained.set_result(None)

    def _close(self) -> None:
        for number in list(self._outputs):
            self._close_output(number)
        if self._release_pid is not None:
            # It was a zombie until now, so its number could not become that of another process.
            self._release_pid(self.pid)
            self._release_pid = None
