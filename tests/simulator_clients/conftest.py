"""The environment of the other clients, and the service that they are tested on."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.conftest import Running

HERE = Path(__file__).parent
#: The environment is kept, so that only the first run installs the clients.
ENVIRONMENT = HERE.parents[1] / ".provider-clients"
REQUIREMENTS = (
    ("-r", str(HERE / "requirements.txt")),
    ("--no-deps", "-r", str(HERE / "requirements-without-dependencies.txt")),
)
PROGRAMS = ("qrmi_jobs", "experiments", "mitigation", "cutting", "pennylane_device")
#: Seconds for installing the clients, and for one program.
INSTALL, TIMEOUT = 600, 170


@pytest.fixture(scope="session")
def python() -> str:
    """Return the Python of the environment that has the clients; skips if they cannot be installed."""
    wanted = hashlib.sha256(
        b"".join(Path(arguments[-1]).read_bytes() for arguments in REQUIREMENTS)
        + (HERE.parents[1] / "constraints.txt").read_bytes()
        + sys.version.encode()
    ).hexdigest()
    stamp, python = ENVIRONMENT / "installed", ENVIRONMENT / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True, timeout=INSTALL)
    for arguments in REQUIREMENTS:
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL)
        if ended.returncode:
            reason = ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else "pip failed"
            if "No matching distribution" in ended.stderr or "connection" in ended.stderr.lower():
                pytest.skip(f"the package index is out of reach: {reason}")
            pytest.fail(ended.stderr[-2000:])
    stamp.write_text(wanted)
    return str(python)


@pytest.fixture(scope="session")
def output(python: str) -> Iterator[Callable[[str], Any]]:
    """Return a function that returns what a program has printed. All programs run at the same time."""
    service = Running("--queue-speed-up", "5", "--queue-initial", "1", "--queue-seed", "1")
    environment = os.environ | {"SIMULATOR_URL": service.url, "SIMULATOR_API_KEY": service.api_key}

    def run(name: str) -> Any:
        ended = subprocess.run(
            [python, "-W", "ignore", f"{name}.py"],
            cwd=HERE / "programs",
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert ended.returncode == 0, ended.stderr[-4000:]
        return json.loads(ended.stdout.splitlines()[-1])

    with ThreadPoolExecutor(len(PROGRAMS)) as threads:
        results: dict[str, Future[Any]] = {name: threads.submit(run, name) for name in PROGRAMS}
        yield lambda name: results[name].result()
    assert service.stop() == 0
    assert "Traceback" not in "".join(service.log)
