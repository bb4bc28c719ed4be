"""End this process when the one that started it is gone, however that one ended."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

#: prctl(2): the signal this process gets when its parent dies.
_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Arrange for this process to be killed when process `parent`, its parent, ends.

    The kernel does it on Linux, so it works while the action is busy in C code; elsewhere a thread looks
    once a second.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), name="parent-death", daemon=True).start()
    if os.getppid() != parent:
        # It ended before the arrangement was made.
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
