"""A process ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.openwhisk import running
from testkit.waiting import until
from tests.core.processes.conftest import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems use a thread that checks once a second"
)

CHILD = (
    "import os, signal, sys\n"
    "from core.processes.parent_death import die_with_parent\n"
    "die_with_parent(int(sys.argv[1]), signal.Signals(int(sys.argv[2])))\n"
    "signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[3], 'w').write('TERM'), os._exit(0)))\n"
    "print(os.getpid(), flush=True)\n"
    "while True:\n    signal.pause()\n"
)
PARENT = (
    "import os, signal, subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid()), *sys.argv[2:]])\n"
    "signal.pause()\n"
)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_gets_the_signal_when_its_parent_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    signalled = tmp_path / "signalled"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD, str(int(number)), str(signalled)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert running(child)
        parent.kill()
        until(lambda: not running(child))
    assert signalled.exists() == (number == signal.SIGTERM)


def test_it_exits_if_its_parent_has_ended_before() -> None:
    code = "from core.processes.parent_death import die_with_parent\ndie_with_parent(1)\nprint('alive')\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
