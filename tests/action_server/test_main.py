"""The process: how it starts, stops on a signal, and ends with its parent."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from testkit.action_server import ROOT, ActionServer, until
from testkit.openwhisk import running


def test_sigterm_ends_an_idle_server_with_zero(server: ActionServer) -> None:
    server.init("def main(p):\n    return p\n")
    server.process.terminate()
    assert server.process.wait(9) == 0


def test_sigterm_lets_the_current_activation_finish(server: ActionServer, tmp_path: Path) -> None:
    server.init(
        "import pathlib, time\n"
        "def main(p):\n"
        "    print('begun', flush=True)\n"
        "    while not pathlib.Path(p['file']).exists():\n"
        "        time.sleep(0.01)\n"
        "    return {'done': True}\n"
    )
    answers = []
    gate = tmp_path / "gate"
    caller = threading.Thread(target=lambda: answers.append(server.run({"file": str(gate)})))
    caller.start()
    until(lambda: "begun" in server.stdout())
    server.process.terminate()
    gate.touch()
    caller.join(10)
    assert answers == [(200, {"done": True})]
    assert server.process.wait(9) == 0


def test_a_busy_port_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "actions.runtime", "--port", str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert str(port) in ended.stderr


def test_the_server_ends_with_its_parent() -> None:
    """A parent that is killed takes its action server with it, even one that is busy."""
    script = (
        "import os, subprocess, sys\n"
        "reader, writer = os.pipe()\n"
        "child = subprocess.Popen([sys.executable, '-m', 'actions.runtime', '--port', '0',"
        " '--ready-fd', str(writer), '--parent-pid', str(os.getpid())], pass_fds=(writer,))\n"
        "print(child.pid, os.read(reader, 10).decode().strip(), flush=True)\n"
        "child.wait()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as said:
        child = int(said.readline().split()[0])
    parent.send_signal(signal.SIGKILL)
    parent.wait(5)
    until(lambda: not running(child))


def test_the_server_imports_no_slow_modules() -> None:
    """Every cold start has to import them."""
    code = "import sys, actions.runtime.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    modules = set(done.stdout.split())
    assert "actions.runtime.server" in modules, done.stderr
    assert not modules & {"asyncio", "dataclasses", "inspect", "orjson", "pydantic", "numpy", "qiskit"}
