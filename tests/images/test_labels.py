"""What the images' labels say."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from testkit.stack import ROOT
from tests.images.engine import inspect

MANIFEST = yaml.safe_load((ROOT / "manifest.yaml").read_text())
ACTIONS = [action["docker"] for action in MANIFEST["packages"]["quantum"]["actions"].values()]
IMAGES = sorted({"qwhisk/gateway", "qwhisk/poller", "qwhisk/simulator", "qwhisk/base", *ACTIONS})


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is_and_from_what_it_was_built(image: str) -> None:
    prefix = "org.opencontainers.image."
    given = inspect(image)["Config"]["Labels"]
    labels = {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labels["title"] == image
    assert labels["version"] == project["version"]
    assert labels["licenses"] == project["license"]
    if (ROOT / ".git").exists():
        assert re.fullmatch("[0-9a-f]{40}", labels["revision"])
