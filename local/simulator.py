"""`python -m local.simulator`: the simulator alone, for a person's own Qiskit programs, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from core.errors import QwhiskError
from core.local_folder import LOCAL_FOLDER, ROOT, SIMULATOR_KEY
from core.settings import SettingsTable, command_line
from local.environments import environment
from local.part import say
from local.settings import ADDRESS, PORTS, LocalSettings, python

TABLE = SettingsTable(
    "python -m local.simulator",
    "Runs the simulator alone, with the key of the local stack and jobs of its own, until Ctrl-C.",
    (PORTS["simulator"], LOCAL_FOLDER, ADDRESS),
)

#: The simulator accepts any instance; IBM's client requires the form.
_INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/local:local::"


def main() -> NoReturn:
    """Become the simulator's process, or exit with status 1."""
    source = command_line.parse(TABLE, sys.argv[1:], os.environ, dict)
    try:
        settings = LocalSettings.from_env(source)
        settings.check_port("simulator")
    except QwhiskError as error:
        say(f"qwhisk: {error.message}", sys.stderr)
        sys.exit(1)
    for line in account_lines(settings.url("simulator"), SIMULATOR_KEY.path(settings.folder)):
        say(line, sys.stdout)
    # The stack deletes the jobs in its own file when it starts.
    database = source.get("SIMULATOR_DATABASE") or str(settings.folder.resolve() / "own-programs.db")
    env = environment(settings, "simulator") | {"SIMULATOR_DATABASE": database}
    os.chdir(ROOT)
    # The command is this interpreter with a module of ours.
    os.execve(python(), [python(), "-m", "simulator"], env)  # noqa: S606


def account_lines(url: str, key: Path) -> list[str]:
    """Return what a person needs to use the simulator from Qiskit: lines for a shell, and one for Python.

    They do not contain the key itself, since a log may keep this output.
    """
    return [
        "For your own Qiskit programs (docs/simulator.md), in a shell:",
        f"  export IAM_URL={url} QISKIT_IBM_URL={url} QISKIT_FUNCTIONS_EXPERIMENTAL=1",
        f"  export QISKIT_IBM_INSTANCE={_INSTANCE}",
        f'  export QISKIT_IBM_TOKEN="$(cat {shlex.quote(str(key.resolve()))})"',
        "and in Python:",
        "  QiskitRuntimeService(url_resolver=lambda url, *_: url)",
    ]


if __name__ == "__main__":
    main()
