"""What the images' labels say."""

from __future__ import annotations

import re
import tomllib

import pytest

from testkit.stack import ROOT
from tests.images.engine import inspect
from tools.sbom import every_image


@pytest.mark.parametrize("image", every_image())
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
