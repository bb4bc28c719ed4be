"""The key of this machine's own OpenWhisk: made once at random, kept in a file that only its user can read.

OpenWhisk's published key of the namespace `guest` is known to every web page. It works only where it is set.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import string
import uuid
from collections.abc import Mapping
from pathlib import Path

from local.errors import LocalError

ROOT = Path(__file__).resolve().parents[1]

#: The file in the stack's folder.
FILE = "whisk.key"

_CHARACTERS = string.ascii_letters + string.digits
#: As OpenWhisk writes its keys: a UUID and 64 characters.
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[A-Za-z0-9]{64}\n?", re.ASCII)
#: Bytes that are read of the file: one more than a key and its line's end have, so that more is found out.
_MAX_FILE = 103


def folder_of(env: Mapping[str, str]) -> Path:
    """The folder that the stack keeps its files in: `LOCAL_FOLDER`, or `.local` in the repository."""
    return Path(env.get("LOCAL_FOLDER") or ROOT / ".local")


def private_folder(folder: Path) -> None:
    """Make the folder so that only its user can enter it.

    The default folder of an earlier version is corrected. Another folder that is open to others is refused:
    it may be in use for something else.

    Raises:
        LocalError: it cannot be made, it or a link to it is another user's, or other users may enter it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        # Its owner can open it at any time; that of a link can point it elsewhere.
        if {found.st_uid, folder.lstat().st_uid} != {os.geteuid()}:
            raise LocalError(f"{folder} is another user's. Set LOCAL_FOLDER to a folder of your own.")
        if not found.st_mode & 0o077:
            return
        if folder == ROOT / ".local":
            folder.chmod(0o700)
            return
    except OSError as error:
        raise LocalError(f"cannot make {error.filename}: {error.strerror}. Set LOCAL_FOLDER.") from None
    raise LocalError(
        f"other users of this machine may enter {folder}, which has keys and logs. Run `chmod 700 {folder}`, "
        "or set LOCAL_FOLDER to another folder."
    )


def own_key(folder: Path) -> str:
    """This machine's key from the folder; made, and kept there, if there is none yet.

    Several processes that make it at once get the same one.

    Raises:
        LocalError: the file cannot be read or made, is not a key, or may be read by others.
    """
    path = folder / FILE
    try:
        if not os.path.lexists(path):
            _make(path)
        return _read(path)
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}. Set LOCAL_FOLDER to another folder.") from None


def _make(path: Path) -> None:
    """Write a new key beside the path and link it there, so that nobody ever sees a part of it."""
    key = f"{uuid.uuid4()}:{''.join(secrets.choice(_CHARACTERS) for _ in range(64))}\n"
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename it fails where another process was faster: that one's key is the key.
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink(missing_ok=True)


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise LocalError(f"{path} is not a file. Delete it to have a new key made.")
        if found.st_uid != os.geteuid():
            raise LocalError(f"{path} is another user's. Delete it, or set LOCAL_FOLDER to another folder.")
        if found.st_mode & 0o077:
            raise LocalError(
                f"other users of this machine may read the key in {path}. Delete the file to have a new key "
                f"made, or run `chmod 600 {path}` if nobody has read it."
            )
        text = os.read(descriptor, _MAX_FILE).decode("ascii", "replace")
    finally:
        os.close(descriptor)
    if not _KEY.fullmatch(text):
        raise LocalError(f"{path} is damaged: it has no OpenWhisk key. Delete it to have a new key made.")
    return text.strip()
