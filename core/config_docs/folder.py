"""Config documents in a folder."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.config_docs.bounds import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, left_out, too_large
from core.errors import DocumentError

#: Seconds between checks of the folder; at least `REST` times the seconds that a check takes.
INTERVAL, REST = 0.25, 20.0

#: Time of the last change in nanoseconds, bytes, inode.
_Version = tuple[int, int, int]


class FolderSource:
    """The `*.json` files of a folder. The name of a file is that of the document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, _Version] = {}
        #: Each file as it was read, with its version.
        self._loaded: dict[str, tuple[_Version, Mapping[str, Any] | DocumentError]] = {}

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        """Return all documents; for an invalid one, the error."""
        # Noted before the files are read: one that changes meanwhile is read again.
        self._seen = self._state()
        names = sorted(self._seen)
        loaded = {}
        for name in names[:MAX_DOCUMENTS]:
            before = self._loaded.get(name)
            if before is None or before[0] != self._seen[name]:
                before = self._seen[name], _entry(self._folder / name)
            loaded[name] = before
        self._loaded = loaded
        entries = {Path(name).stem: entry for name, (_, entry) in loaded.items()}
        return entries | left_out(len(names) - MAX_DOCUMENTS, "folder")

    def wait(self, timeout: float) -> None:
        """Wait until something has changed since `read`, at most `timeout` seconds."""
        end = time.monotonic() + timeout
        interval = INTERVAL
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(interval, left))
            started = time.monotonic()
            if self._state() != self._seen:
                return
            interval = max(INTERVAL, REST * (time.monotonic() - started))

    def _state(self) -> dict[str, _Version]:
        """Return for each file what shows whether it has changed."""
        state = {}
        # `iterdir` and not `glob`, which treats a missing folder as empty.
        for path in self._folder.iterdir():
            if path.suffix == ".json":
                try:
                    about = path.stat()
                except FileNotFoundError:
                    continue  # deleted in the meantime
                state[path.name] = (about.st_mtime_ns, about.st_size, about.st_ino)
        return state


def _entry(path: Path) -> Mapping[str, Any] | DocumentError:
    try:
        return _load(path)
    except DocumentError as error:
        return error


def _load(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise too_large(path.name)
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DocumentError(f"Config document {path.name} cannot be read: {error}") from None
    if not isinstance(raw, dict):
        raise DocumentError(f"Config document {path.name} must be a JSON object.")
    return raw
