"""The simulator as a process of its own."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import orjson
import requests

ROOT = Path(__file__).resolve().parents[1]
#: Seconds in which it has to be ready, and to end.
START_SECONDS = 120.0
STOP_SECONDS = 10.0
#: Seconds in which it has to issue a token.
TOKEN_SECONDS = 10.0


class SimulatorProcess:
    """A simulator with the settings of its arguments only, which is ready when this object exists.

    As a context manager it ends with the context.

    Args:
        arguments: Arguments of `python -m simulator`; the port is a free one.
        api_key: Its API key; a random one if it is not set.

    Attributes:
        api_key: Its API key.
        process: The process.
        ready: The fields of its message that it is ready.
        url: Its address.
        log: The lines that it has written to stderr.

    Raises:
        RuntimeError: If it does not start. The message has its output.
    """

    def __init__(self, *arguments: str, api_key: str | None = None) -> None:
        self.api_key = api_key or secrets.token_hex(16)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMULATOR_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator", "--port", "0", *arguments],
            cwd=ROOT,
            env=environment | {"SIMULATOR_API_KEY": self.api_key},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.log: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.ready = self._wait_until_ready()
        self.url: str = self.ready["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(ValueError):
            for line in self.process.stderr:
                self.log.append(line)
                self._lines.put(line)

    def _wait_until_ready(self) -> dict[str, Any]:
        end = time.monotonic() + START_SECONDS
        try:
            while time.monotonic() < end:
                with contextlib.suppress(queue.Empty):
                    line = self._lines.get(timeout=0.1)
                    if '"ready"' in line:
                        return dict(orjson.loads(line))
                    continue
                if self.process.poll() is not None:
                    break
        except BaseException:
            self.stop()
            raise
        self.stop()
        raise RuntimeError("the simulator did not start:\n" + "".join(self.log))

    def stop(self) -> int:
        """End the process and return its exit status."""
        self.process.terminate()
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def token(self) -> str:
        """Return a bearer token."""
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self.api_key}
        answer = requests.post(f"{self.url}/identity/token", data=form, timeout=TOKEN_SECONDS)
        answer.raise_for_status()
        return str(answer.json()["access_token"])
