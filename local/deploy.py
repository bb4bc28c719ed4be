"""`python -m local.deploy`: deploy manifest.yaml to an OpenWhisk, or delete its actions (`--undo`).

It uses `wskdeploy` if that is on PATH, else the REST API. The outcome is the same but for the package's
version, which `wskdeploy` does not send.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import QwhiskError, SettingsError
from core.local_folder import LOCAL_FOLDER, OPENWHISK_KEY, local_folder
from core.settings import Setting, SettingsTable, Source, command_line
from core.settings import openwhisk as rows
from core.settings.kinds import SWITCH
from local.deployment import (
    HERE,
    PACKAGE,
    deploy,
    deployed_values,
    manifest_text,
    package,
    undeploy,
    warm_up,
)
from local.errors import LocalError
from local.settings import IMAGE_TAG, MANIFEST_FILE, manifest_file

#: Seconds that wskdeploy may take.
TIMEOUT = 600

APIHOST = replace(rows.WHISK_APIHOST, kind=rows.WHISK_ADDRESS, help="OpenWhisk's address")
AUTH = replace(
    rows.WHISK_AUTH,
    kind=rows.WHISK_KEY,
    default="",
    help="OpenWhisk's key, user:password",
    default_text="for the local OpenWhisk its key, else required",
)
UNDO = Setting("", SWITCH, False, "delete what the manifest names", "--undo")

WARM = Setting("", SWITCH, False, "then invoke each action once, so that it has a container", "--warm")

TABLE = SettingsTable(
    "python -m local.deploy",
    "Deploys manifest.yaml to an OpenWhisk, by wskdeploy if that is on PATH, else over HTTP. The variables "
    "that the manifest names are bound to the actions.",
    (UNDO, WARM, MANIFEST_FILE, IMAGE_TAG, APIHOST, AUTH, LOCAL_FOLDER),
)


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Deploy or undeploy, print what was done, and return the exit code."""
    source = command_line.parse(TABLE, arguments, env, _check)
    undo, manifest, tag = UNDO.read(source), manifest_file(source), IMAGE_TAG.read(source)
    try:
        apihost, auth, is_local = _target(source)
        values = env
        if is_local and not undo:
            # Only the deployed actions have the running stack's settings; some change at each start.
            values = deployed_values(apihost, auth, manifest) | {
                name: text for name, text in env.items() if text
            }
        tool = shutil.which("wskdeploy", path=env.get("PATH"))
        if tool:
            _run_wskdeploy(tool, undo, manifest, tag, apihost, auth, values)
        elif undo:
            undeploy(apihost, auth, manifest)
        else:
            deploy(apihost, auth, values, manifest, tag)
    except QwhiskError as error:
        print(error.message, file=sys.stderr)
        return 1
    done = "undeployed from" if undo else "deployed to"
    names = package(manifest)["actions"]
    print(
        f"package {PACKAGE} with {len(names)} actions {done} {apihost} by {'wskdeploy' if tool else 'HTTP'}"
    )
    if WARM.read(source) and not undo:
        return _warm_up(apihost, auth, manifest)
    return 0


def _warm_up(apihost: str, auth: str, manifest: Path) -> int:
    """Start a container for each action, print what failed, and return the exit code."""
    try:
        problems = warm_up(apihost, auth, manifest)
    except QwhiskError as error:
        problems = [error.message]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print("every action has a container")
    return 1 if problems else 0


def _check(source: Source) -> Source:
    manifest_file(source)
    IMAGE_TAG.read(source)
    return source


def _target(source: Source) -> tuple[str, str, bool]:
    """Return OpenWhisk's address and key, and whether it is the key of this machine's OpenWhisk.

    For an OpenWhisk on this machine that key is the default.

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    apihost, auth = APIHOST.read(source), AUTH.read(source)
    folder, known = local_folder(source), ""
    if urlsplit(apihost).hostname in HERE and OPENWHISK_KEY.path(folder).exists():
        try:
            known = OPENWHISK_KEY.key(folder)
        except SettingsError:
            if not auth:
                raise
        auth = auth or known
    auth = auth or AUTH.require(source)
    return apihost, auth, auth == known


def _run_wskdeploy(
    tool: str, undo: bool, manifest: Path, tag: str, apihost: str, auth: str, env: Mapping[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if tag:
            tagged = Path(folder) / "manifest.yaml"
            tagged.write_text(manifest_text(manifest, tag), encoding="utf-8")
            manifest = tagged
        # The key is in a file that only this user can read: every user can see a process's arguments.
        properties = Path(folder) / "wskprops"
        properties.touch(mode=0o600)
        properties.write_text(f"APIHOST={apihost}\nAUTH={auth}\nNAMESPACE=_\n")
        command = [tool, *(["undeploy"] if undo else []), "-m", str(manifest), "--config", str(properties)]
        try:
            process = subprocess.run(command, env=dict(env), timeout=TIMEOUT, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise LocalError(f"wskdeploy took longer than {TIMEOUT} s") from None
    if process.returncode:
        raise LocalError(f"wskdeploy ended with status {process.returncode}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
