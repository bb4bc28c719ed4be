"""Find the `main` of an action: the one baked into the image, or the one in the code that /init brings."""

from __future__ import annotations

import base64
import binascii
import importlib
import io
import linecache
import os
import re
import sys
import tempfile
import types
import zipfile
from collections.abc import Callable
from typing import Any

#: An action's entry point: parameters in, result out, both JSON objects.
Main = Callable[[dict[str, Any]], Any]

#: What a zip may hold once unpacked, in bytes. OpenWhisk takes 48 MB of code; ten times that is generous.
MAX_UNPACKED = 512 * 1024 * 1024

#: The module name under which given code runs. Not `__main__`: that is this server.
MODULE = "__action__"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LoadError(Exception):
    """The action's code cannot be used; the message says why."""


def load_baked(name: str) -> Main:
    """Import `actions.<name>`, the algorithm baked into the image, and return its `main`.

    Raises:
        LoadError: the name is no module name, or the module has no callable `main`.
        Exception: whatever the import itself raises.
    """
    if not _NAME.fullmatch(name):
        raise LoadError(f"QWHISK_ACTION is {name!r}, which names no package under actions/.")
    return _entry(importlib.import_module(f"actions.{name}"), "main", f"actions.{name}")


def load_code(code: str, *, entry: str, binary: bool, name: str) -> Main:
    """Run the code that /init brought and return the function called `entry` in it.

    Args:
        code: Python source, or a base64 zip with a `__main__.py` if `binary`.
        entry: name of the function.
        binary: whether `code` is a zip.
        name: the action's name, for tracebacks.

    Raises:
        LoadError: not base64, not a zip, no `__main__.py`, or no such function.
        Exception: whatever the code raises while it is imported.
    """
    if binary:
        source, filename = _unpack(code)
    else:
        source, filename = code, f"{name}.py"
        # So that tracebacks in the log show the lines of code that exist in no file.
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = types.ModuleType(MODULE)
    module.__file__ = filename
    # Dataclasses and pickle look a class's module up here.
    sys.modules[MODULE] = module
    exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is a FaaS
    return _entry(module, entry, "the action's code")


def _entry(module: types.ModuleType, entry: str, where: str) -> Main:
    found = getattr(module, entry, None)
    if not callable(found):
        raise LoadError(f"There is no function {entry!r} in {where}.")
    main: Main = found
    return main


def _unpack(code: str) -> tuple[str, str]:
    """Unpack a base64 zip beside the process; return the source and the path of its `__main__.py`."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(code, validate=True)))
    except (binascii.Error, ValueError) as exc:
        raise LoadError("The action's code is declared binary but is not base64.") from exc
    except zipfile.BadZipFile as exc:
        raise LoadError("The action's code is declared binary but is not a zip archive.") from exc
    with archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
            raise LoadError(f"The action's zip is larger than {MAX_UNPACKED} bytes when unpacked.")
        if "__main__.py" not in archive.namelist():
            raise LoadError("The action's zip has no __main__.py at its top.")
        folder = tempfile.mkdtemp(prefix="action-")
        archive.extractall(folder)
    # Zip actions import their neighbours and open files by relative path.
    sys.path.insert(0, folder)
    os.chdir(folder)
    path = f"{folder}/__main__.py"
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read(), path
