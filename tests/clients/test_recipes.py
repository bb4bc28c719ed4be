"""The first typed call in each language, as docs/client.md prints it: generate, write, run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.programs import path_of
from testkit.stack import Stack
from tests.clients.conftest import INSTALL, SHORT_LIVED_JAVA
from tests.conftest import IN_CI
from tests.printed import at, printed

DOCUMENT = "docs/client.md"
#: What pip, npm and Maven say if they reach no registry.
_UNREACHABLE = (
    "No matching distribution",
    "EAI_AGAIN",
    "ENOTFOUND",
    "ETIMEDOUT",
    "Could not transfer artifact",
)


def shell(folder: Path, lines: str) -> str:
    """Return what the lines print, in a shell in an empty folder; they have to succeed."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "QWHISK_URL"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    # The first `python3` on PATH may be too old, or that of the repository's environment.
    python = Path(sys.executable).resolve()
    env |= SHORT_LIVED_JAVA | {"PATH": f"{python.parent}:{env['PATH']}", "NO_PROXY": "127.0.0.1"}
    ended = subprocess.run(
        ["bash", "-euc", lines],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=INSTALL,
        stdin=subprocess.DEVNULL,
    )
    said = ended.stdout[-4000:] + ended.stderr[-4000:]
    if ended.returncode and not IN_CI and any(words in said for words in _UNREACHABLE):
        pytest.skip("no package registry in reach: connect to try the typed clients of docs/client.md")
    assert ended.returncode == 0, said
    return ended.stdout


@pytest.mark.timeout(2 * INSTALL)
def test_python(stack: Stack, tmp_path: Path) -> None:
    generate = at(stack.gateway, printed(DOCUMENT, "python3 -m venv"))
    (tmp_path / "typed.py").write_text(at(stack.gateway, printed(DOCUMENT, "from httpx import Timeout")))
    said = shell(tmp_path, f"{generate}\npython typed.py")
    assert "WARNING" not in said
    assert said.splitlines()[-1].startswith("3 (0011) was found in ")
    # What the document says of it: a type checker knows each field.
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-qwhisk_generated.*]\nignore_errors = True\n")
    shell(tmp_path, f"'{sys.executable}' -m mypy --strict --python-executable .venv/bin/python typed.py")


@pytest.mark.timeout(2 * INSTALL)
def test_typescript(stack: Stack, tmp_path: Path) -> None:
    path_of("node", "nodejs")
    path_of("npm", "npm")
    shell(tmp_path, at(stack.gateway, printed(DOCUMENT, "npm init")))
    (tmp_path / "typed.ts").write_text(at(stack.gateway, printed(DOCUMENT, "import createClient")))
    said = shell(tmp_path, printed(DOCUMENT, "npx tsc"))
    assert said.startswith("3 (0011) was found in ")


@pytest.mark.timeout(3 * INSTALL)
def test_java(stack: Stack, tmp_path: Path) -> None:
    path_of("javac", "default-jdk-headless")
    path_of("mvn", "maven")
    shell(tmp_path, at(stack.gateway, printed(DOCUMENT, "mvn -q dependency:copy")))
    program = at(stack.gateway, printed(DOCUMENT, "import java.math"))
    (tmp_path / "client/src/main/java/Typed.java").write_text(program)
    said = shell(tmp_path, printed(DOCUMENT, "cd client && mvn"))
    # Maven adds codes of colours.
    assert "3 (0011) was found in " in said
