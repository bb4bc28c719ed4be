"""The README's commands work as they are printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.programs import path_of
from testkit.stack import ROOT, Stack


def test_curl_is_enough(stack: Stack) -> None:
    path_of("curl", "curl")
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


def snippet(stack: Stack, language: str, name: str, folder: Path) -> Path:
    """Write the README's only program in a language to the file that the README names, and return it."""
    text = (ROOT / "README.md").read_text()
    [program] = re.findall(rf"```{language}\n(.*?)```", text, re.S)
    assert program.count("http://127.0.0.1:8080") == 1
    assert f"Save as `{name}`" in text
    path = folder / name
    path.write_text(program.replace("http://127.0.0.1:8080", stack.gateway))
    return path


def test_the_javascript_example_hears_the_job_over_its_websocket(stack: Stack, tmp_path: Path) -> None:
    node = path_of("node", "nodejs")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60).stdout
    # As the README says: Node 20 has WebSocket, but only with this option.
    option = ["--experimental-websocket"] if int(version.lstrip("v").split(".")[0]) < 22 else []
    path = snippet(stack, "js", "snippet.mjs", tmp_path)
    done = subprocess.run([node, *option, str(path)], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 3) for line in done.stdout.splitlines()]
    assert [int(line[0]) for line in lines] == sorted({int(line[0]) for line in lines})
    assert {line[1] for line in lines} == {"grover"}
    assert lines[-1][2] == "DONE"
    assert lines[-1][3].startswith("3 (0011) was found in ")


def test_the_java_example_prints_the_final_event(stack: Stack, tmp_path: Path) -> None:
    java = path_of("java", "default-jdk-headless")
    path = snippet(stack, "java", "Snippet.java", tmp_path)
    done = subprocess.run([java, str(path)], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert event["status"] == "DONE"
    assert event["answer"]["summary"].startswith("3 (0011) was found in ")


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
