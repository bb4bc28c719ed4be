"""The action's standard output and standard error, with a sentinel line after each activation."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from core.openwhisk.action_server import SENTINEL

_SENTINEL_LINE = SENTINEL + b"\n"


class _Raw(io.FileIO):
    """A file descriptor that records whether the last byte written to it ended a line."""

    at_line_start = True

    def write(self, data: Any, /) -> int:
        written = super().write(data)
        if written:
            self.at_line_start = data[written - 1] == 0x0A
        return written


class _Stream:
    """One of the two standard streams. It stays usable if the action replaces `sys.stdout`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._raw = _Raw(descriptor, "w", closefd=False)
        # Line buffered: if an action is killed at its time limit, its output so far is in the log. UTF-8 for
        # every locale, and a character that cannot be encoded does not make print fail.
        self.text = io.TextIOWrapper(
            io.BufferedWriter(self._raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )

    def close_activation(self) -> None:
        if not self.text.closed:
            self.text.flush()
        # OpenWhisk recognises the sentinel only as a whole line.
        os.write(self._descriptor, _SENTINEL_LINE if self._raw.at_line_start else b"\n" + _SENTINEL_LINE)
        self._raw.at_line_start = True


class Streams:
    """Standard output and standard error of the process, replaced until it ends."""

    def __init__(self) -> None:
        self._out = _Stream(1)
        self._err = _Stream(2)
        sys.stdout = self._out.text
        sys.stderr = self._err.text

    def log(self, text: str) -> None:
        """Write to the activation's log on standard error, even if the action has replaced `sys.stderr`."""
        if not self._err.text.closed:
            self._err.text.write(text if text.endswith("\n") else text + "\n")

    def close_activation(self) -> None:
        """Flush both streams and write the sentinel on each."""
        self.flush()
        self._out.close_activation()
        self._err.close_activation()

    def flush(self) -> None:
        """Flush the streams, and those with which the action has replaced them."""
        for replaced, original in ((sys.stdout, self._out.text), (sys.stderr, self._err.text)):
            for stream in (original, replaced):
                try:
                    if stream is not None and not stream.closed:
                        stream.flush()
                except (OSError, ValueError, AttributeError):
                    # The action's object has no flush, or the action has closed the stream.
                    continue
