"""Find the `main` of an action: of the algorithm in the image, or in the code that /init brings."""

from __future__ import annotations

import base64
import binascii
import importlib
import io
import linecache
import os
import re
import runpy
import sys
import tempfile
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.openwhisk.action_server import ALGORITHM_VARIABLE

#: An action's entry point: parameters in, result out. Each is a JSON object; in sequences also a list.
Main = Callable[[Any], Any]

#: Bytes of a zip's unpacked files: ten times the 48 MB of code that OpenWhisk allows.
MAX_UNPACKED = 512 * 1024 * 1024

#: The module name of code that /init brings. Not `__main__`, which is this server.
MODULE = "__action__"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LoadError(Exception):
    """The action's code cannot be loaded. The message gives the reason."""


def load_baked(name: str) -> Main:
    """Import the algorithm in the image.

    Args:
        name: the algorithm's, of the package `actions.<name>`.

    Returns:
        Its `main`.

    Raises:
        LoadError: the name is not a module name, or the module has no callable `main`.
        Exception: any error of the import.
    """
    if not _NAME.fullmatch(name):
        raise LoadError(
            f"{ALGORITHM_VARIABLE} is {name!r}, which is not the name of a package under actions/."
        )
    return _entry(importlib.import_module(f"actions.{name}"), "main", f"actions.{name}")


def load_code(code: str, *, entry: str, binary: bool, name: str) -> Main:
    """Run the code that /init brought.

    Args:
        code: Python source, or a base64 zip with a `__main__.py` if `binary`.
        entry: name of the function to return.
        binary: whether `code` is a zip.
        name: the action's name, for tracebacks.

    Returns:
        The function.

    Raises:
        LoadError: the code is not base64 or not a zip, or has no `__main__.py` or no such function.
        Exception: any error that the code raises.
    """
    if binary:
        source, filename = _unpack(code)
    else:
        source, filename = code, f"{name}.py"
        # The code is not in a file. This entry lets tracebacks in the log show its lines.
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = types.ModuleType(MODULE)
    module.__file__ = filename
    # Dataclasses and pickle look up a class's module here.
    sys.modules[MODULE] = module
    exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is a FaaS
    return _entry(module, entry, "the action's code")


def _activate(folder: str) -> None:
    """Make the packages of a zip's `virtualenv` folder importable, if there is one.

    Raises:
        LoadError: it does not have the script that does so.
        Exception: any error that the script raises.
    """
    environment = Path(folder, "virtualenv")
    if not environment.is_dir():
        return
    for scripts in ("bin", "Scripts"):
        script = environment / scripts / "activate_this.py"
        if script.is_file():
            # The script finds the packages by its own path.
            runpy.run_path(str(script))
            return
    raise LoadError("Invalid virtualenv. Zip file does not include 'activate_this.py'.")


def _entry(module: types.ModuleType, entry: str, where: str) -> Main:
    main: Main | None = getattr(module, entry, None)
    if not callable(main):
        raise LoadError(f"There is no function {entry!r} in {where}.")
    return main


def _unpack(code: str) -> tuple[str, str]:
    """Unpack a base64 zip into a temporary folder; return the source and the path of its `__main__.py`."""
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
    # Code from a zip imports its other modules, and opens files by relative path.
    sys.path.insert(0, folder)
    os.chdir(folder)
    _activate(folder)
    path = f"{folder}/__main__.py"
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read(), path
