"""SIGTERM ends the whole stack, after all that was killed and started again in it."""

from __future__ import annotations

import signal
import sys

import pytest

from testkit.stack import GIVEN_WHISK, Stack, alive
from testkit.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")


def test_sigterm_ends_everything_within_ten_seconds(stack: Stack) -> None:
    """The last test of its group: the stack that the files share is over after it."""
    stack.client().smile()
    processes = stack.descendants()
    assert len(processes) >= (5 if GIVEN_WHISK else 7)
    stack.close_clients()
    stack.process.send_signal(signal.SIGTERM)
    assert stack.process.wait(10) == 0
    wait_for(lambda: not [pid for pid in processes if alive(pid)], 2)
