"""One part of the stack: a process, its log, and how to know that it is ready."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from core.processes.parent_death import die_with_parent
from local.errors import LocalError
from local.progress import StartProgress

#: Bytes of a log file. One older file is kept as well.
MAX_LOG = 5_000_000
#: Seconds after SIGTERM at which a part that still runs is killed.
GRACE = 6.0


def say(line: str, stream: TextIO) -> None:
    """Print a line. If the stream's disk is full, or its reader has gone, the line is lost."""
    with contextlib.suppress(OSError, ValueError):
        print(line, file=stream, flush=True)


@dataclass
class Part:
    """A process of the stack.

    Args:
        name: the name that is shown.
        command: program and arguments.
        env: the whole environment.
        ready: returns whether the part is ready. It is called until it returns True.
        address: the address that is shown.
        log: the file with its output.
        prepare: is called each time the part is ready.
        needs: names of parts whose state in memory it depends on. It is restarted after them.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool]
    address: str
    log: Path
    prepare: Callable[[], object] | None = None
    needs: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    #: Whether it is ready. The supervisor sets it.
    up: bool = False
    #: Whether it was ready at any time.
    was_up: bool = False
    restarts: int = 0
    #: Number of successive starts after which it did not become ready.
    failed_starts: int = 0
    #: Monotonic seconds: the last start, and the earliest time of the next one.
    started: float = 0.0
    not_before: float = 0.0
    #: Lines that it has written since its first start.
    lines: int = 0
    progress: StartProgress | None = None
    log_lost: bool = False
    _log_thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the process. Its output goes to the log, whose size is bounded.

        Raises:
            LocalError: the machine has no room for another process or thread.
        """
        self.started = time.monotonic()
        try:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # If the supervisor is killed, the kernel sends the part SIGTERM.
                preexec_fn=functools.partial(die_with_parent, os.getpid(), signal.SIGTERM, thread=False),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise LocalError(f"the {self.name} cannot be started: {error}") from None
        self._log_thread = threading.Thread(target=self._write_log, args=(self.process,), daemon=True)
        try:
            self._log_thread.start()
        except RuntimeError as error:
            # Without a reader of its output it would block once the pipe is full.
            self._log_thread = None
            self.end(self.started)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.reset()
            raise LocalError(f"the {self.name} cannot be started: {error}") from None
        self.progress = StartProgress(self.process.pid, lambda: self.lines)

    def _write_log(self, process: subprocess.Popen[bytes]) -> None:
        # Opened at the first line. If the disk is full, the log is lost, but the part keeps running, because
        # its output is still read.
        handler = RotatingFileHandler(
            self.log, maxBytes=MAX_LOG, backupCount=1, encoding="utf-8", delay=True, errors="replace"
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
        handler.handleError = self._log_lost  # type: ignore[method-assign,assignment]
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self.lines += 1
                text = line.decode(errors="replace").rstrip("\n")
                handler.emit(logging.LogRecord(self.name, logging.INFO, "", 0, text, None, None))
        with contextlib.suppress(OSError):
            handler.close()

    def _log_lost(self, _record: logging.LogRecord) -> None:
        if not self.log_lost:
            self.log_lost = True
            say(f"  cannot write the log of the {self.name}: {self.log}", sys.stderr)

    def running(self) -> bool:
        """Return whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        """Send SIGTERM, so that the part shuts down."""
        if self.process is not None and self.running():
            self.process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for the process to end; kill it, and all processes that it started, at the deadline.

        Args:
            deadline: monotonic seconds.
        """
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._signal_group(signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)  # it cannot end while it waits for a disk
        # Processes that the part may have left behind are in its process group.
        self._signal_group(signal.SIGKILL)
        if self._log_thread is not None:
            self._log_thread.join(2)

    def reset(self) -> None:
        """Reset the part after its process has ended, so that it can be started again."""
        self.process, self.up = None, False

    def _signal_group(self, number: signal.Signals) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def last_lines(self, count: int = 8) -> str:
        """Return the end of the log, for the message about a failure."""
        if self._log_thread is not None and not self.running():
            # What it wrote last may still be in the pipe.
            self._log_thread.join(2)
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-count:]
        except OSError:
            lines = []
        return "\n".join(lines) or f"(nothing in {self.log})"
