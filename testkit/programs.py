"""Programs of the machine that tests run: none of their tests is skipped without a word."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

#: The programs that .ci/run could not install. It has said so, and their tests are skipped.
ABSENT = "ABSENT_PROGRAMS"


def path_of(command: str, package: str) -> str:
    """Return the path of a command. Without it, skip the test on a laptop, and fail in CI, which installs it.

    Args:
        command: the command.
        package: Debian's package that has it.
    """
    # The build of the page installs Node beside Python if the system has none.
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    found = shutil.which(command, path=path)
    if found is None:
        reason = f"no {command} on PATH (Debian: apt install {package})"
        in_ci = os.environ.get("CI", "").lower() in ("1", "true")
        if in_ci and command not in os.environ.get(ABSENT, "").split():
            pytest.fail(f"{reason}; .ci/run installs it")
        pytest.skip(reason)
    return found
