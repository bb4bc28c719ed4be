"""The whole stack for tests: a separate process, free ports, a separate folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from local.deployment import deploy
from local.settings import WHISK_APIHOST
from testkit.waiting import wait_for as wait_for

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("BROKER", "OPENWHISK", "SIMULATOR", "POLLER", "GATEWAY")
START_TIMEOUT = 90.0

#: The OpenWhisk that runs the actions of all stacks. If it is "", each stack has one itself.
GIVEN_WHISK = os.environ.get("WHISK_APIHOST", "")
#: The running stacks; the last one started is at the end.
_up: list[Stack] = []


def free_ports(count: int) -> list[int]:
    """Return ports that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a stack on free ports, in `folder`.

    With `WHISK_APIHOST` and `WHISK_AUTH` in the environment, its actions run on that OpenWhisk.
    """
    ports = free_ports(len(PARTS))
    given = {f"LOCAL_{name}": os.environ[name] for name in ("WHISK_APIHOST", "WHISK_AUTH") if GIVEN_WHISK}
    return {
        **os.environ,
        **given,
        **{f"{part}_PORT": str(port) for part, port in zip(PARTS, ports, strict=True)},
        "LOCAL_FOLDER": str(folder),
        "SIMULATOR_ADMIN": "1",
    }


@dataclass
class Stack:
    """A running stack."""

    process: subprocess.Popen[str]
    env: dict[str, str]
    folder: Path
    clients: list[Client] = field(default_factory=list)

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.env['GATEWAY_PORT']}"

    @property
    def api(self) -> str:
        return f"{self.gateway}/api/v1"

    def client(self) -> Client:
        """Open a new client with its own session."""
        self.clients.append(Client(self))
        return self.clients[-1]

    def close_clients(self) -> None:
        """Close the clients' connections."""
        while self.clients:
            self.clients.pop().http.close()

    def document(self, name: str) -> dict[str, Any] | None:
        """Return a function's config document, or None if there is none."""
        if self._database:
            answer = requests.get(f"{self._database}/{name}", timeout=20)
            return {k: v for k, v in answer.json().items() if k != "_rev"} if answer.ok else None
        path = self.folder / "config" / f"{name}.json"
        return dict(json.loads(path.read_text())) if path.exists() else None

    def put_document(self, document: dict[str, Any]) -> None:
        """Add a function, or replace the document of an existing one."""
        name = document["_id"]
        if self._database:
            response = requests.get(f"{self._database}/{name}", timeout=20)
            document = document | ({"_rev": response.json()["_rev"]} if response.ok else {})
            requests.put(f"{self._database}/{name}", json=document, timeout=20).raise_for_status()
        else:
            (self.folder / "config" / f"{name}.json").write_text(json.dumps(document))

    def remove_document(self, name: str) -> None:
        """Remove the function if it exists."""
        if not self._database:
            (self.folder / "config" / f"{name}.json").unlink(missing_ok=True)
            return
        response = requests.get(f"{self._database}/{name}", timeout=20)
        if response.ok:
            revision = {"rev": response.json()["_rev"]}
            requests.delete(f"{self._database}/{name}", params=revision, timeout=20).raise_for_status()

    @property
    def _database(self) -> str:
        couchdb = self.env.get("LOCAL_COUCHDB_URL")
        return f"{couchdb}/config" if couchdb else ""

    def deploy(self) -> None:
        """Deploy its actions again: another stack has deployed its own on the OpenWhisk that both use."""
        # Imported here: it uses this module.
        from testkit.processes import part_environment

        env = part_environment(self, "poller")
        deploy(WHISK_APIHOST.read(self.env), env["WHISK_AUTH"], env)

    def output(self, start: int = 0) -> str:
        """What the supervisor has printed, from a length of its earlier output."""
        return (self.folder / "stack.log").read_text()[start:]

    def logs(self) -> str:
        """Return everything that the parts have logged."""
        return "\n".join(
            path.read_text(errors="replace") for path in sorted((self.folder / "logs").glob("*.log"))
        )

    def descendants(self) -> list[int]:
        """Return the ids of all processes below the supervisor."""
        return descendants(self.process.pid)


class Client:
    """One client of the gateway."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.http = requests.Session()
        answer = self.http.post(f"{stack.api}/sessions", timeout=20)
        assert answer.status_code == 201, answer.text
        session = answer.json()
        self.id: str = session["client_id"]
        self.token: str = session["token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def submit(
        self, wait: float = 0, function: str = "smile_super_position", **values: Any
    ) -> requests.Response:
        """Submit a job with these values."""
        return self.http.post(
            f"{self.stack.api}/functions/{function}/jobs",
            params={"wait": wait} if wait else {},
            json=values,
            timeout=wait + 60,
        )

    def smile(self, wait: float = 60, **values: Any) -> dict[str, Any]:
        """Return the final event of a smile, or the body of the 202 without `wait`."""
        values = {"emoticon_1": ":)", "emoticon_2": ":("} | values
        answer = self.submit(wait, **values)
        assert answer.status_code == (200 if wait else 202), answer.text
        event: dict[str, Any] = answer.json()
        return event

    def get(self, path: str, **params: Any) -> requests.Response:
        """GET below the API."""
        return self.http.get(f"{self.stack.api}{path}", params=params, timeout=90)

    @property
    def events_url(self) -> str:
        """Return the WebSocket's address."""
        return f"{self.stack.api.replace('http', 'ws', 1)}/events?token={self.token}"


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below `pid`, from /proc."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    pids: list[int] = []
    todo = [pid]
    while todo:
        below = children.get(todo.pop(), [])
        pids += below
        todo += below
    return pids


def alive(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def running(folder: Path, **more: str) -> Iterator[Stack]:
    """Start a stack. At the end, stop it and check that it leaves nothing behind.

    With `TEST_DOCUMENTS=couchdb` in the environment, its config documents are in a separate CouchDB.
    """
    with ExitStack() as before:
        if os.environ.get("TEST_DOCUMENTS") == "couchdb":
            # Imported here: it uses this module.
            from testkit.couchdb.server import couchdb

            more = {"LOCAL_COUCHDB_URL": before.enter_context(couchdb(folder / "couchdb"))} | more
        yield before.enter_context(_running(folder, **more))


@contextmanager
def _running(folder: Path, **more: str) -> Iterator[Stack]:
    env = environment(folder) | more
    output = folder / "stack.log"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with output.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            text=True,
        )
    stack = Stack(process, env, folder)
    try:

        def up() -> bool:
            assert process.poll() is None, output.read_text()
            return "Ctrl-C ends" in output.read_text()

        wait_for(up, START_TIMEOUT)
        _up.append(stack)
        yield stack
    finally:
        if stack in _up:
            _up.remove(stack)
            if GIVEN_WHISK and _up:
                _up[-1].deploy()
        stack.close_clients()
        left = stack.descendants()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        for pid in left:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
