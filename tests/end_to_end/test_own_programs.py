"""A person's own Qiskit program, with the lines that the running stack prints for it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from testkit.stack import Stack
from tests.printed import printed


def check_lines(said: str, port: str, folder: Path) -> list[str]:
    """Return the lines for a shell in an output, which have to be those of the documentation."""
    lines = re.findall(r"^ *(export .*)$", said, re.M)
    address = f"http://127.0.0.1:{port}"
    written = printed("docs/simulator.md", "export IAM_URL").replace("http://127.0.0.1:8090", address)
    assert "\n".join(lines) == written.replace(".local/", f"{folder.resolve()}/").strip()
    return lines


def run_program(lines: list[str], folder: Path) -> None:
    """Run the program of the documentation after the lines, in a shell that has nothing else."""
    (folder / "bell.py").write_text(printed("docs/simulator.md", "from qiskit import"))
    done = subprocess.run(
        ["bash", "-euc", "\n".join([*lines, f"exec '{sys.executable}' -W ignore bell.py"])],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    counts = ast.literal_eval(done.stdout.splitlines()[-1])
    assert sum(counts.values()) == 1024
    assert counts["00"] + counts["11"] > 900


def test_the_program_in_the_documentation_runs_with_the_printed_lines(stack: Stack, tmp_path: Path) -> None:
    run_program(check_lines(stack.output(), stack.env["SIMULATOR_PORT"], stack.folder), tmp_path)
