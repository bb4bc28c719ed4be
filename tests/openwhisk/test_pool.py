"""The processes: reuse, growth, replacement, limits, images; and none is left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.openwhisk import container
from local.openwhisk.fork_starter import ForkStarter
from local.openwhisk.pool import ContainerPool
from local.openwhisk.settings import parse
from testkit.openwhisk import ROOT, OpenWhisk, running, until
from tests.openwhisk.conftest import Start
from tests.openwhisk.test_capacity import launch_of

PID = "import os\ndef main(p):\n    return {'pid': os.getpid()}\n"
GATE = (
    "import os, pathlib, time\n"
    "def main(p):\n"
    "    while not pathlib.Path(p['gate']).exists():\n"
    "        time.sleep(0.005)\n"
    "    return {'pid': os.getpid()}\n"
)

#: A runtime whose log is complete some time after its answer, as on OpenWhisk: when a file exists.
LATE_LOG = """
import http.server, os, pathlib, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        if self.path == "/run":
            while not pathlib.Path(sys.argv[1]).exists():
                time.sleep(0.01)
            for stream in (sys.stdout, sys.stderr):
                print("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX", file=stream, flush=True)

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
os.write(int(os.environ["QWHISK_READY_FD"]), b"%d\\n" % server.server_port)
server.serve_forever()
"""


def pid(whisk: OpenWhisk, name: str, **params: str) -> int:
    """Return the id of the process that serves an invocation."""
    answer = whisk.invoke(name, params, "blocking=true&result=true")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["pid"])


def test_a_warm_process_is_reused_and_an_update_replaces_it(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, PID)
    first = pid(whisk, name)
    assert pid(whisk, name) == first
    whisk.action(name, PID)
    assert pid(whisk, name) != first
    until(lambda: not running(first))


def test_a_deleted_action_leaves_no_process(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, PID)
    process = pid(whisk, name)
    whisk.ask("DELETE", f"/actions/{name}")
    until(lambda: not running(process))


def test_an_idle_process_that_dies_is_noticed(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, PID)
    process = pid(whisk, name)
    os.kill(process, signal.SIGKILL)
    until(lambda: not running(process))
    assert pid(whisk, name) != process


def test_concurrent_invocations_get_processes_up_to_the_limit(start: Start, tmp_path: Path) -> None:
    whisk = start("--max-processes", "4", "--max-per-action", "2", "--grow-after", "0")
    whisk.action("gate", GATE)
    begun = [whisk.invoke("gate", {"gate": str(tmp_path / "open")}, "") for _ in range(4)]
    until(lambda: whisk.numbers() == {"idle": 0, "busy": 2, "starting": 0, "waiting": 2})
    (tmp_path / "open").touch()
    records = [whisk.activation(answer.json()["activationId"]) for answer in begun]
    assert len({record["response"]["result"]["pid"] for record in records}) == 2


def test_an_invocation_waits_for_a_busy_process_that_is_soon_free(start: Start) -> None:
    whisk = start("--grow-after", "30")
    whisk.action("pid", PID)
    first = pid(whisk, "pid")
    begun = [whisk.invoke("pid", {}, "").json()["activationId"] for _ in range(20)]
    assert {whisk.activation(item)["response"]["result"]["pid"] for item in begun} == {first}


def test_an_invocation_waits_for_a_process_whose_log_is_being_collected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is free in a moment, and a start would take longer."""
    monkeypatch.setattr(container, "SENTINEL_WAIT", 60.0)
    script, gate = tmp_path / "runtime.py", tmp_path / "gate"
    script.write_text(LATE_LOG)
    launch = replace(
        launch_of("own"),
        argv=(sys.executable, str(script), str(gate)),
        environment=dict(os.environ),
        timeout=60.0,
    )

    async def run() -> None:
        # Without a wait for processes that are still busy with their activation.
        settings = parse(["--port", "0", "--grow-after", "0"], {"WHISK_AUTH": "user:key"})
        pool = ContainerPool(settings, ForkStarter(False, 60.0))
        try:
            first = await pool.acquire(launch)
            activation = asyncio.create_task(first.run(b"{}"))
            while not first.answered:
                await asyncio.sleep(0.01)
            following = asyncio.create_task(pool.acquire(launch))
            await asyncio.sleep(0)
            assert pool.numbers() == {"idle": 0, "busy": 1, "starting": 0, "waiting": 1}
            # One more than will be free.
            third = asyncio.create_task(pool.acquire(launch))
            await asyncio.sleep(0)
            assert pool.numbers() == {"idle": 0, "busy": 1, "starting": 1, "waiting": 2}
            gate.touch()
            await activation
            pool.release(first, keep=True)
            # The new one may be ready before, on a busy machine.
            given = [await following, await third]
            assert [container is first for container in given].count(True) == 1
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_an_idle_process_makes_room_for_another_action(start: Start) -> None:
    whisk = start("--max-processes", "1")
    for name in ("a", "b"):
        whisk.action(name, PID)
    first = pid(whisk, "a")
    assert pid(whisk, "b") != first
    until(lambda: not running(first))


def test_the_memory_of_all_processes_is_bounded(start: Start) -> None:
    whisk = start("--memory", "512")
    for name in ("a", "b", "c"):
        whisk.action(name, PID, limits={"memory": 256})
    a, b, c = (pid(whisk, name) for name in ("a", "b", "c"))
    until(lambda: not running(a))
    assert running(b)
    assert running(c)


def test_a_waiting_action_is_not_starved_by_a_busy_one(start: Start) -> None:
    whisk = start("--max-processes", "1", "--max-waiting", "100")
    slow = "import time\ndef main(p):\n    time.sleep(0.1)\n    return {}\n"
    whisk.action("busy", slow)
    whisk.action("other", PID)
    assert whisk.invoke("busy").status_code == 200
    whisk.invoke("busy", {}, "")
    other = whisk.invoke("other", {}, "").json()["activationId"]
    last = [whisk.invoke("busy", {}, "").json()["activationId"] for _ in range(45)][-1]
    # Over four seconds of work came after it, for which there is a warm process; it does not wait for it all.
    record = whisk.activation(other)
    assert record["response"]["success"]
    assert record["end"] < whisk.activation(last)["end"]


def test_idle_processes_end_after_their_time(start: Start) -> None:
    whisk = start("--idle-seconds", "0.1")
    whisk.action("pid", PID)
    process = pid(whisk, "pid")
    until(lambda: not running(process))
    assert whisk.numbers()["idle"] == 0


def test_prewarmed_processes_exist_before_the_first_invocation(start: Start) -> None:
    whisk = start("--prewarm", "2", "--idle-seconds", "0.1")
    whisk.action("pid", PID)
    until(lambda: whisk.numbers()["idle"] == 2)
    ready = re.findall(r"process (\d+) for guest/pid, ready", whisk.log())
    record = whisk.invoke("pid").json()
    assert str(record["response"]["result"]["pid"]) in ready
    # A process that dies is replaced.
    os.kill(record["response"]["result"]["pid"], signal.SIGKILL)
    until(lambda: not running(record["response"]["result"]["pid"]))
    until(lambda: whisk.numbers()["idle"] == 2)
    # Code that cannot be initialised is tried once for each, not without end.
    whisk.action("pid", "def main(:\n")
    until(lambda: whisk.numbers() == {"idle": 0, "busy": 0, "starting": 0, "waiting": 0})
    assert whisk.log().count("no process for guest/pid") <= 2


def test_images(whisk: OpenWhisk, name: str) -> None:
    """The base image runs given code; an unknown image cannot be pulled."""
    blackbox = {"kind": "blackbox", "image": "qwhisk/base:1.0", "code": PID}
    whisk.ask("PUT", f"/actions/{name}", {"exec": blackbox})
    assert pid(whisk, name)
    whisk.ask("PUT", f"/actions/{name}?overwrite=true", {"exec": {"kind": "blackbox", "image": "some/other"}})
    answer = whisk.invoke(name)
    assert answer.status_code == 502
    assert answer.json()["response"]["result"] == {"error": "Failed to pull container image 'some/other'."}


def test_an_unknown_algorithm(whisk: OpenWhisk, name: str) -> None:
    whisk.ask("PUT", f"/actions/{name}", {"exec": {"kind": "blackbox", "image": "qwhisk/no_such_algorithm"}})
    answer = whisk.invoke(name)
    assert answer.status_code == 502
    record = whisk.activation(answer.json()["activationId"])
    assert "ModuleNotFoundError" in str(record["logs"])


def test_a_baked_in_algorithm_answers(start: Start) -> None:
    whisk = start()
    body = {"exec": {"kind": "blackbox", "image": "qwhisk/smile_super_position"}}
    whisk.ask("PUT", "/actions/smile_super_position", body)
    answer = whisk.invoke("smile_super_position", {"backend_type": "no such thing"})
    assert answer.status_code == 502
    assert answer.json()["response"]["status"] == "application error"
    assert set(answer.json()["response"]["result"]["error"]) == {"code", "message", "details"}


def test_a_command_may_replace_an_image(start: Start) -> None:
    whisk = start("--image-command", f"me/own={sys.executable} -m actions.runtime")
    whisk.ask("PUT", "/actions/own", {"exec": {"kind": "blackbox", "image": "me/own:2", "code": PID}})
    assert pid(whisk, "own")


@pytest.mark.parametrize(
    ("command", "message"), [("/no/such/program", "provision"), ("/bin/false", "exited unexpectedly")]
)
def test_a_command_that_does_not_start_is_a_developer_error(start: Start, command: str, message: str) -> None:
    whisk = start("--image-command", f"me/own={command}")
    whisk.ask("PUT", "/actions/own", {"exec": {"kind": "blackbox", "image": "me/own"}})
    answer = whisk.invoke("own")
    assert answer.status_code == 502
    assert message in answer.json()["response"]["result"]["error"]


def test_a_command_that_is_never_ready_is_given_up(start: Start) -> None:
    whisk = start("--image-command", "me/own=sleep 60", "--start-timeout", "0.2")
    whisk.ask("PUT", "/actions/own", {"exec": {"kind": "blackbox", "image": "me/own"}})
    answer = whisk.invoke("own")
    assert answer.status_code == 502
    assert "not ready after 0.2 s" in answer.json()["response"]["result"]["error"]


def test_actions_get_only_permitted_variables(start: Start) -> None:
    whisk = start(QWHISK_MINE="yes", SOMETHING_ELSE="no", WHISK_AUTH="somebody:something")
    whisk.action("env", "import os\ndef main(p):\n    return dict(os.environ)\n")
    seen = whisk.invoke("env", query="blocking=true&result=true").json()
    assert seen["QWHISK_MINE"] == "yes"
    assert not {"SOMETHING_ELSE", "WHISK_AUTH", "QWHISK_READY_FD", "QWHISK_PARENT_PID"} & seen.keys()


@pytest.fixture
def busy_server(start: Start, tmp_path: Path) -> tuple[OpenWhisk, list[int]]:
    """A server with an idle process and one with a long activation, and their ids."""
    whisk = start("--stop-grace", "0.3")
    whisk.action("idle", PID)
    whisk.action(
        "busy",
        "import os, pathlib, time\n"
        "def main(p):\n    pathlib.Path(p['file']).write_text(str(os.getpid()))\n    time.sleep(60)\n",
    )
    processes = [pid(whisk, "idle")]
    pid_file = tmp_path / "pid"
    whisk.invoke("busy", {"file": str(pid_file)}, "")
    until(lambda: pid_file.exists() and bool(pid_file.read_text()))
    processes.append(int(pid_file.read_text()))
    return whisk, processes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_leaves_no_process_and_no_file(
    busy_server: tuple[OpenWhisk, list[int]], number: signal.Signals
) -> None:
    whisk, processes = busy_server
    assert all(running(process) for process in processes)
    assert whisk.stop(number) == 0
    assert not any(running(process) for process in processes)
    assert [entry.name for entry in whisk.folder.iterdir()] == ["log"]
    assert "Traceback" not in whisk.log()


def test_a_killed_server_leaves_no_process(busy_server: tuple[OpenWhisk, list[int]]) -> None:
    whisk, processes = busy_server
    whisk.stop(signal.SIGKILL)
    until(lambda: not any(running(process) for process in processes))


def test_callers_are_answered_when_the_server_stops(start: Start) -> None:
    whisk = start("--stop-grace", "0.3")
    whisk.action("gate", GATE)
    command = [
        sys.executable,
        "-c",
        "import sys, requests\n"
        "key = 'somebody', 'something'\n"
        "print(requests.post(sys.argv[1], json={'gate': '/none'}, auth=key).status_code)\n",
        f"{whisk.url}/namespaces/_/actions/gate?blocking=true",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        until(lambda: whisk.numbers()["busy"] == 1)
        assert whisk.stop() == 0
        answered, _ = caller.communicate(timeout=10)
    assert answered.strip() in ("500", "502")


def test_a_busy_port_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = subprocess.run(
            [sys.executable, "-m", "local.openwhisk", "--port", str(taken.getsockname()[1])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "in use" in ended.stderr
