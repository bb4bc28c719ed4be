"""Processes that are forks of the fork server: they start quickly, and end with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from local.openwhisk.fork_starter import ForkStarter
from local.openwhisk.forked import Forked
from local.openwhisk.launch import Launch
from testkit.openwhisk import ROOT, OpenWhisk, running, until
from tests.openwhisk.conftest import Start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is Linux's")

PIDS = (
    "import os, sys\n"
    "def main(p):\n"
    "    return {'pid': os.getpid(), 'parent': os.getppid(), 'warm': 'qiskit' in sys.modules}\n"
)
SMILE = {"exec": {"kind": "blackbox", "image": "qwhisk/smile_super_position"}}


def process_ids(whisk: OpenWhisk, name: str) -> dict[str, int]:
    """The process of an action, and its parent."""
    answer = whisk.invoke(name, query="blocking=true&result=true")
    assert answer.status_code == 200, answer.text
    pids: dict[str, int] = answer.json()
    return pids


def children(pid: int) -> list[tuple[int, str]]:
    """The children of a process, each with its state."""
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            children.append((int(path.parent.name), fields[0]))
    return children


def test_a_deployed_algorithm_starts_quickly(start: Start) -> None:
    whisk = start()
    # The deployment starts the imports. An invocation waits for these at most.
    whisk.ask("PUT", "/actions/first", SMILE)
    assert whisk.invoke("first", {"backend_type": 1}).json()["response"]["status"] == "application error"
    times = []
    for name in ("second", "third", "fourth"):
        whisk.ask("PUT", f"/actions/{name}", SMILE)
        record = whisk.invoke(name, {"backend_type": 1}).json()
        times.append({item["key"]: item["value"] for item in record["annotations"]}["initTime"])
    # A start from the command takes over a second on any machine. The best of three, for a busy machine.
    assert min(times) < 800
    whisk.ask("PUT", "/actions/code", {"exec": {"kind": "python:default", "code": PIDS}})
    assert process_ids(whisk, "code")["warm"]


def test_without_it_processes_are_started_from_the_command(start: Start) -> None:
    whisk = start("--fork-server", "0")
    whisk.action("pids", PIDS)
    assert process_ids(whisk, "pids")["parent"] == whisk.process.pid


def test_a_fork_server_that_is_killed_is_replaced(start: Start) -> None:
    whisk = start()
    whisk.action("pids", PIDS)
    first = process_ids(whisk, "pids")
    assert first["parent"] != whisk.process.pid
    os.kill(first["parent"], signal.SIGKILL)
    # The kernel ends its forks with it. The pool notices that, and the next invocation gets another process.
    until(lambda: not running(first["pid"]))
    second = process_ids(whisk, "pids")
    assert second["parent"] not in (first["parent"], whisk.process.pid)


def test_a_running_activation_fails_with_the_fork_server(start: Start, tmp_path: Path) -> None:
    whisk = start()
    whisk.action(
        "slow",
        "import os, pathlib, time\n"
        "def main(p):\n    pathlib.Path(p['file']).write_text(str(os.getppid()))\n    time.sleep(60)\n",
    )
    pid_file = tmp_path / "parent"
    begun = whisk.invoke("slow", {"file": str(pid_file)}, "").json()["activationId"]
    until(lambda: pid_file.exists() and bool(pid_file.read_text()))
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    assert "exited unexpectedly" in whisk.activation(begun)["response"]["result"]["error"]


def test_after_several_failures_no_other_is_started(start: Start) -> None:
    whisk = start()
    whisk.action("pids", PIDS)
    for _ in range(3):
        pids = process_ids(whisk, "pids")
        os.kill(pids["parent"], signal.SIGKILL)
        until(lambda pid=pids["pid"]: not running(pid))  # type: ignore[misc]
    assert process_ids(whisk, "pids")["parent"] == whisk.process.pid
    assert "from now on processes are started without it" in whisk.log()


def test_a_fork_server_that_cannot_start_is_replaced_by_the_command(start: Start, tmp_path: Path) -> None:
    """An older `actions` package has no fork server."""
    runtime = tmp_path / "actions" / "runtime"
    runtime.mkdir(parents=True)
    (runtime / "__main__.py").write_text(
        "import runpy, sys\n"
        "if '--fork-server-fd' in sys.argv:\n    sys.exit(2)\n"
        f"sys.path[:] = [{str(ROOT)!r}] + [p for p in sys.path if p != {str(tmp_path)!r}]\n"
        "for name in [n for n in sys.modules if n.split('.')[0] == 'actions']:\n    del sys.modules[name]\n"
        "runpy.run_module('actions.runtime', run_name='__main__')\n"
    )
    whisk = start("--actions-path", str(tmp_path))
    whisk.action("pids", PIDS)
    assert process_ids(whisk, "pids")["parent"] == whisk.process.pid


def test_ended_processes_leave_no_zombies(start: Start) -> None:
    whisk = start()
    for _ in range(5):
        whisk.action("pids", PIDS)
        pids = process_ids(whisk, "pids")
    whisk.ask("DELETE", "/actions/pids")
    until(lambda: children(pids["parent"]) == [])


def test_what_a_forked_action_started_ends_with_it(start: Start, tmp_path: Path) -> None:
    whisk = start()
    whisk.action(
        "starts",
        "import pathlib, subprocess, time\n"
        "def main(p):\n"
        "    pathlib.Path(p['file']).write_text(str(subprocess.Popen(['sleep', '60']).pid))\n"
        "    time.sleep(60)\n",
        limits={"timeout": 1000},
    )
    pid_file = tmp_path / "pid"
    record = whisk.invoke("starts", {"file": str(pid_file)}).json()
    assert "time limits of 1000 milliseconds" in record["response"]["result"]["error"]
    until(lambda: not running(int(pid_file.read_text())))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_server(start: Start, number: signal.Signals) -> None:
    whisk = start()
    whisk.action("pids", PIDS)
    pids = process_ids(whisk, "pids")
    whisk.stop(number)
    until(lambda: not running(pids["parent"]) and not running(pids["pid"]))


def bare_launch() -> Launch:
    """The launch of an action without an algorithm."""
    return Launch(
        key=("a", 1, b""),
        action="a",
        argv=(sys.executable, "-m", "actions.runtime"),
        forkable=True,
        costly=False,
        image="",
        concurrency=1,
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
        init=b"",
        memory=256,
        logs=1_000,
        timeout=10.0,
    )


def test_a_process_is_forked_again_if_the_fork_server_has_just_ended() -> None:
    """A request may reach a fork server whose end has not been noticed yet."""

    async def start_two() -> None:
        starter = ForkStarter(True, 60.0)
        first = await starter.start(bare_launch())
        assert starter._client is not None
        starter._client._control.shutdown(socket.SHUT_RDWR)
        second = await starter.start(bare_launch())
        try:
            assert isinstance(second, Forked)
        finally:
            for process in (first, second):
                await process.kill()
            await starter.close()

    asyncio.run(start_two())


def test_a_fork_that_does_not_lead_its_group_yet_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just after the fork there is no process group of its number."""

    def no_group(pid: int, number: int) -> None:
        raise ProcessLookupError

    async def start_and_kill() -> None:
        starter = ForkStarter(True, 60.0)
        process = await starter.start(bare_launch())
        assert isinstance(process, Forked)
        monkeypatch.setattr(os, "killpg", no_group)
        await asyncio.wait_for(process.kill(), 30)
        await starter.close()

    asyncio.run(start_and_kill())


@pytest.mark.parametrize("forks", [True, False])
def test_a_start_that_is_cancelled_leaves_no_process_and_no_folder(
    forks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def until_there_are(folders: int) -> None:
        async with asyncio.timeout(30):
            while len(list(tmp_path.iterdir())) != folders:
                await asyncio.sleep(0)

    async def start_and_cancel() -> None:
        starter = ForkStarter(forks, 60.0)
        first = await starter.start(bare_launch())
        starting = asyncio.create_task(starter.start(bare_launch()))
        await until_there_are(2)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        # The folder is removed after the end of its process.
        await until_there_are(1)
        await first.kill()
        await starter.close()

    asyncio.run(start_and_cancel())
    assert list(tmp_path.iterdir()) == []


def test_closing_does_not_wait_for_the_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watcher waits for the end of the fork server, which comes later: the wait would time out."""
    left: list[Any] = []
    wait = asyncio.wait

    async def waits(tasks: Iterable[asyncio.Task[Any]], timeout: float | None = None) -> Any:
        done, pending = await wait(tasks, timeout=timeout)
        left.extend(pending)
        return done, pending

    async def begin_and_end() -> None:
        launch = bare_launch()
        starter = ForkStarter(True, 60.0)
        process = await starter.start(launch)
        assert starter._client is not None
        os.kill(process.pid, signal.SIGKILL)
        monkeypatch.setattr(asyncio, "wait", waits)
        await starter.close()
        assert starter._client.process.returncode is not None

    asyncio.run(begin_and_end())
    assert left == []
