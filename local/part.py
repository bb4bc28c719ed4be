"""One part of the stack: a process, its log, and how to know that it is ready."""

from __future__ import annotations

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

from core.processes.parent_death import die_with_parent

#: Bytes of a log file. One older file is kept as well.
MAX_LOG = 5_000_000
#: Seconds after SIGTERM at which a part that still runs is killed.
GRACE = 6.0


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
    restarts: int = 0
    #: Number of successive starts after which it did not become ready.
    failed_starts: int = 0
    started: float = 0.0
    log_lost: bool = False
    _log_thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the process. Its output goes to the log, whose size is bounded."""
        self.started = time.monotonic()
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
        self._log_thread = threading.Thread(target=self._write_log, args=(self.process,), daemon=True)
        self._log_thread.start()

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
                text = line.decode(errors="replace").rstrip("\n")
                handler.emit(logging.LogRecord(self.name, logging.INFO, "", 0, text, None, None))
        handler.close()

    def _log_lost(self, _record: logging.LogRecord) -> None:
        if not self.log_lost:
            self.log_lost = True
            print(f"  cannot write the log of the {self.name}: {self.log}", file=sys.stderr, flush=True)

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
            self.process.wait(5)
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
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""
