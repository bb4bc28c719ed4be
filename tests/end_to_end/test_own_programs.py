"""A person's own Qiskit program, with the lines that the running stack prints for it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from testkit.stack import ROOT, Stack


def test_the_program_in_the_documentation_runs_with_the_printed_lines(stack: Stack, tmp_path: Path) -> None:
    printed = re.findall(r"^ *(export .*)$", stack.output(), re.M)
    text = (ROOT / "docs" / "simulator.md").read_text()
    [documented] = re.findall(r"```sh\n(export .*?)```", text, re.S)
    address = f"http://127.0.0.1:{stack.env['SIMULATOR_PORT']}"
    written = documented.replace("http://127.0.0.1:8090", address)
    assert "\n".join(printed) == written.replace(".local/", f"{stack.folder.resolve()}/").strip()

    [program] = re.findall(r"```python\n(.*?)```", text, re.S)
    (tmp_path / "bell.py").write_text(program)
    lines = [*printed, f"exec '{sys.executable}' -W ignore bell.py"]
    done = subprocess.run(
        ["bash", "-euc", "\n".join(lines)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    counts = ast.literal_eval(done.stdout.splitlines()[-1])
    assert sum(counts.values()) == 1024
    assert counts["00"] + counts["11"] > 900
