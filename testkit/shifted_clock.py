"""A clock that is set while processes run: `shifted_clock.c`, preloaded.

libfaketime is not used. If its release 0.9.10 leaves the monotonic clock alone, `time.sleep` of Python 3.11
fails (https://github.com/wolfcw/libfaketime/issues/426).
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_suffix(".c")


class ShiftedClock:
    """The time of day of the processes that are started with `env`. Skips if there is no C compiler.

    Args:
        folder: for the library and its file.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if sys.platform != "linux":
            pytest.skip("the library that shifts the clock is for Linux with glibc")
        if compiler is None:
            pytest.skip("no C compiler (Debian: apt install gcc libc6-dev)")
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "shifted_clock.so"
        command = [compiler, "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o"]
        command += [str(library), str(_SOURCE)]
        subprocess.run(command, check=True, timeout=60)
        self._file = folder / "shift"
        self._file.write_bytes(struct.pack("=q", 0))
        self.env = {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        """Set the clock to the true time and so many seconds, in all of the processes at once."""
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", seconds))
