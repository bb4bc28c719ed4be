"""A process that the fork server has forked: its output by pipes, its end by a pidfd."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from local.openwhisk.logs import Logs
from local.openwhisk.process import LocalProcess, ProcessContext


class Forked(LocalProcess):
    """Not a child of this server, so the kernel tells its end by a descriptor."""

    def __init__(
        self,
        pid: int,
        handle: int,
        outputs: Sequence[int],
        logs: Logs,
        around: ProcessContext,
        reap: Callable[[int], None],
        inherited: int,
    ) -> None:
        """
        Args:
            pid: its id.
            handle: its pidfd.
            outputs: the reading ends of its standard output and standard error.
            logs: where they go.
            around: what it was given.
            reap: called once nobody needs its id any more.
            inherited: bytes of the fork server's memory that it has, and has no use for.
        """
        super().__init__(pid, logs, around, inherited)
        self._handle = handle
        self._reap: Callable[[int], None] | None = reap
        self._outputs: dict[int, int] = {}
        loop = asyncio.get_running_loop()
        for number, descriptor in enumerate(outputs, 1):
            os.set_blocking(descriptor, False)
            self._outputs[number] = descriptor
            loop.add_reader(descriptor, self._read, number)
        loop.add_reader(handle, self._ended)

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
        self._look_whether_drained()

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self.exited.set_result(None)
        self._look_whether_drained()

    def _look_whether_drained(self) -> None:
        if self.exited.done() and not self._outputs and not self.drained.done():
            self.drained.set_result(None)

    def _close(self) -> None:
        for number in list(self._outputs):
            self._close_output(number)
        if self._reap is not None:
            # Until here it was a zombie, and its number could not become another process's.
            self._reap(self.pid)
            self._reap = None
