"""The README's programs work as they are printed, and those of the Python client's documents."""

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
from tests.clients.conftest import SHORT_LIVED
from tests.conftest import IN_CI
from tests.printed import at, printed

#: Seconds for installing the client.
INSTALL = 300
_DOCUMENTS = ("README.md", "docs/client.md")


def documents(json_stream: str) -> list[object]:
    """Return the JSON documents that follow one another in a text."""
    decoder, found, rest = json.JSONDecoder(), [], json_stream.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip()
    return found


def test_curl_is_enough(stack: Stack) -> None:
    path_of("curl", "curl")
    script = at(stack.gateway, printed("README.md", "TOKEN="))
    assert script.count("curl ") == 3
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    event, listed = documents(done.stdout)
    assert isinstance(event, dict)
    assert isinstance(listed, dict)
    assert event["status"] == "DONE"
    assert [entry["text"] for entry in event["answer"]["emoticons"]] == [":)", ":("]
    assert [job["process_job_id"] for job in listed["jobs"]] == [event["process_job_id"]]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` of a new environment in which the client is installed as the documents say."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALL)
    line = printed("docs/client.md", "pip install").strip()
    assert f"`{line}`" in (ROOT / "README.md").read_text()
    done = in_environment(folder / "bin", line, ROOT, INSTALL)
    if done.returncode and not IN_CI and "No matching distribution" in done.stderr:
        pytest.skip("pip reaches no package index: connect to try the installation of the client")
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def in_environment(
    binaries: Path, lines: str, folder: Path, timeout: float, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run lines of a shell with the commands of an environment, and nothing of the repository's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("QWHISK_", "PYTHON"))}
    env |= {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(
        ["bash", "-euc", lines],
        cwd=folder,
        env=env | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.mark.timeout(2 * INSTALL)
def test_less_than_ten_packages_are_installed(clean: Path, tmp_path: Path) -> None:
    done = in_environment(clean, "python -m pip list --format json", tmp_path, 120)
    names = {entry["name"].lower() for entry in json.loads(done.stdout)} - {"pip", "setuptools"}
    assert {"qwhisk-client", "httpx", "websockets"} <= names
    assert len(names) < 10, names


@pytest.mark.timeout(2 * INSTALL)
@pytest.mark.parametrize("document", [*_DOCUMENTS, "clients/python/README.md"])
def test_the_python_example_runs_as_printed(stack: Stack, clean: Path, document: str, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(at(stack.gateway, printed(document, "from qwhisk_client")))
    done = in_environment(clean, "exec python -W error example.py", tmp_path, 120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 (0011) was found in ")


@pytest.mark.timeout(2 * INSTALL)
@pytest.mark.parametrize("document", _DOCUMENTS)
def test_the_commands_run_as_printed(stack: Stack, clean: Path, document: str, tmp_path: Path) -> None:
    lines = printed(document, "qwhisk run")
    more = {"QWHISK_URL": stack.gateway, "QWHISK_CONFIG": str(tmp_path / "config")}
    done = in_environment(clean, lines, tmp_path, 150, **more)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 (0011) was found in ")
    # Each line has printed its result.
    assert len(re.findall(r" was found in ", done.stdout)) >= lines.count("qwhisk run")


def saved(stack: Stack, start: str, name: str, folder: Path) -> Path:
    """Write a program of the README to the file that the README names, and return it."""
    assert f"Save as `{name}`" in (ROOT / "README.md").read_text()
    path = folder / name
    path.write_text(at(stack.gateway, printed("README.md", start)))
    return path


def test_the_javascript_example_hears_the_job_over_its_websocket(stack: Stack, tmp_path: Path) -> None:
    path = saved(stack, 'const api = "http', "snippet.mjs", tmp_path)
    done = subprocess.run([*node(), str(path)], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 3) for line in done.stdout.splitlines()]
    assert [int(line[0]) for line in lines] == sorted({int(line[0]) for line in lines})
    assert {line[1] for line in lines} == {"grover"}
    assert lines[-1][2] == "DONE"
    assert lines[-1][3].startswith("3 (0011) was found in ")


def node() -> list[str]:
    """Return the command for a program with a WebSocket."""
    path = path_of("node", "nodejs")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60).stdout
    # As the README says: Node 20 has WebSocket, but only with this option.
    return [path, *(["--experimental-websocket"] if int(version.lstrip("v").split(".")[0]) < 22 else [])]


def test_the_java_example_prints_the_final_event(stack: Stack, tmp_path: Path) -> None:
    java = path_of("java", "default-jdk-headless")
    path = saved(stack, "import java.net", "Snippet.java", tmp_path)
    done = subprocess.run([java, *SHORT_LIVED, str(path)], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert event["status"] == "DONE"
    assert event["answer"]["summary"].startswith("3 (0011) was found in ")
