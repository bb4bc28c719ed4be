"""A real action server process, and HTTP to it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from core.openwhisk import action_server
from testkit.waiting import until as until

ROOT = Path(__file__).resolve().parents[1]
SENTINEL = action_server.SENTINEL.decode()

#: The status of a response, and its JSON.
Response = tuple[int, Any]


def zipped(**files: str) -> str:
    """Return a zip of these modules in base64, as /init accepts it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return base64.b64encode(buffer.getvalue()).decode()


class ActionServer:
    """`python -m actions.runtime` on a free port."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        reader, writer = os.pipe()
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "actions.runtime", "--port", "0", "--ready-fd", str(writer)],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(folder), **environment},
                pass_fds=(writer,),
                stdout=out,
                stderr=err,
            )
        os.close(writer)
        with os.fdopen(reader) as ready:
            line = ready.readline()
        assert line, self.stderr()
        self.port = int(line)
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def post(self, path: str, body: Any, method: str = "POST") -> Response:
        """Send JSON, or bytes unchanged, on the kept connection."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._connection.request(method, path, data, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def init(self, code: str = "", **value: Any) -> Response:
        """POST /init."""
        return self.post("/init", {"value": {"name": "test", "main": "main", "code": code, **value}})

    def run(self, value: Any = None, **context: Any) -> Response:
        """POST /run."""
        return self.post("/run", {"value": {} if value is None else value, **context})

    def stdout(self) -> str:
        """Return the standard output so far."""
        return self._out.read_text()

    def stderr(self) -> str:
        """Return the standard error so far."""
        return self._err.read_text()

    def close(self) -> None:
        """End the process, even if it is busy."""
        self._connection.close()
        self.process.kill()
        self.process.wait(10)
