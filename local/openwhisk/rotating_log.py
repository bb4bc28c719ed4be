"""Lines in files that are kept when the process ends: bounded, the oldest are removed first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


class RotatingLog:
    """Two files. When the newer one is full it replaces the older one.

    Args:
        folder: of the files.
        size: maximum bytes of a file.

    Raises:
        OSError: the folder cannot be created or written to.
    """

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._size = size
        self._newer, self._older = folder / "newer.jsonl", folder / "older.jsonl"
        self._file = self._newer.open("ab+")
        if self._file.tell():
            # The last line may be incomplete, if the process ended while it was written.
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def lines(self) -> Iterator[bytes]:
        """Return the lines, oldest first. One may be incomplete, if a process ended while it was written."""
        for path in (self._older, self._newer):
            if path.exists():
                with path.open("rb") as file:
                    yield from file

    def append(self, line: bytes) -> None:
        """Write a line, which must not have a line break."""
        self._file.write(line + b"\n")
        self._file.flush()
        if self._file.tell() > self._size:
            self._file.close()
            self._newer.replace(self._older)
            self._file = self._newer.open("ab+")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
