"""Without a container engine these tests are skipped, in one line that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.engine import missing

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the first test for all of them."""
    ours = [item for item in items if HERE in item.path.parents]
    why = missing() if ours else None
    if why is None:
        return
    first, *others = ours
    first.add_marker(pytest.mark.skip(reason=f"no container engine ({why}): the images are not tested"))
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
