"""End this process when its parent process ends, even if the parent is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

#: prctl(2): the signal that this process gets when its parent dies.
_PR_SET_PDEATHSIG = 1

#: Seconds between checks where the kernel sends no signal.
_INTERVAL = 1.0


def die_with_parent(
    parent: int, signal_number: signal.Signals = signal.SIGKILL, *, thread: bool = True
) -> None:
    """Arrange for this process to end when its parent ends.

    On Linux the kernel sends the signal, so it works while the process is busy in C code. Elsewhere a thread
    checks once a second.

    Args:
        parent: process id of the parent. If that process has ended already, this process exits at once.
        signal_number: the signal that the kernel sends.
        thread: whether a thread may be started where the kernel sends no signal. A process that forks, or
            that is about to execute another program, cannot have one.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    elif thread:
        threading.Thread(target=_watch, args=(parent,), name="parent-death", daemon=True).start()
    if os.getppid() != parent:
        # The parent ended before the signal was requested.
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_INTERVAL)
    os._exit(1)
