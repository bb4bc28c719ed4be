"""Fixtures of the poller's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.poller.harness import Rig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A poller whose broker, provider and functions are fakes."""
    made = Rig(monkeypatch)
    yield made
    made.poller.close()
