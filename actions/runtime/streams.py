"""The action's standard output and error, framed so that the platform can cut them per activation."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

#: The line OpenWhisk looks for at the end of each activation, on both streams.
SENTINEL = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"


class _Raw(io.FileIO):
    """A file descriptor that remembers whether the last thing written to it ended a line."""

    at_line_start = True

    def write(self, data: Any, /) -> int:
        written = super().write(data)
        if written:
            self.at_line_start = data[written - 1] == 0x0A
        return written


class _Stream:
    """One of the two standard streams, kept reachable even if the action replaces `sys.stdout`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._raw = _Raw(descriptor, "w", closefd=False)
        # Line buffered, so that an action killed at its time limit leaves what it had printed; UTF-8 whatever
        # the locale says, and a character that cannot be encoded must not turn a print into an exception.
        self.text = io.TextIOWrapper(
            io.BufferedWriter(self._raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )

    def close_activation(self) -> None:
        if not self.text.closed:
            self.text.flush()
        # The sentinel counts only as a line of its own.
        os.write(self._descriptor, SENTINEL if self._raw.at_line_start else b"\n" + SENTINEL)
        self._raw.at_line_start = True


class Streams:
    """Standard output and error of the process, taken over for the life of the server."""

    def __init__(self) -> None:
        self._out = _Stream(1)
        self._err = _Stream(2)
        sys.stdout = self._out.text
        sys.stderr = self._err.text

    def log(self, text: str) -> None:
        """Write to the activation's log, on standard error, even if the action replaced `sys.stderr`."""
        if not self._err.text.closed:
            self._err.text.write(text if text.endswith("\n") else text + "\n")

    def close_activation(self) -> None:
        """Flush both streams and write the sentinel on each."""
        self.flush()
        self._out.close_activation()
        self._err.close_activation()

    def flush(self) -> None:
        """Write out what is still in a buffer, also of what the action put in the streams' place."""
        for replaced, ours in ((sys.stdout, self._out.text), (sys.stderr, self._err.text)):
            for stream in (ours, replaced):
                try:
                    if stream is not None and not stream.closed:
                        stream.flush()
                except (OSError, ValueError, AttributeError):
                    # The action's own object, or what it has closed; nothing left to flush.
                    continue
