"""Fixtures that tests of several parts share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from testkit.stack import Client, Stack, running
from tests import examples, selection, skips

#: What is seen in all of these tests is held against one table.
TABLE = "tests/openwhisk/contract/"

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def pytest_configure(config: pytest.Config) -> None:
    """The same examples in every run, unless a trial is asked for."""
    settings.load_profile(config.getoption("--hypothesis-profile") or examples.NAME)
    config.pluginmanager.register(selection.Guard())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start processes, for `make test-fast` to leave out."""
    selection.mark(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped."""
    skips.say(terminalreporter)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the images out, unless they are asked for: they have to be built first."""
    named = any("images" in argument for argument in config.args)
    return True if collection_path.name == "images" and not named else None


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process whole files, and the tests that fill one table together whole."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return TABLE if path.startswith(TABLE) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """How tests are shared among processes, where there are several (`-n`)."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack, started once: tests keep apart by having clients of their own.

    Its device is five times as fast as by default: tests that want a job to wait there pause the device.
    """
    with running(tmp_path_factory.mktemp("stack"), SIMULATOR_QUEUE_SPEED_UP="5") as started:
        _shared.append(started)
        yield started
        _shared.clear()


#: The stack of the tests that share one, while it runs.
_shared: list[Stack] = []


@pytest.fixture(autouse=True)
def _closed_clients() -> Iterator[None]:
    """Close what the test's clients have open."""
    yield
    for one in _shared:
        one.close_clients()


@pytest.fixture
def client(stack: Stack) -> Client:
    """A client of its own for one test."""
    return stack.client()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium; without one a laptop skips and CI fails."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = Path(folder) / name
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    if IN_CI:
        pytest.fail("CI has no Chromium; .ci/run installs it")
    pytest.skip("no Chromium on PATH: install it to run the browser tests (Debian: apt install chromium)")
    raise AssertionError
