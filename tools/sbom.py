"""`make images`: write a bill of materials of each image, in CycloneDX, from the packages that are in it.

python -m tools.sbom FOLDER [IMAGE...]

Without names, of all images of the project.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[1]
#: What the image's Python prints: the name and the version of each of its packages.
_LIST = """
import importlib.metadata, json
print(json.dumps(sorted({(found.name, found.version) for found in importlib.metadata.distributions()})))
"""
#: Seconds for one image.
TIMEOUT = 120


def main() -> int:
    """Write a file for each image; return the exit code."""
    folder, *images = sys.argv[1:]
    images = images or every_image()
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for image in images:
        name = image.rpartition("/")[2].partition(":")[0]
        (target / f"{name}.cdx.json").write_text(bill(image, packages(image)))
    print(f"bills of materials of {len(images)} images in {target}")
    return 0


def every_image() -> list[str]:
    """Return the images of the services, the actions' base and all actions."""
    manifest = yaml.safe_load((ROOT / "manifest.yaml").read_text())
    actions = [
        entry["docker"] for package in manifest["packages"].values() for entry in package["actions"].values()
    ]
    return ["qwhisk/gateway", "qwhisk/poller", "qwhisk/simulator", "qwhisk/base", *sorted(actions)]


def packages(image: str) -> list[tuple[str, str]]:
    """Return the name and the version of each Python package in an image."""
    command = ["docker", "run", "--rm", "--entrypoint", "python", image, "-c", _LIST]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT).stdout
    return [(name, version) for name, version in json.loads(printed)]


def bill(image: str, found: list[tuple[str, str]]) -> str:
    """Return a bill of materials.

    Args:
        image: what it is of.
        found: name and version of each package.
    """
    components = [
        Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=PackageURL("pypi", None, name, version),
        )
        for name, version in found
    ]
    bom = Bom(components=components)
    bom.metadata.component = Component(type=ComponentType.CONTAINER, name=image)
    bom.register_dependency(bom.metadata.component, components)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


if __name__ == "__main__":
    sys.exit(main())
