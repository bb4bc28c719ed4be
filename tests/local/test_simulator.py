"""`python -m local.simulator` as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import requests

from core.local_folder import SIMULATOR_KEY
from local.settings import LocalSettings
from testkit.processes import end
from testkit.stack import ROOT, free_ports
from testkit.waiting import wait_for
from tests.end_to_end.test_own_programs import check_lines, run_program

COMMAND = [sys.executable, "-m", "local.simulator"]


def accepted(url: str, key: str) -> bool:
    """Whether the simulator that listens there accepts the key; False while none listens."""
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
    try:
        return requests.post(f"{url}/identity/token", data=form, timeout=5).ok
    except requests.ConnectionError:
        return False


def test_it_has_the_key_of_the_stack_and_prints_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    [port] = free_ports(1)
    env = {"LOCAL_FOLDER": str(folder), "SIMULATOR_PORT": str(port)}
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(COMMAND, cwd=ROOT, env={**os.environ, **env}, stdout=file, stderr=file)
    try:
        wait_for(lambda: process.poll() is not None or '"ready"' in log.read_text(), 90)
        assert process.poll() is None, log.read_text()
        key = SIMULATOR_KEY.key(folder)
        assert accepted(f"http://127.0.0.1:{port}", key)
        assert not accepted(f"http://127.0.0.1:{port}", f"{key}x")
        assert key == LocalSettings.from_env(env).api_key
        assert str(SIMULATOR_KEY.path(folder)) in log.read_text()
        assert key not in log.read_text()
    finally:
        end(process, 30)
    assert process.returncode == 0


def test_make_simulator_prints_the_documented_lines_and_runs_the_documented_program(tmp_path: Path) -> None:
    folder, log = tmp_path / "local", tmp_path / "log"
    [port] = free_ports(1)
    env = {**os.environ, "LOCAL_FOLDER": str(folder), "SIMULATOR_PORT": str(port)}
    # This Python's environment, even if it is not the one that make would create.
    command = ["make", "-o", ".stamps/venv", f"BIN={Path(sys.executable).parent}", "simulator"]
    with log.open("w") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, process_group=0
        )
    try:
        wait_for(lambda: process.poll() is not None or '"ready"' in log.read_text(), 90)
        assert process.poll() is None, log.read_text()
        run_program(check_lines(log.read_text(), str(port), folder), tmp_path)
    finally:
        # As Ctrl-C in a terminal does.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        env = {"LOCAL_FOLDER": str(tmp_path / "stack"), "SIMULATOR_PORT": str(listener.getsockname()[1])}
        ended = subprocess.run(
            COMMAND, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
        )
    assert ended.returncode == 1
    assert "SIMULATOR_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
