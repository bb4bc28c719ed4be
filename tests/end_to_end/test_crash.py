"""A crash loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from testkit.processes import action_pids, module_pid
from testkit.stack import GIVEN_WHISK, ROOT, Stack, alive, environment, running, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
not_ours = pytest.mark.skipif(
    bool(GIVEN_WHISK),
    reason="the OpenWhisk of WHISK_APIHOST is not this stack's alone to kill or to deploy to",
)


@pytest.fixture
def private_stack(stack: Stack) -> Stack:
    """The stack of these files, which may be harmed."""
    return stack


def test_a_result_arrives_once_although_the_poller_was_killed(private_stack: Stack) -> None:
    client = private_stack.client()
    jobs = [client.smile(wait=0, backend_type="hardware")["process_job_id"] for _ in range(2)]
    jobs.append(client.smile(wait=0)["process_job_id"])
    pid, before = module_pid(private_stack, "poller"), len(private_stack.output())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid))
    jobs.append(client.smile(wait=0)["process_job_id"])
    for job in jobs:
        event = client.get(f"/jobs/{job}", wait=60).json()
        assert event["status"] == "DONE", event
        assert event["answer"]["shots"] == 1024
    output = private_stack.output(before)
    assert "poller ended (signal 9); restarting it" in output, "the supervisor reports the restart"
    listed = [job["process_job_id"] for job in client.get("/jobs").json()["jobs"]]
    assert sorted(listed) == sorted(jobs)


def test_results_are_available_after_the_gateway_was_killed(private_stack: Stack) -> None:
    client = private_stack.client()
    job = client.smile()["process_job_id"]
    pid, before = module_pid(private_stack, "gateway"), len(private_stack.output())
    os.kill(pid, signal.SIGKILL)
    # Its worker survives it for a moment, so only the supervisor's message shows that it has ended.
    wait_for(lambda: "gateway ended (signal 9)" in private_stack.output(before))

    def back() -> bool:
        try:
            return client.get(f"/jobs/{job}").status_code == 200
        except OSError:
            return False

    wait_for(back, 30)
    assert client.get(f"/jobs/{job}").json()["status"] == "DONE"
    assert client.smile()["status"] == "DONE", "the same token is still valid"


@not_ours
def test_a_result_arrives_although_the_action_process_was_killed(private_stack: Stack) -> None:
    client = private_stack.client()
    client.smile()
    pids = action_pids(private_stack)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in pids))

    def done() -> bool:
        answer = client.submit(60, emoticon_1=":)", emoticon_2=":(")
        return answer.status_code == 200

    wait_for(done, 60)


@pytest.mark.parametrize("module", [pytest.param("local.openwhisk", marks=not_ours), "simulator"])
def test_jobs_continue_although_a_part_was_killed(private_stack: Stack, module: str) -> None:
    client = private_stack.client()
    client.smile()
    pid = module_pid(private_stack, module)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid))

    def done() -> bool:
        answer = client.submit(60, emoticon_1=":)", emoticon_2=":(")
        assert answer.status_code in (200, 502, 503, 504), answer.text
        return answer.status_code == 200 and answer.json()["status"] == "DONE"

    wait_for(done, 60)


def test_the_stack_continues_although_the_broker_was_killed(private_stack: Stack) -> None:
    """The local broker has everything in memory: earlier events are lost, but everything still works."""
    old = private_stack.client()
    old.smile()
    [pid] = [
        pid for pid in private_stack.descendants() if b"tansu" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    before = len(private_stack.output())
    os.kill(pid, signal.SIGKILL)
    lost = "restarting gateway, which needs the state that the broker has lost"
    wait_for(lambda: lost in private_stack.output(before), 30)

    def answer() -> requests.Response | None:
        try:
            return old.get("/jobs")
        except OSError:
            return None

    # A broker that creates topics automatically (the local one does) creates the client's again, empty; with
    # any other the client has to create a new session.
    def afresh() -> bool:
        reply = answer()
        return reply is not None and (reply.status_code == 401 or reply.json() == {"jobs": [], "next": None})

    wait_for(afresh, 60)
    assert private_stack.client().smile()["status"] == "DONE"
    if old.get("/jobs").status_code == 200:
        assert old.smile()["status"] == "DONE"


def test_no_process_is_left_although_the_supervisor_was_killed(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        processes = stack.descendants()
        stack.process.kill()
        wait_for(lambda: not [pid for pid in processes if alive(pid)], 15)


def test_a_busy_port_is_reported_in_one_line(private_stack: Stack, tmp_path: Path) -> None:
    env = environment(tmp_path) | {"GATEWAY_PORT": private_stack.env["GATEWAY_PORT"]}
    done = subprocess.run(
        [sys.executable, "-m", "local"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert f"Port {private_stack.env['GATEWAY_PORT']} (of the gateway) is in use" in line
    assert "GATEWAY_PORT" in line


@not_ours
def test_demo_once_ends_with_status_0_and_shows_the_result(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "--demo", "--once"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("aer_simulator", ":) ", ";) ", "of 4096 times", "from request to result"):
        assert words in done.stdout
