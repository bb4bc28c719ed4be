"""The fork server: its forks are action servers like those started from the command."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.openwhisk.action_server import ServerFork
from core.processes.messages import MessageReader, encode
from testkit.action_server import ROOT, SENTINEL, until
from testkit.openwhisk import running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")

STATE = (
    "import os, random, sys, tempfile\n"
    "def main(p):\n"
    "    print('ran')\n"
    "    return {'env': dict(os.environ), 'cwd': os.getcwd(), 'path': sys.path[0], 'argv': sys.argv[1:],\n"
    "            'tmp': tempfile.gettempdir(), 'group': os.getpgid(0), 'random': random.random(),\n"
    "            'numpy': sys.modules['numpy'].random.random() if 'numpy' in sys.modules else None,\n"
    "            'stdin': os.readlink('/proc/self/fd/0'), 'open': os.listdir('/proc/self/fd')}\n"
)


class Fork:
    """An action server that a fork server has forked."""

    def __init__(self, pid: int, handle: int, port: int, out: int, err: int) -> None:
        self.pid, self.handle, self.port, self.out, self.err = pid, handle, port, out, err

    def post(self, path: str, body: Any) -> Any:
        """The response to a request."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("POST", path, json.dumps(body))
            return json.loads(connection.getresponse().read())

    def state(self) -> dict[str, Any]:
        """What `STATE` returned."""
        assert self.post("/init", {"value": {"code": STATE}}) == {"ok": True}
        state: dict[str, Any] = self.post("/run", {"value": {}})
        return state


class ForkServerProcess:
    """A fork server process and the control socket to it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.settimeout(60)
        self._reader = MessageReader(self.control)
        command = [sys.executable, "-m", "actions.runtime", "--fork-server-fd", str(theirs.fileno())]
        # Importing the provider in this process, as other tests do, has set it here too.
        inherited = {name: value for name, value in os.environ.items() if name != "USAGE_DATA_OPT_OUT"}
        self.process = subprocess.Popen(
            command,
            cwd="/",
            env={**inherited, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **environment},
            pass_fds=(theirs.fileno(),),
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        self.forks: list[Fork] = []

    def ask(
        self, message: dict[str, Any], descriptors: tuple[int, ...] = ()
    ) -> tuple[dict[str, Any], list[int]]:
        """Send a message and wait for the answer."""
        socket.send_fds(self.control, [encode(message)], descriptors)
        while (answer := self._reader.read()) is None:
            pass
        return answer

    def fork(self, **env: str) -> Fork:
        """Fork a server."""
        pairs = [os.pipe() for _ in range(3)]
        environment = {"PATH": os.environ["PATH"], "PORT": "0", "TMPDIR": str(self.folder), **env}
        answer, received = self.ask(
            {"fork": ServerFork(environment, str(self.folder)).arguments()}, tuple(end for _, end in pairs)
        )
        for _, end in pairs:
            os.close(end)
        assert "pid" in answer, answer
        (out, _), (err, _), (ready, _) = pairs
        with os.fdopen(ready) as port:
            fork = Fork(answer["pid"], received[0], int(port.readline()), out, err)
        self.forks.append(fork)
        return fork

    def close(self) -> None:
        """End it, even if it is busy."""
        self.control.close()
        self.process.kill()
        self.process.wait(10)
        for fork in self.forks:
            for descriptor in (fork.handle, fork.out, fork.err):
                os.close(descriptor)


Begin = Callable[..., ForkServerProcess]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Start a fork server with the given environment variables."""
    started: list[ForkServerProcess] = []

    def start(**environment: str) -> ForkServerProcess:
        started.append(ForkServerProcess(tmp_path, **environment))
        return started[-1]

    yield start
    for fork_server in started:
        fork_server.close()


def test_a_fork_equals_a_process_started_from_the_command(begin: Begin, tmp_path: Path) -> None:
    fork = begin(OF_THE_FORK_SERVER="yes").fork(OWN="yes")
    state = fork.state()
    assert state["env"]["OWN"] == "yes"
    assert not {"OF_THE_FORK_SERVER", "QWHISK_READY_FD", "QWHISK_PARENT_PID"} & state["env"].keys()
    assert state["cwd"] == state["path"] == state["tmp"] == str(tmp_path)
    assert state["argv"] == []
    assert state["group"] == fork.pid
    assert state["stdin"] == "/dev/null"
    assert os.read(fork.out, 1000).decode() == f"ran\n{SENTINEL}\n"
    # 0, 1, 2; the server's selector, socket, waking pair and connection; the listing itself.
    assert len(state["open"]) <= 3 + 5 + 1


def test_forks_share_the_imports_and_nothing_else(begin: Begin) -> None:
    fork_server = begin()
    assert fork_server.ask({"warm_up": True})[0] == {}
    assert len(list(Path(f"/proc/{fork_server.process.pid}/task").iterdir())) == 1
    first, second = fork_server.fork().state(), fork_server.fork().state()
    assert first["random"] != second["random"]
    assert first["numpy"] != second["numpy"]
    # core.provider sets it on import, for speed. The environment of the fork takes precedence.
    assert first["env"]["USAGE_DATA_OPT_OUT"] == "True"
    assert fork_server.fork(USAGE_DATA_OPT_OUT="no").state()["env"]["USAGE_DATA_OPT_OUT"] == "no"


def test_it_does_not_fork_if_a_fork_would_lack_threads(begin: Begin) -> None:
    fork_server = begin(OPENBLAS_NUM_THREADS="2")
    fork_server.ask({"warm_up": True})
    reader, writer = os.pipe()
    try:
        answer, received = fork_server.ask(
            {"fork": ServerFork({}, "/").arguments()}, (writer, writer, writer)
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert "threads" in answer["error"]
    assert received == []


def test_a_fork_that_has_ended_keeps_its_number_until_it_is_reaped(begin: Begin) -> None:
    fork_server = begin()
    fork = fork_server.fork()
    signal.pidfd_send_signal(fork.handle, signal.SIGKILL)
    until(lambda: not running(fork.pid))
    assert Path(f"/proc/{fork.pid}").exists()
    fork_server.control.sendall(encode({"end": fork.pid}))
    until(lambda: not Path(f"/proc/{fork.pid}").exists())
    assert fork_server.fork().state()["argv"] == []


@pytest.mark.parametrize("how", ["closed", "killed"])
def test_its_forks_end_with_it(begin: Begin, how: str) -> None:
    fork_server = begin()
    fork = fork_server.fork()
    if how == "closed":
        fork_server.control.close()
        assert fork_server.process.wait(10) == 0
    else:
        fork_server.process.kill()
    until(lambda: not running(fork.pid))


def test_a_fork_ends_with_zero_on_sigterm(begin: Begin) -> None:
    fork_server = begin()
    fork = fork_server.fork()
    os.kill(fork.pid, signal.SIGTERM)
    until(lambda: not running(fork.pid))
    # The exit code is the last of the fields in /proc/pid/stat.
    assert Path(f"/proc/{fork.pid}/stat").read_text().split()[-1] == "0"
