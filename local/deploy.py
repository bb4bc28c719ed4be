"""`python -m local.deploy`: deploy manifest.yaml to an OpenWhisk, or take it away (`--undo`).

By `wskdeploy` where it is on PATH, else over the REST API; the outcome is the same.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from local.deployment import HERE, MANIFEST, PACKAGE, deploy, deployed_values, package, undeploy
from local.errors import LocalError
from local.key import FILE, folder_of, own_key

#: Seconds that wskdeploy may take.
TIMEOUT = 600


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Deploy or undeploy, and say what was done; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.deploy", description=__doc__)
    parser.add_argument("--undo", action="store_true", help="delete what the manifest names")
    parser.add_argument("--manifest", type=Path, default=MANIFEST, help="default: the repository's")
    options = parser.parse_args(arguments)
    undo: bool = options.undo
    manifest: Path = options.manifest.resolve()
    if not manifest.is_file():
        parser.error(f"--manifest: there is no file {manifest}")
    try:
        apihost, auth, own = _target(env)
        values = env
        if own and not undo:
            # The running stack's settings are known to nobody else; some are made anew at each of its starts.
            values = deployed_values(apihost, auth, manifest) | {
                name: text for name, text in env.items() if text
            }
        tool = shutil.which("wskdeploy", path=env.get("PATH"))
        if tool:
            _by_tool(tool, undo, manifest, apihost, auth, values)
        elif undo:
            undeploy(apihost, auth, manifest)
        else:
            deploy(apihost, auth, values, manifest)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    done = "undeployed from" if undo else "deployed to"
    names = package(manifest)["actions"]
    print(
        f"package {PACKAGE} with {len(names)} actions {done} {apihost} by {'wskdeploy' if tool else 'HTTP'}"
    )
    return 0


def _target(env: Mapping[str, str]) -> tuple[str, str, bool]:
    """OpenWhisk's address and key, and whether it is this machine's own key.

    For an OpenWhisk of this machine the key is this machine's own, unless another one is set.

    Raises:
        LocalError: a variable is missing or wrong; the message names it.
    """
    apihost, auth = env.get("WHISK_APIHOST", "").rstrip("/"), env.get("WHISK_AUTH", "")
    if not apihost:
        raise LocalError("WHISK_APIHOST is not set: OpenWhisk's address, such as https://whisk.example.com")
    apihost = apihost if "://" in apihost else f"https://{apihost}"
    if urlsplit(apihost).scheme not in ("http", "https") or not urlsplit(apihost).hostname:
        raise LocalError("WHISK_APIHOST is not an address such as https://whisk.example.com")
    folder, own = folder_of(env), ""
    if urlsplit(apihost).hostname in HERE and (folder / FILE).exists():
        try:
            own = own_key(folder)
        except LocalError:
            if not auth:
                raise
        auth = auth or own
    if ":" not in auth:
        raise LocalError("WHISK_AUTH is not set, or not of the form user:password")
    return apihost, auth, auth == own


def _by_tool(tool: str, undo: bool, manifest: Path, apihost: str, auth: str, env: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # In a file that nobody else may read: arguments are everybody's to see.
        properties = Path(folder) / "wskprops"
        properties.touch(mode=0o600)
        properties.write_text(f"APIHOST={apihost}\nAUTH={auth}\nNAMESPACE=_\n")
        command = [tool, *(["undeploy"] if undo else []), "-m", str(manifest), "--config", str(properties)]
        try:
            ended = subprocess.run(command, env=dict(env), timeout=TIMEOUT, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise LocalError(f"wskdeploy took longer than {TIMEOUT} s") from None
    if ended.returncode:
        raise LocalError(f"wskdeploy ended with status {ended.returncode}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
