"""The command `qwhisk` as a process, on a running stack."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from qwhisk_client.cli.exits import Exit
from testkit.faults import paused
from testkit.stack import ROOT, Stack, wait_for

#: Seconds that a command may take on a busy machine.
TIMEOUT = 150


class Command:
    """Runs `qwhisk` with a configuration folder of its own.

    Args:
        stack: the stack.
        config: the folder.
    """

    def __init__(self, stack: Stack, config: Path) -> None:
        self.stack = stack
        self.config = config
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "clients/python/src"),
            "QWHISK_URL": stack.gateway,
            "QWHISK_CONFIG": str(config),
            "TERM": "xterm",
        }

    def line(self, words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "qwhisk_client", *words]

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.line(words), env=self.env, input=given, capture_output=True, text=True, timeout=TIMEOUT
        )

    def json(self, *words: str, given: str = "") -> Any:
        """Return the JSON of a command that succeeds."""
        ended = self.run(*words, "--json", given=given)
        assert (ended.returncode, ended.stderr) == (0, "")
        return json.loads(ended.stdout)


@pytest.fixture
def qwhisk(stack: Stack, tmp_path: Path) -> Command:
    """Return the command with a session of its own."""
    return Command(stack, tmp_path / "config")


def test_a_function_is_run_and_its_job_listed(qwhisk: Command) -> None:
    ended = qwhisk.run("run", "grover", "--qubits", "4", "--marked", "3")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("3 (0011) was found in ")
    assert "counts of meas" in ended.stdout
    event = qwhisk.json("run", "grover", "qubits=3", "marked=[5,6]", "--shots=100")
    assert (event["status"], sum(event["result"]["counts"]["meas"].values())) == ("DONE", 100)
    listed = qwhisk.json("jobs")
    assert [job["function"] for job in listed] == ["grover", "grover"]
    assert listed[0]["process_job_id"] == event["process_job_id"]
    again = qwhisk.json("result", event["process_job_id"])
    assert again["answer"] == event["answer"]
    assert len(qwhisk.run("jobs", "--limit", "1").stdout.splitlines()) == 2


def test_functions_and_backends_are_listed(qwhisk: Command) -> None:
    assert "grover" in [function["id"] for function in qwhisk.json("functions")]
    table = qwhisk.run("functions").stdout.splitlines()
    assert table[0].split() == ["FUNCTION", "TITLE", "CATEGORY"]
    assert "marked" in qwhisk.run("functions", "grover").stdout
    assert qwhisk.json("functions", "grover")["output_schema"]
    assert "aer_simulator" in qwhisk.run("backends").stdout
    assert {backend["backend_type"] for backend in qwhisk.json("backends")} >= {"simulator"}


def test_the_input_is_read_from_a_file_or_standard_input(qwhisk: Command, tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text('{"qubits": 3, "marked": [5], "shots": 7}')
    event = qwhisk.json("run", "grover", "--input", str(path), "shots=50")
    assert sum(event["result"]["counts"]["meas"].values()) == 50
    event = qwhisk.json("run", "grover", "--input", "-", given='{"qubits": 3, "marked": [5], "shots": 7}')
    assert sum(event["result"]["counts"]["meas"].values()) == 7
    for given, words in (("[1]", "must be a JSON object"), ("{", "is not JSON"), (" " * 1_000_001, "1 MB")):
        refused = qwhisk.run("run", "grover", "--input", "-", given=given)
        assert refused.returncode == Exit.USAGE
        assert words in refused.stderr
    assert "cannot be read" in qwhisk.run("run", "grover", "--input", str(tmp_path / "no")).stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run"], Exit.USAGE, "FUNCTION"),
        (["nothing"], Exit.USAGE, "invalid choice"),
        (["result", "x", "--timeout", "soon"], Exit.USAGE, "must be a number of seconds"),
        (["functions", "--url", "http://127.0.0.1:abc"], Exit.USAGE, "is not the address of a gateway"),
        (
            ["functions", "--url", "http://127.0.0.1:1"],
            Exit.UNAVAILABLE,
            "No response from http://127.0.0.1:1",
        ),
    ],
)
def test_errors_have_exit_codes_and_say_what_to_do(
    qwhisk: Command, words: list[str], code: Exit, said: str
) -> None:
    ended = qwhisk.run(*words)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wait_that_is_over_and_a_cancelled_job_have_exit_codes(stack: Stack, qwhisk: Command) -> None:
    with paused(stack):
        submitted = qwhisk.run("run", "bell_state", "backend-type=hardware", "--detach")
        assert submitted.returncode == 0
        job = submitted.stdout.strip()
        for command in ("result", "watch"):
            late = qwhisk.run(command, job, "--timeout", "0.2")
            assert late.returncode == Exit.TIMEOUT
            assert f"qwhisk result {job}" in late.stderr
        assert f"cancellation of {job}" in qwhisk.run("cancel", job).stdout
        assert qwhisk.run("result", job).returncode == Exit.CANCELLED
    assert qwhisk.run("watch", job).returncode == Exit.CANCELLED


def test_an_interrupted_wait_leaves_the_job(stack: Stack, qwhisk: Command) -> None:
    with paused(stack):
        job = qwhisk.run("run", "bell_state", "backend_type=hardware", "--detach").stdout.strip()
        with subprocess.Popen(
            qwhisk.line(["watch", job]),
            env=qwhisk.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A shell's background jobs, and so these tests in one, ignore the signal of Ctrl-C.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        ) as process:
            try:
                assert process.stdout is not None
                assert job in process.stdout.readline().decode()
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
    assert process.returncode == Exit.INTERRUPTED
    assert b"Traceback" not in errors


def test_events_are_printed_as_they_happen(qwhisk: Command) -> None:
    words = ["qaoa_maxcut", "edges=[[0,1,1],[1,2,1],[2,0,1]]", "--layers", "1", "--seed", "7", "--detach"]
    job = qwhisk.run("run", *words).stdout.strip()
    lines = qwhisk.run("watch", job).stdout.splitlines()
    assert all(line.startswith(f"{job}  ") for line in lines)
    assert any("step 2 of" in line for line in lines)
    ended = qwhisk.run("watch", job, "--json")
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert events[-1]["event"]["status"] == "DONE"
    assert [event["id"] for event in events] == sorted(event["id"] for event in events)


def test_a_terminal_shows_the_progress(qwhisk: Command) -> None:
    near, far = pty.openpty()
    words = ["run", "qaoa_maxcut", "edges=[[0,1,1],[1,2,1],[2,0,1]]", "--layers", "1", "--seed", "7"]
    with subprocess.Popen(
        qwhisk.line(words), env=qwhisk.env, stdin=far, stdout=subprocess.PIPE, stderr=far
    ) as process:
        os.close(far)
        try:
            shown = b""
            # Linux reports an error when the other end of a terminal is closed.
            with suppress(OSError):
                while data := os.read(near, 65_536):
                    shown += data
            output, _ = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
            os.close(near)
    assert process.returncode == 0
    assert "step 2 of" in shown.decode()
    assert shown.endswith(b"\r\x1b[K"), "the bar is cleared at the end"
    assert "\x1b" not in output.decode()


def test_the_session_is_kept_for_its_user_only(qwhisk: Command) -> None:
    assert qwhisk.run("backends").returncode == 0
    kept = qwhisk.config / "credentials.json"
    before = kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(qwhisk.config.stat().st_mode) == 0o700
    assert qwhisk.run("backends").returncode == 0
    assert kept.read_text() == before


def test_commands_that_start_at_once_share_a_session(qwhisk: Command) -> None:
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: qwhisk.run("run", "bell_state", "--detach"), range(4)))
    assert [each.returncode for each in ended] == [0] * 4
    listed = {job["process_job_id"] for job in qwhisk.json("jobs")}
    assert listed == {each.stdout.strip() for each in ended}


def test_a_reader_that_ends_is_no_error(qwhisk: Command) -> None:
    with subprocess.Popen(
        qwhisk.line(["functions"]), env=qwhisk.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            errors = process.stderr.read()
            wait_for(lambda: process.poll() is not None, TIMEOUT)
        finally:
            process.kill()
    assert (process.returncode, errors) == (Exit.BROKEN_PIPE, b"")
