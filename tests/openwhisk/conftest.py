"""Starts servers for the tests and ends them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testkit.openwhisk import OpenWhisk

Start = Callable[..., OpenWhisk]


@pytest.fixture(scope="session")
def whisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenWhisk]:
    """One server for all tests that need no special settings."""
    server = OpenWhisk(tmp_path_factory.mktemp("openwhisk"), "--max-processes", "4")
    yield server
    server.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server with the given options and environment variables."""
    servers: list[OpenWhisk] = []

    def begin(*options: str, **environment: str) -> OpenWhisk:
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        servers.append(OpenWhisk(folder, *options, **environment))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture
def name() -> str:
    """Return a name that no other test uses."""
    return f"test-{secrets.token_hex(4)}"
