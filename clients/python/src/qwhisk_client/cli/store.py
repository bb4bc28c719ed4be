"""What the command keeps between calls: for each gateway the key, if one was given, and the session.

The file is in the user's configuration folder, and only the user may read it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qwhisk_client.models import Session

if sys.platform != "win32":
    import fcntl

#: Seconds to wait for another command that opens a session, and between two attempts to lock the file.
LOCK_TIMEOUT, LOCK_PAUSE = 60.0, 0.05
#: The most bytes of the file.
MAX_BYTES = 1_000_000


class StoreError(Exception):
    """The file cannot be read or written. The message says why."""


@dataclass(frozen=True)
class OpenID:
    """A sign-in at an OpenID Connect provider, which new tokens continue without the person."""

    issuer: str
    client_id: str
    audience: str | None = None
    refresh_token: str | None = field(repr=False, default=None)


@dataclass(frozen=True)
class Credentials:
    """What is known for one gateway. After a sign-in at a provider, `key` is the provider's token."""

    key: str | None = field(repr=False, default=None)
    session: Session | None = field(repr=False, default=None)
    openid: OpenID | None = None


def folder() -> Path:
    """Return the user's configuration folder of this command."""
    given = os.environ.get("QWHISK_CONFIG")
    if given:
        return Path(given)
    if os.name == "nt":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "qwhisk"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "qwhisk"


class Store:
    """The file with the credentials of each gateway.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, url: str) -> Credentials:
        """Return what is known for a gateway.

        Raises:
            StoreError: the file cannot be read, or others may read it.
        """
        entry = self._read().get(url, {})
        try:
            session = Session(**entry["session"]) if entry.get("session") else None
            openid = OpenID(**entry["openid"]) if entry.get("openid") else None
            return Credentials(entry.get("key"), session, openid)
        except (TypeError, AttributeError):
            raise StoreError(f"{self.path} is damaged. Remove it and sign in again.") from None

    def put(self, url: str, credentials: Credentials) -> None:
        """Keep what is known for a gateway; nothing is kept of empty credentials.

        Raises:
            StoreError: the file cannot be written.
        """
        entries = self._read()
        if credentials == Credentials():
            entries.pop(url, None)
        else:
            entries[url] = asdict(credentials)
        try:
            self._write(json.dumps(entries, indent=2))
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}.") from None

    @contextmanager
    def locked(self, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """Keep other commands out, so that two that start at the same time do not open two sessions.

        Args:
            timeout: seconds to wait for a command that holds the lock.

        Raises:
            StoreError: another command holds the lock for too long, or the folder cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path.parent} cannot be written: {error.strerror}.") from None
        try:
            deadline = time.monotonic() + timeout
            while not _lock(descriptor):
                if time.monotonic() > deadline:
                    raise StoreError(f"Another command holds {self.path.with_suffix('.lock')}. Try again.")
                time.sleep(LOCK_PAUSE)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open(encoding="utf-8") as file:
                mode = os.fstat(file.fileno()).st_mode
                if os.name == "posix" and mode & 0o077:
                    raise StoreError(
                        f"Others may read {self.path}, which has secrets. Run: chmod 600 {self.path}"
                    )
                entries = json.loads(file.read(MAX_BYTES))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise StoreError(f"{self.path} is damaged. Remove it and sign in again.") from None
        if not isinstance(entries, dict):
            raise StoreError(f"{self.path} is damaged. Remove it and sign in again.")
        return entries

    def _write(self, text: str) -> None:
        """Replace the file at once: a command that runs meanwhile reads the old one or the new one."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp creates the file with mode 0600.
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".credentials-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _lock(descriptor: int) -> bool:
    """Lock the file if no other process has locked it."""
    if sys.platform == "win32":
        return True  # there is no such lock
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
