"""`make locks`: write what the images install, with hashes, from the requirements of the parts.

All packages have the versions of the environment in which the tests run, if they are there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The folders with a requirements.txt from which an image, or the build of the page, installs.
PARTS = ("actions", "gateway", "poller", "simulator", "web")
NAME = "requirements.lock"
HEAD = "# Made by `make locks`: what is installed into the image, with the hashes of all files.\n"
#: Seconds for one file.
TIMEOUT = 300


def main() -> int:
    """Write all files; return the exit code."""
    freeze = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    tested = subprocess.run(freeze, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "tested.txt"
        constraints.write_text(tested)
        for part in PARTS:
            (ROOT / part / NAME).write_text(HEAD + _locked(part, constraints))
            print(f"{part}/{NAME}")
    return 0


def _locked(part: str, constraints: Path) -> str:
    # For all platforms, and all versions of Python from the oldest on.
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        "3.11",
    ]
    command += ["--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url"]
    command += ["--constraint", str(constraints), f"{part}/requirements.txt"]
    return subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
