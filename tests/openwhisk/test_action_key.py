"""An action's process serves only the platform that has started it, and no other user of the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from testkit.openwhisk import OpenWhisk
from testkit.sockets import listening_at
from tests.openwhisk.conftest import Start

#: What an action sees of itself, and what the request contained.
SELF = (
    "import os\nfrom pathlib import Path\ndef main(p):\n"
    "    return {'pid': os.getpid(), 'env': dict(os.environ), 'given': p,\n"
    "            'argv': Path('/proc/self/cmdline').read_text()}\n"
)


@pytest.fixture(params=["1", "0"], ids=["forked", "spawned"])
def server(start: Start, request: pytest.FixtureRequest) -> OpenWhisk:
    """A separate server that forks its processes, or starts each from the command."""
    return start("--fork-server", request.param, "--max-action-concurrency", "5")


@pytest.mark.parametrize("concurrency", [1, 5])
def test_a_request_without_the_key_of_the_process_is_refused(
    server: OpenWhisk, name: str, concurrency: int
) -> None:
    server.action(name, SELF, limits={"concurrency": concurrency})
    mine = server.invoke(name, query="blocking=true&result=true").json()
    ports = {port for _, port in listening_at([mine["pid"]])}
    assert len(ports) == 1
    for path in ("/run", "/init"):
        for headers in ({}, {"X-Qwhisk-Action-Key": ""}, {"X-Qwhisk-Action-Key": "guessed"}):
            url = f"http://127.0.0.1:{min(ports)}{path}"
            answer = requests.post(url, json={"value": {"n": 1}}, headers=headers, timeout=20)
            assert (answer.status_code, "platform" in answer.json()["error"]) == (403, True)
    # It still serves its platform, and is the same process.
    again = server.invoke(name, {"n": 2}, "blocking=true&result=true").json()
    assert (again["pid"], again["given"]) == (mine["pid"], {"n": 2})


def test_neither_the_actions_code_nor_a_command_line_has_the_key(server: OpenWhisk, name: str) -> None:
    server.action(name, SELF)
    mine = server.invoke(name, query="blocking=true&result=true").json()
    assert "QWHISK_ACTION_KEY" not in mine["env"]
    assert "key" not in mine["argv"].lower()


def test_each_process_has_a_different_key(start: Start, name: str) -> None:
    whisk = start("--fork-server", "0")
    keys = set()
    for number in range(3):
        whisk.action(f"{name}-{number}", SELF)
        pid = whisk.invoke(f"{name}-{number}", query="blocking=true&result=true").json()["pid"]
        entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
        keys |= {entry for entry in entries if entry.startswith("QWHISK_ACTION_KEY=")}
    assert len(keys) == 3
    assert all(len(key) > 40 for key in keys)
    assert not any(key.partition("=")[2] in json.dumps(whisk.log()) for key in keys)
