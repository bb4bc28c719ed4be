"""CouchDB's HTTP API for tests: `pouchdb-server` from npm, in memory, on a free port."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from testkit.processes import end
from testkit.stack import free_ports, wait_for

HERE = Path(__file__).parent
SERVER = HERE / "node_modules" / "pouchdb-server" / "bin" / "pouchdb-server"
#: Seconds that npm may take.
INSTALL_TIMEOUT = 300


def install() -> None:
    """Install the server if it is missing. If that is not possible, skip the test, or fail in CI."""
    if SERVER.exists():
        return
    reason = "npm is not installed"
    if npm := shutil.which("npm"):
        # No scripts: they would compile a storage engine, which a database in memory does not need.
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
        if done.returncode == 0:
            return
        reason = f"npm could not install it: {done.stderr.strip()[-300:]}"
    message = f"no CouchDB for the tests: {reason}"
    pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@contextmanager
def couchdb(folder: Path) -> Iterator[str]:
    """Start a server and yield its address; it ends, with all its databases, at the end."""
    install()
    [port] = free_ports(1)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "couchdb.log").open("w") as log:
        process = subprocess.Popen(
            ["node", str(SERVER), "--in-memory", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(url, process), 30)
        yield url
    finally:
        end(process, 5)


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the server ended"
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False
