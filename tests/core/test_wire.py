"""The messages between the parts stay the same to the byte."""

from __future__ import annotations

import pytest

from tests.core.wire_traffic import Traffic, golden, record


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return record()


@pytest.mark.parametrize("part", ["action", "gateway", "poller", "loop"])
def test_messages_are_those_of_the_golden_record(part: str, traffic: Traffic) -> None:
    """To change a message, run `python -m tests.core.wire_traffic` and give the reason in the commit."""
    assert traffic[part] == golden()[part]
