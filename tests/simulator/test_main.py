"""The service as a process: how it starts and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.exceptions import IBMRuntimeError
from qiskit_ibm_runtime.executor_sampler import Sampler

from simulator.settings import parse
from simulator.settings_table import TABLE

from .bodies import executor_request
from .circuits import dense, ghz, isa
from .conftest import REPOSITORY, Api, Running


def descendants(pid: int) -> set[int]:
    """Return the processes that a process started, and those they started."""
    pids: set[int] = set()
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            children = {int(child) for child in task.read_text().split()}
            waiting.extend(children - pids)
            pids |= children
    return pids


def wait_until_gone(pids: set[int], seconds: float) -> set[int]:
    end = time.monotonic() + seconds
    left = set(pids)
    while left and time.monotonic() < end:
        left = {pid for pid in left if Path(f"/proc/{pid}").exists() and b"\nState:\tZ" not in _status(pid)}
        time.sleep(0.02)
    return left


def _status(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return b"\nState:\tZ"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_ends_without_leaving_processes(number: signal.Signals) -> None:
    running = Running("--workers", "2")
    children = descendants(running.process.pid)
    assert len(children) == 3
    running.process.send_signal(number)
    status = running.process.wait(5)
    assert status == (0 if number != signal.SIGKILL else -signal.SIGKILL)
    assert wait_until_gone(children, 5) == set()
    running.stop()


def test_a_signal_to_the_whole_group_ends_it_cleanly() -> None:
    running = Running("--workers", "2")
    children = descendants(running.process.pid)
    os.killpg(running.process.pid, signal.SIGTERM)
    assert running.process.wait(5) == 0
    assert wait_until_gone(children, 5) == set()
    assert "ended" not in "".join(running.log)
    running.stop()


def test_a_worker_that_dies_is_replaced() -> None:
    running = Running("--workers", "2")
    try:
        (fork_server,) = {
            int(child)
            for task in Path(f"/proc/{running.process.pid}/task").glob("*/children")
            for child in task.read_text().split()
        }
        for victim in sorted(descendants(fork_server)):
            os.kill(victim, signal.SIGKILL)
        client = running.client()
        backend = client.backend("aer_simulator")
        job = Sampler(backend).run([isa(ghz(2), backend)], shots=10)
        assert job.result(timeout=20)[0].data.meas.num_shots == 10
        # The process that they are forked from may die too.
        os.kill(fork_server, signal.SIGKILL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            job = Sampler(backend).run([isa(ghz(2), backend)], shots=10)
            if job.wait_for_final_state(timeout=20) is None and job.status() == "DONE":
                break
        assert job.status() == "DONE"
    finally:
        running.stop()


def test_a_job_over_the_memory_limit_is_rejected_with_the_reason() -> None:
    """Noise mixes the state, so that no method for states with little entanglement applies."""
    running = Running("--workers", "1", "--max-memory-mb", "32")
    try:
        backend = running.client().backend("aer_simulator_noisy_fez")
        circuit = QuantumCircuit(24)
        for qubit in range(23):
            circuit.rx(0.3, qubit)
            circuit.cx(qubit, qubit + 1)
        circuit.measure_all()
        with pytest.raises(IBMRuntimeError, match="does not fit"):
            Sampler(backend).run([isa(circuit, backend)], shots=10)
    finally:
        running.stop()


def test_too_many_jobs_get_429_and_large_ones_do_not_take_all_workers() -> None:
    running = Running("--workers", "2", "--max-waiting", "3", "--max-seconds", "3")
    try:
        api = Api(running)
        slow = executor_request(dense(25))
        for _ in range(3):
            assert api("POST", "/jobs", json=slow).status_code == 200
        refused = api("POST", "/jobs", json=slow)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        pending = api("GET", "/jobs?pending=true").json()["jobs"]
        assert sorted(job["status"] for job in pending) == ["Queued", "Queued", "Running"]
        for job in pending:
            assert api("POST", f"/jobs/{job['id']}/cancel").status_code == 204
        quick = api("POST", "/jobs", json=executor_request())
        assert quick.status_code == 200
        assert api("GET", f"/jobs/{quick.json()['id']}").json()["status"] == "Completed"
        api.session.close()
    finally:
        running.stop()


def run_main(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIMULATOR_")}
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=REPOSITORY,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_help_names_every_setting() -> None:
    text = run_main("--help").stdout
    assert [row.label for row in TABLE.rows if row.name not in text or row.flag not in text] == []


def test_needs_an_api_key() -> None:
    done = run_main()
    assert done.returncode == 2
    assert "SIMULATOR_API_KEY" in done.stderr


def test_a_busy_port_is_reported_in_one_line() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = run_main("--port", str(port), SIMULATOR_API_KEY="x")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


def test_an_unknown_device_is_reported_in_one_line() -> None:
    done = run_main("--devices", "fake_nowhere", "--port", "0", SIMULATOR_API_KEY="x")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    entry = json.loads(line)
    assert (entry["service"], entry["level"], entry["event"]) == ("simulator", "error", "error")
    assert "fake_nowhere" in entry["message"]


def test_settings_come_from_the_environment_and_arguments_take_precedence() -> None:
    environment = {"SIMULATOR_API_KEY": "secret", "SIMULATOR_PORT": "1234", "SIMULATOR_QUEUE_SEED": "3"}
    settings = parse(["--port", "99", "--devices", "fake_fez,fake_torino"], environment)
    assert settings.port == 99
    assert settings.queue.seed == 3
    assert settings.devices == ("fake_fez", "fake_torino")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--port", "70000"], {}, "SIMULATOR_PORT"),
        (
            [],
            {"SIMULATOR_PORT": "x"},
            "--port (SIMULATOR_PORT) must be a whole number from 0 to 65535, not 'x'",
        ),
        (["--devices", "fez"], {}, "SIMULATOR_DEVICES"),
        (["--workers", "0"], {}, "SIMULATOR_WORKERS"),
        (["--max-seconds", "nan"], {}, "SIMULATOR_MAX_SECONDS"),
        (["--insecure-any-key"], {}, "SIMULATOR_API_KEY"),
    ],
)
def test_wrong_settings(
    arguments: list[str], environment: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(arguments, {"SIMULATOR_API_KEY": "x"} | environment)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.replace("\n", " ").rpartition("error: ")[2]
