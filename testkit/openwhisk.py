"""A real server process, and its REST API."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from testkit.waiting import until as until

ROOT = Path(__file__).resolve().parents[1]
KEY = "somebody:something"


class OpenWhisk:
    """`python -m local.openwhisk` on a free port, and a client of it."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.openwhisk", "--port", "0", *options],
                cwd=ROOT,
                env={**os.environ, "WHISK_AUTH": KEY, "TMPDIR": str(folder), **environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.search(r"http://\S+", line)
        assert match, self.log()
        self.url = match[0]
        self.session = requests.Session()
        user, _, password = KEY.partition(":")
        self.session.auth = (user, password)
        # The machine's proxies and .netrc must not be used here.
        self.session.trust_env = False

    def log(self) -> str:
        """The server's own log."""
        return (self.folder / "log").read_text()

    def own_log(self) -> str:
        """The server's own log without what actions that failed have printed, which it repeats."""
        return "".join(line for line in self.log().splitlines(True) if '"printed":' not in line)

    def ask(self, method: str, path: str, body: Any = None, **arguments: Any) -> requests.Response:
        """Send a request below the namespace `_`."""
        return self.session.request(
            method, f"{self.url}/namespaces/_{path}", json=body, timeout=30, **arguments
        )

    def action(self, name: str, code: str, **fields: Any) -> dict[str, Any]:
        """Create or update an action of Python code."""
        body = {"exec": {"kind": "python:default", "code": code}, **fields}
        answer = self.ask("PUT", f"/actions/{name}?overwrite=true", body)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def invoke(self, name: str, body: Any = None, query: str = "blocking=true") -> requests.Response:
        """Invoke an action. By default the call blocks and returns the whole record."""
        return self.ask("POST", f"/actions/{name}?{query}", {} if body is None else body)

    def logged(self, name: str, body: Any = None) -> list[str]:
        """Invoke an action and return its log, which is only in its record."""
        lines: list[str] = self.activation(self.invoke(name, body).json()["activationId"])["logs"]
        return lines

    def activation(self, activation_id: str) -> dict[str, Any]:
        """Return the record as soon as it exists."""
        until(lambda: self.ask("GET", f"/activations/{activation_id}").status_code == 200)
        record: dict[str, Any] = self.ask("GET", f"/activations/{activation_id}").json()
        return record

    def numbers(self) -> dict[str, int]:
        """Return the number of processes and invocations by state."""
        root = self.url.removesuffix("api/v1")
        numbers: dict[str, int] = self.session.get(root, timeout=10).json()["processes"]
        return numbers

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(10)

    def close(self) -> None:
        """End the server, even if it is busy."""
        self.session.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def running(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
