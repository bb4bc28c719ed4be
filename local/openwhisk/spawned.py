"""A process that is started from its command."""

from __future__ import annotations

import asyncio
import os

from core.openwhisk.action_server import PARENT_VARIABLE, READY_VARIABLE
from local.openwhisk.launch import Launch
from local.openwhisk.logs import Logs
from local.openwhisk.process import LocalProcess, Process, ProcessContext


class Pipes(asyncio.SubprocessProtocol):
    """Passes a child's output to its log, and its end to its `Process`.

    Args:
        logs: the log of its output.
    """

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._process: Process | None = None
        self._exited = self._lost = False

    def attach(self, process: Process) -> None:
        """Set the process, which is created after the first events may have come.

        Args:
            process: its futures are set.
        """
        self._process = process
        self._set_futures()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by asyncio."""
        self._logs.feed(fd, data)

    def process_exited(self) -> None:
        """Called by asyncio."""
        self._exited = True
        self._set_futures()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Called by asyncio."""
        self._lost = True
        self._set_futures()

    def _set_futures(self) -> None:
        if self._process is None:
            return
        for done, future in ((self._exited, self._process.exited), (self._lost, self._process.drained)):
            if done and not future.done():
                future.set_result(None)


class Spawned(LocalProcess):
    """A process started from its command.

    Args:
        transport: asyncio's, of the process.
        logs: the log of its output.
        context: what it was given.
    """

    def __init__(self, transport: asyncio.SubprocessTransport, logs: Logs, context: ProcessContext) -> None:
        super().__init__(child_pid(transport), logs, context)
        self._transport = transport

    def _close(self) -> None:
        self._transport.close()


def child_pid(transport: asyncio.SubprocessTransport) -> int:
    """Return the process id of a child that has been started."""
    pid = transport.get_pid()
    assert pid is not None
    return pid


async def spawn(launch: Launch) -> Process:
    """Start the command of a launch.

    Args:
        launch: what to start.

    Returns:
        The process.

    Raises:
        OSError: the command cannot be started.
    """
    logs = Logs(launch.logs, launch.concurrency > 1)
    context = ProcessContext(launch)
    environment = {
        **context.environment,
        READY_VARIABLE: str(context.ready_end),
        PARENT_VARIABLE: str(os.getpid()),
    }
    try:
        transport, pipes = await asyncio.get_running_loop().subprocess_exec(
            lambda: Pipes(logs),
            *launch.argv,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(context.ready_end,),
            env=environment,
            cwd=context.folder,
            # In its own process group Ctrl-C at the terminal does not reach it: this server stops its
            # processes in order. And it can be killed with the processes that the action starts.
            start_new_session=True,
        )
    except BaseException:
        # Also if the start is cancelled: asyncio has ended the process then.
        context.discard()
        raise
    finally:
        os.close(context.ready_end)
    process = Spawned(transport, logs, context)
    pipes.attach(process)
    return process
