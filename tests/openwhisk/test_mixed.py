"""A thousand invocations, fifty at a time, of actions that misbehave in many ways."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from testkit.openwhisk import KEY, running, until
from testkit.stack import descendants
from tests.openwhisk.conftest import Start

INVOCATIONS, AT_A_TIME = 1000, 50
#: MB that the server may grow by from its 300th to its last invocation, because of the allocator.
GROWTH = 25

Judge = Callable[[int, dict[str, Any]], bool]


def _error(response: dict[str, Any]) -> str:
    return str(response["result"].get("error"))


#: Code, limits, and the expected answer, by the number that was sent.
ACTIONS: dict[str, tuple[str, dict[str, int], int, Judge]] = {
    "good": (
        "def main(p):\n    return {'n': p['n'] * 2}\n",
        {},
        200,
        lambda n, r: r["result"] == {"n": 2 * n} and r["status"] == "success",
    ),
    "unlucky": (
        "def main(p):\n    return {'error': p['n']}\n",
        {},
        502,
        lambda n, r: r["result"] == {"error": n} and r["status"] == "application error",
    ),
    "raises": (
        "def main(p):\n    raise ValueError(p['n'])\n",
        {},
        502,
        lambda n, r: _error(r) == str(n) and r["status"] == "application error",
    ),
    "crashes": (
        "import os, signal\n"
        "def main(p):\n    os.kill(os.getpid(), signal.SIGKILL if p['n'] % 2 else signal.SIGSEGV)\n",
        {},
        502,
        lambda _, r: "exited unexpectedly" in _error(r),
    ),
    "hangs": (
        "import time\ndef main(p):\n    time.sleep(100)\n",
        {"timeout": 300},
        502,
        lambda _, r: "time limits of 300 milliseconds" in _error(r),
    ),
    "talks": (
        "def main(p):\n    for _ in range(3000):\n        print('x' * 999)\n    return {'n': p['n']}\n",
        {"logs": 1},
        200,
        lambda n, r: r["result"] == {"n": n},
    ),
    "returns too much": (
        "def main(p):\n    return {'n': 'x' * 2_000_000}\n",
        {},
        502,
        lambda _, r: "exceeded the allowed length" in _error(r),
    ),
    "starts others": (
        "import subprocess\n"
        "def main(p):\n"
        "    with open(p['file'], 'a') as file:\n"
        "        file.write(f\"{subprocess.Popen(['sleep', '300']).pid}\\n\")\n"
        "    return {'n': p['n']}\n",
        {},
        200,
        lambda n, r: r["result"] == {"n": n},
    ),
}


def resident(pid: int) -> float:
    """Return the memory of a process in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def descriptors(pid: int) -> int:
    """Return the number of files that a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.timeout(600)
def test_a_thousand_invocations_of_actions_that_misbehave(start: Start, tmp_path: Path) -> None:
    whisk = start("--max-processes", "8", "--activation-bytes", str(4 * 1024 * 1024))
    for name, (code, limits, _, _) in ACTIONS.items():
        whisk.action(name, code, limits={"memory": 128, **limits})
    pid_file = tmp_path / "pids"
    pid_file.touch()
    names = list(ACTIONS) * (INVOCATIONS // len(ACTIONS))
    random.Random(7).shuffle(names)
    local = threading.local()
    logs_seen: list[int] = []

    def invoke(number: int) -> str:
        """Invoke one; return "" if the answer is right."""
        name = names[number]
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.auth = tuple(KEY.split(":"))
            local.session.trust_env = False
        _, _, status, judge = ACTIONS[name]
        body = {"n": number, "file": str(pid_file)}
        url = f"{whisk.url}/namespaces/_/actions/{name}?blocking=true"
        answer = local.session.post(url, json=body, timeout=60)
        document = answer.json()
        if answer.status_code != status or not judge(number, document["response"]):
            return f"{name}: {answer.status_code} {str(document)[:300]}"
        if name != "talks":
            return ""
        kept = local.session.get(
            f"{whisk.url}/namespaces/_/activations/{document['activationId']}/logs", timeout=60
        )
        if kept.status_code == 404:
            return ""  # Others have taken its place since.
        lines = kept.json()["logs"]
        logs_seen.append(len(lines))
        return "" if "truncated" in lines[-1] else f"{name}: {len(lines)} lines"

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        wrong = list(pool.map(invoke, range(300)))
        before, open_before = resident(whisk.process.pid), descriptors(whisk.process.pid)
        wrong += pool.map(invoke, range(300, INVOCATIONS))
    assert Counter(filter(None, wrong)) == {}
    assert logs_seen
    until(lambda: whisk.numbers()["busy"] == whisk.numbers()["starting"] == 0)
    after = resident(whisk.process.pid)
    print(f"the server's memory: {before:.0f} MB after 300 invocations, {after:.0f} MB after {INVOCATIONS}")
    assert after - before < GROWTH
    assert descriptors(whisk.process.pid) <= open_before + 8

    # What remains belongs to idle containers, or is the fork server; all of it ends with the server.
    idle = whisk.numbers()["idle"]
    started = [int(line) for line in pid_file.read_text().split()]
    left = [pid for pid in descendants(whisk.process.pid) if running(pid)]
    assert len([pid for pid in left if pid not in started]) <= idle + 1
    assert whisk.stop() == 0
    until(lambda: not any(running(pid) for pid in (*left, *started)))
    assert [entry.name for entry in whisk.folder.iterdir()] == ["log"]
    assert "Traceback" not in whisk.own_log()
