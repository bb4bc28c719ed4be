"""The bills of materials that `make images` writes, against the packages that are in the images."""

from __future__ import annotations

import json

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from testkit.stack import ROOT
from tests.images.engine import docker
from tools.sbom import every_image

FOLDER = ROOT / ".local" / "sbom"
#: Whose requirements.lock is installed, if not the actions'.
SERVICES = ("gateway", "poller", "simulator")
#: What the image's Python prints: its version, and the folder of each package.
_FOLDERS = """
import glob, platform
print(platform.python_version(), *glob.glob("/opt/*/lib/python3*/site-packages/*.dist-info"))
"""


def locked(part: str, version: str) -> dict[str, str]:
    """Return the version of each package that a requirements.lock has for a version of Python."""
    entries = (ROOT / part / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    requirements = [Requirement(entry.partition("--hash")[0]) for entry in entries if "==" in entry]
    environment = {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux"}
    return {
        canonicalize_name(item.name): str(item.specifier).removeprefix("==")
        for item in requirements
        if item.marker is None or item.marker.evaluate(environment)
    }


@pytest.mark.parametrize("image", every_image())
def test_it_has_what_is_in_the_image_and_what_was_locked(image: str) -> None:
    name = image.partition("/")[2]
    bill = json.loads((FOLDER / f"{name}.cdx.json").read_text())
    assert bill["specVersion"] == "1.6"
    assert bill["metadata"]["component"] == bill["metadata"]["component"] | {
        "type": "container",
        "name": image,
    }
    listed = {canonicalize_name(entry["name"]): entry["version"] for entry in bill["components"]}
    for entry in bill["components"]:
        assert (
            entry["purl"].lower() == f"pkg:pypi/{canonicalize_name(entry['name'])}@{entry['version']}".lower()
        )
    python, *folders = docker("run", "--rm", "--entrypoint", "python", image, "-c", _FOLDERS).split()
    there = {canonicalize_name(path.rpartition("/")[2].rsplit("-", 2)[0]) for path in folders}
    assert there == listed.keys()
    part = name if name in SERVICES else "actions"
    assert listed == locked(part, ".".join(python.split(".")[:2]))
