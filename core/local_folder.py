"""The local stack's folder, and the keys in it: random, made once, in files that only their user can read.

The key of the namespace `guest` that OpenWhisk publishes is known to every web page. It works only if it is
set.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import SettingsError
from core.settings import Setting, Source
from core.settings.kinds import TEXT

ROOT = Path(__file__).resolve().parents[1]

LOCAL_FOLDER = Setting(
    "LOCAL_FOLDER",
    TEXT,
    str(ROOT / ".local"),
    "folder of the local stack: logs, config documents, keys, OpenWhisk's state; other users of the "
    "machine must not have access",
    default_text=".local",
    common=True,
)

_CHARACTERS = string.ascii_letters + string.digits


def local_folder(env: Source) -> Path:
    """Return the folder that the stack keeps its files in."""
    return Path(LOCAL_FOLDER.read(env))


def make_private(folder: Path) -> None:
    """Create the folder so that only its user can enter it.

    The permissions of the default folder, which an earlier version created, are corrected. Those of another
    folder are not, since it may be in use for something else.

    Raises:
        SettingsError: it cannot be created, it or a link to it belongs to another user, or others may enter.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        # The owner can open it at any time; the owner of a link can point it elsewhere.
        if {status.st_uid, folder.lstat().st_uid} != {os.geteuid()}:
            raise _error(f"{folder} belongs to another user. Set LOCAL_FOLDER to a folder of your own.")
        if not status.st_mode & 0o077:
            return
        if folder == ROOT / ".local" and not folder.is_symlink():
            folder.chmod(0o700)
            return
    except OSError as error:
        raise _error(f"Cannot create {error.filename}: {error.strerror}. Set LOCAL_FOLDER.") from None
    raise _error(
        f"Other users of this machine may enter {folder}, which has keys and logs. Run `chmod 700 {folder}`, "
        "or set LOCAL_FOLDER to another folder."
    )


@dataclass(frozen=True)
class KeyFile:
    """A file with a key, in the local stack's folder."""

    name: str
    #: What the key is for, as error messages name it.
    service: str
    #: Returns a new key.
    make: Callable[[], str]
    #: Matches the whole text of a file. Every key has the same length.
    form: re.Pattern[str]

    def path(self, folder: Path) -> Path:
        """Return the file's path."""
        return folder / self.name

    def key(self, folder: Path) -> str:
        """Return the key. It is made and kept in the folder if there is none yet.

        Several processes that make it at the same time get the same key.

        Raises:
            SettingsError: the file cannot be read or created, has no key, or may be read by others.
        """
        path = self.path(folder)
        try:
            if not os.path.lexists(path):
                self._write(path)
            return self._read(path)
        except OSError as error:
            raise _error(f"{path}: {error.strerror}. Set LOCAL_FOLDER to another folder.") from None

    def _write(self, path: Path) -> None:
        """Write a new key to another file and link it to the path: no process can see a part of it."""
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{self.make()}\n")
                file.flush()
                os.fsync(file.fileno())
            # Unlike a rename, this fails if another process was faster. Then that process's key is the key.
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)

    def _read(self, path: Path) -> str:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _error(f"{path} is not a file. Delete it; a new key is then made.")
            if status.st_uid != os.geteuid():
                raise _error(
                    f"{path} belongs to another user. Delete it, or set LOCAL_FOLDER to another folder."
                )
            if status.st_mode & 0o077:
                raise _error(
                    f"Other users of this machine may read the key in {path}. Delete the file, and a new key "
                    f"is made; or run `chmod 600 {path}` if you know that no other user has read it."
                )
            text = os.read(descriptor, _MAX_FILE).decode("ascii", "replace")
        finally:
            os.close(descriptor)
        if not self.form.fullmatch(text):
            raise _error(
                f"{path} is damaged: it has no {self.service} key. Delete it; a new key is then made."
            )
        return text.strip()


def _openwhisk_key() -> str:
    """Return a key as OpenWhisk writes them: a UUID and 64 characters."""
    return f"{uuid.uuid4()}:{''.join(secrets.choice(_CHARACTERS) for _ in range(64))}"


OPENWHISK_KEY = KeyFile(
    "whisk.key",
    "OpenWhisk",
    _openwhisk_key,
    re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[A-Za-z0-9]{64}\n?", re.ASCII),
)
SIMULATOR_KEY = KeyFile(
    "simulator.key",
    "simulator",
    lambda: secrets.token_urlsafe(32),
    re.compile(r"[A-Za-z0-9_-]{43}\n?", re.ASCII),
)
#: Bytes that are read of a file: one more than the longest key and its line end, to notice a longer file.
_MAX_FILE = 103


def _error(message: str) -> SettingsError:
    return SettingsError(message, variable=LOCAL_FOLDER.name)
