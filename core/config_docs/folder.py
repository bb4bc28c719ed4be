"""Config documents in a folder."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.config_docs.model import MAX_DOCUMENT_BYTES
from core.errors import DocumentError

#: Documents of one source; more is a mistake.
MAX_DOCUMENTS = 1_000
#: Seconds between looks at the folder.
INTERVAL = 0.25


class FolderSource:
    """`*.json` files of one folder; the name of the file is that of the document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        """All documents as they are now; a broken one as the error that says why."""
        # Noted before they are read: what changes meanwhile is read again.
        self._seen = self._state()
        found: dict[str, Mapping[str, Any] | DocumentError] = {}
        for name in sorted(self._seen)[:MAX_DOCUMENTS]:
            path = self._folder / name
            try:
                found[path.stem] = _load(path)
            except DocumentError as error:
                found[path.stem] = error
        return found

    def wait(self, timeout: float) -> None:
        """Return when something has changed since `read`, or after `timeout` seconds."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(INTERVAL, left))
            if self._state() != self._seen:
                return

    def _state(self) -> dict[str, tuple[int, int, int]]:
        """What tells whether a file has changed, for each document."""
        state = {}
        # `iterdir` and not `glob`, which takes a folder that is gone for an empty one.
        for path in self._folder.iterdir():
            if path.suffix == ".json":
                try:
                    about = path.stat()
                except FileNotFoundError:
                    continue  # gone again meanwhile
                state[path.name] = (about.st_mtime_ns, about.st_size, about.st_ino)
        return state


def _load(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise DocumentError(f"Config document {path.name} has over {MAX_DOCUMENT_BYTES} bytes.")
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DocumentError(f"Config document {path.name} cannot be read: {error}") from None
    if not isinstance(raw, dict):
        raise DocumentError(f"Config document {path.name} must be a JSON object.")
    return raw
