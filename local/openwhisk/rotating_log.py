"""Lines in a folder that outlast the process; bounded, the oldest forgotten first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


class RotatingLog:
    """Two files: when the newer one is full it becomes the older one, which is forgotten."""

    def __init__(self, folder: Path, size: int) -> None:
        """
        Args:
            folder: where the files are.
            size: bytes that a file may have.

        Raises:
            OSError: the folder cannot be made, or not be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._size = size
        self._newer, self._older = folder / "newer.jsonl", folder / "older.jsonl"
        self._file = self._newer.open("ab+")
        if self._file.tell():
            # The end of a process may have cut its last line off; the next one is another.
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def lines(self) -> Iterator[bytes]:
        """What was written, oldest first; a line may have been cut off by the end of a process."""
        for path in (self._older, self._newer):
            if path.exists():
                with path.open("rb") as file:
                    yield from file

    def append(self, line: bytes) -> None:
        """Write a line, which has no line break in it."""
        self._file.write(line + b"\n")
        self._file.flush()
        if self._file.tell() > self._size:
            self._file.close()
            self._newer.replace(self._older)
            self._file = self._newer.open("ab+")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
