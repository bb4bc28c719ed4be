"""The OpenWhisk under test: the local one, or the one of WHISK_APIHOST and WHISK_AUTH.

OPENWHISK_CONTAINERS=docker makes the local one run actions as containers. Tests with the mark `ours` are for
the local one alone; all others hold on any OpenWhisk, also with the limits of a stock one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.openwhisk import KEY, OpenWhisk
from tests.openwhisk.contract.api import IN_PART, Api

HERE = Path(__file__).parent


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Record whether only a part of the contract is tested."""
    for item in items:
        if item.path.parent == HERE:
            item.config.stash[IN_PART] = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the test of what the others have seen to the end."""
    items.sort(key=lambda item: item.path.name == "test_table.py")


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A client of it."""
    host = os.environ.get("WHISK_APIHOST")
    if host:
        given = Api(host if "://" in host else f"https://{host}", os.environ["WHISK_AUTH"])
        yield given
        given.clear()
        return
    server = OpenWhisk(tmp_path_factory.mktemp("contract"))
    try:
        yield Api(server.url.removesuffix("/api/v1"), KEY)
    finally:
        server.close()


@pytest.fixture(autouse=True)
def is_for_this_server(request: pytest.FixtureRequest, api: Api) -> None:
    """Skip what holds on the local server only, if the tests run against another one."""
    if request.node.get_closest_marker("ours") and not api.is_local:
        pytest.skip("tests of the local OpenWhisk alone, on another one")


@pytest.fixture
def name(api: Api) -> str:
    """Return a name that no other test uses."""
    return api.name()
