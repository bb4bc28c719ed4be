"""One part of the stack: a process, how to know that it is ready, and its log."""

from __future__ import annotations

import ctypes
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

#: Bytes of one log file; one older file is kept beside it.
MAX_LOG = 5_000_000
#: Seconds after SIGTERM at which a part that still runs is killed.
GRACE = 6.0

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """On Linux the kernel ends the part if the supervisor itself is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Part:
    """A process of the stack.

    Args:
        name: as it is shown.
        command: program and arguments.
        env: its whole environment.
        ready: true once it does its work; asked again and again until then.
        address: where a person can reach it.
        log: the file its output goes to.
        prepare: what is to be done each time that it is ready.
        needs: names of the parts without whose memory it cannot go on: it is started anew after them.
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
    #: True once it is ready; the supervisor's to set.
    up: bool = False
    restarts: int = 0
    #: Starts in a row that did not get so far that it was ready.
    tries: int = 0
    started: float = 0.0
    log_lost: bool = False
    _pump: threading.Thread | None = None

    def start(self) -> None:
        """Start the process; what it writes goes to the log, which does not grow without end."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._pump = threading.Thread(target=self._write_log, args=(self.process,), daemon=True)
        self._pump.start()

    def _write_log(self, process: subprocess.Popen[bytes]) -> None:
        # Opened at the first line. A full disk costs the log, not the part: its output is read all the same.
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
            print(f"  the log of the {self.name} cannot be written: {self.log}", file=sys.stderr, flush=True)

    def running(self) -> bool:
        """True while the process lives."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """SIGTERM; the part ends in its own order."""
        if self.process is not None and self.running():
            self.process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for the process until `deadline` (monotonic), then kill it with all that it started."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._signal_group(signal.SIGKILL)
            self.process.wait(5)
        # What the part itself may have left behind shares its process group.
        self._signal_group(signal.SIGKILL)
        if self._pump is not None:
            self._pump.join(2)

    def forget(self) -> None:
        """The process has ended, and the part is to be started anew."""
        self.process, self.up = None, False

    def _signal_group(self, number: signal.Signals) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def last_lines(self, count: int = 8) -> str:
        """The end of its log, for the message that says why it failed."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""
