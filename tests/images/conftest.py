"""Without a container engine these tests are skipped, in one line that says so."""

from __future__ import annotations

import pytest

from tests.images.engine import missing


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    why = missing()
    if why is not None:
        pytest.skip(f"no container engine ({why}): the images are not tested")
