"""The environments of the running processes: each secret is only in those of the parts that use it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.local_folder import OPENWHISK_KEY
from testkit.processes import action_pids, module_pid, part_environment
from testkit.stack import GIVEN_WHISK, Stack, descendants

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads environments in /proc")


def environment_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.skipif(GIVEN_WHISK != "", reason="OpenWhisk is not a part of this stack")
def test_each_secret_is_in_the_environment_of_the_parts_that_use_it(stack: Stack) -> None:
    stack.client().smile()
    secrets = {
        "GATEWAY_SECRET": part_environment(stack, "gateway")["GATEWAY_SECRET"],
        "SIMULATOR_API_KEY": part_environment(stack, "simulator")["SIMULATOR_API_KEY"],
        "WHISK_AUTH": OPENWHISK_KEY.key(stack.folder),
    }
    modules = {
        name: module_pid(stack, name) for name in ("gateway", "poller", "simulator", "local.openwhisk")
    }
    groups = {name: [pid, *descendants(pid)] for name, pid in modules.items()}
    groups["action"] = action_pids(stack)
    groups["local.openwhisk"] = [pid for pid in groups["local.openwhisk"] if pid not in groups["action"]]
    known = {pid for pids in groups.values() for pid in pids}
    groups["broker"] = [pid for pid in stack.descendants() if pid not in known]
    assert groups["action"]
    assert groups["broker"]
    holders = {
        name: {group for group, pids in groups.items() if any(value in environment_of(pid) for pid in pids)}
        for name, value in secrets.items()
    }
    assert holders == {
        "GATEWAY_SECRET": {"gateway"},
        "SIMULATOR_API_KEY": {"simulator", "poller"},
        "WHISK_AUTH": {"gateway", "poller", "local.openwhisk"},
    }
