"""Starts action servers for the tests and ends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testkit.action_server import ActionServer

Start = Callable[..., ActionServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server with the given environment variables."""
    servers: list[ActionServer] = []

    def begin(**environment: str) -> ActionServer:
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        servers.append(ActionServer(folder, environment))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture
def server(start: Start) -> ActionServer:
    """The bare base image's server."""
    return start()
