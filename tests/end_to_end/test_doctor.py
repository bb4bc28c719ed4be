"""`make doctor` with a running stack: every check with the part's own credentials, and with wrong ones."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from testkit.processes import module_pid, part_environment
from testkit.stack import ROOT, Stack

COMMAND = [sys.executable, "-m", "tools.doctor"]
#: Seconds, on a machine that is busy with others.
PATIENCE = 360.0


def run(env: dict[str, str], *options: str) -> tuple[int, str]:
    """Return the exit code and the output."""
    ended = subprocess.run(
        [*COMMAND, *options], cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stdout


def test_a_running_stack_passes_and_a_job_shows_its_cost(stack: Stack) -> None:
    code, out = run(
        {name: text for name, text in stack.env.items() if name != "KAFKA_BOOTSTRAP_SERVERS"}, "--submit"
    )
    assert code == 0, out
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * 15
    assert lines[-1] == "all 15 checks passed"
    for part in ("gateway", "poller"):
        assert re.search(rf"^ok +{part} +documents +\d\d functions$", out, re.M)
        assert re.search(rf"^ok +{part} +OpenWhisk +\d\d actions at http", out, re.M)
    assert re.search(r"^ok +poller +result store +stored an object and read it$", out, re.M)
    assert re.search(r"^ok +gateway +result store +(read an object|can be read)$", out, re.M)
    assert re.search(r"^ok +poller +answers +healthy at http", out, re.M)
    assert re.search(
        r"^ok +gateway +a job +DONE on \S+ in [\d.]+ s; cost: \d\S* s of a device's time$", out, re.M
    )


def test_a_poller_that_is_stuck_is_named(stack: Stack) -> None:
    poller = module_pid(stack, "poller")
    os.kill(poller, signal.SIGSTOP)
    try:
        code, out = run(part_environment(stack, "poller"), "--part", "poller")
    finally:
        os.kill(poller, signal.SIGCONT)
    assert code == 1
    (failed,) = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert re.search(r"^FAIL +poller +answers +http://127\.0\.0\.1:\d+ cannot be reached", failed)


def test_wrong_credentials_are_named_with_the_fix(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    env = part_environment(stack, "poller") | {
        "WHISK_AUTH": "wrong-user:wrong-password",
        "SIMULATOR_API_KEY": "wrong-key",
        "POLLER_WORKERS": "many",
    }
    code, out = run(env, "--part", "poller")
    assert code == 1
    failed = re.findall(r"^FAIL +poller +(\S+) .*\n +-> (.+)$", out, re.M)
    assert [what for what, _ in failed] == ["settings", "OpenWhisk", "simulators"], out
    assert "rejects the key (401)" in out
    assert "SIMULATOR_API_KEY" in dict(failed)["simulators"]
    assert not [secret for secret in ("wrong-user", "wrong-password", "wrong-key") if secret in out]
    # A database, which the stack may have, has precedence over a folder.
    folder = {name: value for name, value in env.items() if not name.startswith("CLOUDANT_")}
    code, out = run(folder | {"CONFIG_FOLDER": str(tmp_path / "empty")}, "--part", "poller")
    assert "there are no config documents\n" in out
