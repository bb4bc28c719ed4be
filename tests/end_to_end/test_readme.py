"""The README's commands work as they are printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.stack import ROOT, Stack


def test_curl_is_enough(stack: Stack) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on PATH: install it to try the README's lines")
    text = (ROOT / "README.md").read_text()
    [lines] = re.findall(r"```sh\n(TOKEN=.*?)```", text, re.S)
    assert lines.count("curl ") == 3
    script = lines.replace("http://127.0.0.1:8080", stack.gateway)
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    decoder, results, rest = json.JSONDecoder(), [], done.stdout.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        results.append(value)
        rest = rest[end:].lstrip()
    event, listed = results
    assert event["status"] == "DONE"
    assert [entry["text"] for entry in event["answer"]["emoticons"]] == [":)", ":("]
    assert [job["process_job_id"] for job in listed["jobs"]] == [event["process_job_id"]]


@pytest.mark.parametrize("document", ["README.md", "docs/client.md", "clients/python/README.md"])
def test_the_python_example_runs_as_printed(stack: Stack, document: str) -> None:
    text = (ROOT / document).read_text()
    [example] = re.findall(r"```python\n(from qwhisk_client .*?)```", text, re.S)
    assert example.count("http://127.0.0.1:8080") == 1
    program = example.replace("http://127.0.0.1:8080", stack.gateway)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=_env(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 (0011) was found in ")


@pytest.mark.parametrize("document", ["README.md", "docs/client.md"])
def test_the_commands_run_as_printed(stack: Stack, document: str, tmp_path: Path) -> None:
    text = (ROOT / document).read_text()
    [lines] = re.findall(r"```sh\n((?:(?:echo|qwhisk run) .*\n)+)```", text)
    # Stands for the program that pip makes of the same entry point.
    program = tmp_path / "qwhisk"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qwhisk_client "$@"\n')
    program.chmod(0o755)
    env = _env() | {"QWHISK_URL": stack.gateway, "QWHISK_CONFIG": str(tmp_path / "config")}
    env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"
    done = subprocess.run(["bash", "-euc", lines], env=env, capture_output=True, text=True, timeout=150)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 (0011) was found in ")


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")}
