"""The gateway's exit status distinguishes a wrong setting from a service that is not available."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.stack import ROOT, free_ports

#: Seconds until the gateway gives up, on a busy machine.
PATIENCE = 150


@pytest.mark.parametrize(
    ("settings", "status", "printed"),
    [
        ({}, 3, "Kafka did not create a topic"),
        ({"KAFKA_BOOTSTRAP_SERVERS": ""}, 2, "KAFKA_BOOTSTRAP_SERVERS"),
    ],
    ids=["no broker", "wrong setting"],
)
def test_a_gateway_that_cannot_start_says_whose_fault_it_is(
    tmp_path: Path, settings: dict[str, str], status: int, printed: str
) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "GATEWAY_PORT": str(free_ports(1)[0]),
        "GATEWAY_SECRET": "x" * 32,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CONFIG_FOLDER": str(tmp_path),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "gateway"],
        cwd=ROOT,
        env=env | settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == status, ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("gateway: ")
    assert printed in last
