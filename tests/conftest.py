"""Fixtures that tests of several parts share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from core.settings import KafkaSettings
from testkit.replicas import BROKERS, broker
from testkit.stack import Client, Stack
from tests import examples, selection, sharing, skips

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def pytest_configure(config: pytest.Config) -> None:
    """Use the same examples in every run, except in a trial."""
    settings.load_profile(config.getoption("--hypothesis-profile") or examples.NAME)
    config.pluginmanager.register(selection.Guard())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that start processes, for `make test-fast` to leave out, and sort all by groups."""
    selection.mark(items)
    sharing.sort(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End the shared stacks that the next test does not use."""
    try:
        yield
    finally:
        sharing.close_clients()
        sharing.end_unused(nextitem)


def pytest_sessionfinish() -> None:
    """End the shared stacks of an interrupted run."""
    sharing.end_unused(None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report what was skipped."""
    skips.say(terminalreporter)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Deselect the images, unless they are requested: they have to be built first."""
    named = any("images" in argument for argument in config.args)
    return True if collection_path.name == "images" and not named else None


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """Assigns whole groups of files to each process."""

    def _split_scope(self, nodeid: str) -> str:
        return sharing.group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """Choose how tests are shared among processes, if there are several (`-n`)."""
    return ByGroup(config, log)


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return the whole stack, which the files of a group share: each test has separate clients."""
    return sharing.shared_stack(request.node.nodeid, tmp_path_factory)


@pytest.fixture
def client(stack: Stack) -> Client:
    """Return a new client for one test."""
    return stack.client()


@pytest.fixture(scope="module", params=BROKERS)
def kafka(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[KafkaSettings]:
    """Return the module's own broker: each test runs with each kind."""
    with broker(tmp_path_factory.mktemp("broker"), request.param) as settings:
        yield settings


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium. Without it, tests are skipped on a laptop and fail in CI."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = Path(folder) / name
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    if IN_CI:
        pytest.fail("CI has no Chromium; .ci/run installs it")
    pytest.skip("no Chromium on PATH: install it to run the browser tests (Debian: apt install chromium)")
    raise AssertionError
