"""The key of this machine's OpenWhisk: random, made once, in a file that only its user can read.

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
from pathlib import Path

from core.errors import SettingsError
from core.settings import Setting, Source
from core.settings.kinds import TEXT

ROOT = Path(__file__).resolve().parents[2]

LOCAL_FOLDER = Setting(
    "LOCAL_FOLDER",
    TEXT,
    str(ROOT / ".local"),
    "folder of the local stack: logs, config documents, OpenWhisk's key and state; other users of the "
    "machine must not have access",
    default_text=".local",
    common=True,
)

#: The file in the folder.
KEY_FILE = "whisk.key"

_CHARACTERS = string.ascii_letters + string.digits
#: As OpenWhisk writes its keys: a UUID and 64 characters.
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[A-Za-z0-9]{64}\n?", re.ASCII)
#: Bytes that are read of the file: one more than a key and its line end have, so that a longer file is noted.
_MAX_FILE = 103


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
        if folder == ROOT / ".local":
            folder.chmod(0o700)
            return
    except OSError as error:
        raise _error(f"Cannot create {error.filename}: {error.strerror}. Set LOCAL_FOLDER.") from None
    raise _error(
        f"Other users of this machine may enter {folder}, which has keys and logs. Run `chmod 700 {folder}`, "
        "or set LOCAL_FOLDER to another folder."
    )


def local_key(folder: Path) -> str:
    """Return the machine's key from the folder. It is made and kept there if there is none yet.

    Several processes that make it at the same time get the same key.

    Raises:
        SettingsError: the file cannot be read or created, has no key, or may be read by others.
    """
    path = folder / KEY_FILE
    try:
        if not os.path.lexists(path):
            _make(path)
        return _read(path)
    except OSError as error:
        raise _error(f"{path}: {error.strerror}. Set LOCAL_FOLDER to another folder.") from None


def _make(path: Path) -> None:
    """Write a new key to another file and link it to the path, so that no process can see a part of it."""
    key = f"{uuid.uuid4()}:{''.join(secrets.choice(_CHARACTERS) for _ in range(64))}\n"
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, this fails if another process was faster. Then that process's key is the key.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _error(f"{path} is not a file. Delete it; a new key is then made.")
        if status.st_uid != os.geteuid():
            raise _error(f"{path} belongs to another user. Delete it, or set LOCAL_FOLDER to another folder.")
        if status.st_mode & 0o077:
            raise _error(
                f"Other users of this machine may read the key in {path}. Delete the file, and a new key is "
                f"made; or run `chmod 600 {path}` if you know that no other user has read it."
            )
        text = os.read(descriptor, _MAX_FILE).decode("ascii", "replace")
    finally:
        os.close(descriptor)
    if not _KEY.fullmatch(text):
        raise _error(f"{path} is damaged: it has no OpenWhisk key. Delete it; a new key is then made.")
    return text.strip()


def _error(message: str) -> SettingsError:
    return SettingsError(message, variable=LOCAL_FOLDER.name)
