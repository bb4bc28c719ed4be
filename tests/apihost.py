"""`python -m tests.apihost ARGUMENTS`: run pytest against an OpenWhisk that the tests did not start.

It is the local one, with a generated key and namespace, and the tests get it as they would get any other: by
WHISK_APIHOST and WHISK_AUTH. OPENWHISK_CONTAINERS and related variables define how it runs actions.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from testkit.openwhisk import OpenWhisk


def main() -> int:
    """Start it, run pytest, end it; return pytest's exit code."""
    key = f"{secrets.token_hex(16)}:{secrets.token_urlsafe(32)}"
    with tempfile.TemporaryDirectory() as folder:
        whisk = OpenWhisk(Path(folder), "--namespace", "elsewhere", WHISK_AUTH=key)
        try:
            given = {"WHISK_APIHOST": whisk.url.removesuffix("/api/v1"), "WHISK_AUTH": key}
            print(f"an OpenWhisk for the tests at {given['WHISK_APIHOST']}", flush=True)
            return subprocess.run(
                [sys.executable, "-m", "pytest", *sys.argv[1:]], env={**os.environ, **given}
            ).returncode
        finally:
            whisk.close()


if __name__ == "__main__":
    sys.exit(main())
