"""Third-party clients and tools, unmodified, on the local OpenWhisk or any other."""

from __future__ import annotations

import base64
import io
import subprocess
import zipfile
from pathlib import Path

import pytest
import requests

from local.deployment import package
from tests.clients.conftest import HERE, Target

ROOT = HERE.parents[1]
#: Seconds that a tool may take.
TIMEOUT = 150


def packed() -> str:
    """Return an action as a zip, in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "__main__.py", "from helper import answer\ndef main(p):\n    return {'n': answer()}\n"
        )
        archive.writestr("helper.py", "def answer():\n    return 42\n")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("client", ["openwhisk", "aio-lib-runtime"])
def test_a_javascript_client(node: str, target: Target, client: str) -> None:
    ended = subprocess.run(
        [node, "--test", "--test-reporter=tap", f"{client}.test.mjs"],
        cwd=HERE,
        env=target.environment | {"ZIP": packed()},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    # A run without tests is not a success.
    assert "\n# fail 0\n" in ended.stdout
    assert "\n# pass 0\n" not in ended.stdout


def entities(target: Target) -> dict[str, set[str]]:
    """Return the packages, and the actions in each."""
    user, _, password = target.auth.partition(":")
    names = {}
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (user, password)
        for collection in ("packages", "actions"):
            url = f"{target.host}/api/v1/namespaces/_/{collection}?limit=200"
            names[collection] = {
                "/".join([*item["namespace"].split("/")[1:], item["name"]])
                for item in session.get(url, timeout=30).json()
            }
    return names


def test_wskdeploy_deploys_and_undeploys_the_manifest(wskdeploy: str, target: Target, tmp_path: Path) -> None:
    names = {f"quantum/{name}" for name in package()["actions"]}
    properties = tmp_path / "wskprops"
    properties.write_text(f"APIHOST={target.host}\nAUTH={target.auth}\nNAMESPACE=_\n")
    for command, there in (("", True), ("undeploy", False)):
        ended = subprocess.run(
            [wskdeploy, *command.split(), "-m", str(ROOT / "manifest.yaml"), "--config", str(properties)],
            cwd=tmp_path,
            env=target.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        deployed = entities(target)
        assert (names <= deployed["actions"], "quantum" in deployed["packages"]) == (there, there)
