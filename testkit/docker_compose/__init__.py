"""Docker Compose for tests: the `docker` client's plugin, or the same program built from its Go module."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testkit.stack import ROOT

HERE = Path(__file__).parent
#: Where the built program is kept between runs.
PROGRAM = ROOT / ".local" / "docker-compose"
#: Seconds to build it, on a machine that is busy with others.
BUILD_TIMEOUT = 1500


def installed() -> list[str]:
    """Return the command; builds it if necessary, with the versions and hashes of go.mod and go.sum.

    Without Go, the test is skipped: Debian 12 has one that is too old, so CI installs none. The same if its
    modules are out of reach.
    """
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True, timeout=60).returncode == 0:
        return plugin
    if PROGRAM.exists():
        return [str(PROGRAM)]
    go = shutil.which("go")
    if go is None:
        pytest.skip("neither `docker compose` nor Go is installed")
    PROGRAM.parent.mkdir(exist_ok=True)
    made = PROGRAM.with_suffix(".new")
    command = [
        go,
        "build",
        "-trimpath",
        "-ldflags=-s -w",
        "-o",
        str(made),
        "github.com/docker/compose/v5/cmd",
    ]
    done = subprocess.run(
        command,
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT,
        env=os.environ | {"GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"},
    )
    if done.returncode == 0:
        made.rename(PROGRAM)
        return [str(PROGRAM)]
    reason = f"Go could not build it: {done.stderr.strip()[-500:]}"
    pytest.skip(f"no Docker Compose for the tests: {reason}")
