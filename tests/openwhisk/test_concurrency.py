"""Several activations at a time in one container, if the action's limit allows it."""

from __future__ import annotations

import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from testkit.openwhisk import KEY, OpenWhisk, running, until
from tests.openwhisk.conftest import Start

#: Permits several activations at a time in one process.
SHARED = ("--max-action-concurrency", "10")

#: Returns when `of` activations are in this process at once, with the id of the process.
MEETING = (
    "import os, threading\n"
    "barriers = {}\n"
    "lock = threading.Lock()\n"
    "def main(p):\n"
    "    with lock:\n"
    "        barrier = barriers.setdefault(p['meeting'], threading.Barrier(p['of'], timeout=20))\n"
    "    barrier.wait()\n"
    "    print('met', p['n'])\n"
    "    return {'pid': os.getpid()}\n"
)

#: Reports that it has started, and runs until it is stopped.
STAYING = (
    "import os, pathlib, time\n"
    "def main(p):\n"
    "    folder = pathlib.Path(p['folder'])\n"
    "    (folder / f'in-{p[\"n\"]}').touch()\n"
    "    deadline = time.monotonic() + 40\n"
    "    while not (folder / 'go').exists() and time.monotonic() < deadline:\n"
    "        time.sleep(0.02)\n"
    "    return {'pid': os.getpid()}\n"
)


def meet(whisk: OpenWhisk, name: str, count: int, meeting: str, of: int) -> list[dict[str, Any]]:
    """Return the records of `count` simultaneous invocations, `of` of which meet."""

    def invoke(number: int) -> dict[str, Any]:
        answer = requests.post(
            f"{whisk.url}/namespaces/_/actions/{name}?blocking=true",
            json={"n": number, "of": of, "meeting": meeting},
            auth=(KEY.split(":")[0], KEY.split(":")[1]),
            timeout=40,
        )
        record: dict[str, Any] = answer.json()
        return record

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(invoke, range(count)))


def pids(records: list[dict[str, Any]]) -> set[int]:
    """Return the processes that the activations were in."""
    return {record["response"]["result"]["pid"] for record in records}


def test_activations_up_to_the_limit_share_a_process(start: Start) -> None:
    whisk = start(*SHARED)
    whisk.action("meet", MEETING, limits={"concurrency": 4})
    for meeting in ("cold", "warm"):
        records = meet(whisk, "meet", 4, meeting, 4)
        assert len(pids(records)) == 1, meeting
        # The activation of a line is unknown, but no line is lost.
        kept = [whisk.activation(record["activationId"]) for record in records]
        lines = [line.partition("stdout: ")[2] for record in kept for line in record["logs"]]
        assert sorted(lines) == [f"met {n}" for n in range(4)]
    assert whisk.numbers() == {"idle": 1, "busy": 0, "starting": 0, "waiting": 0}


def test_activations_over_the_limit_get_another_process(start: Start, tmp_path: Path) -> None:
    whisk = start(*SHARED, "--grow-after", "0")
    whisk.action("stay", STAYING, limits={"concurrency": 2})
    ids = [
        whisk.invoke("stay", {"n": n, "folder": str(tmp_path)}, "").json()["activationId"] for n in range(4)
    ]
    # All four run at the same moment.
    until(lambda: len(list(tmp_path.glob("in-*"))) == 4)
    assert whisk.numbers() == {"idle": 0, "busy": 2, "starting": 0, "waiting": 0}
    (tmp_path / "go").touch()
    records = [whisk.activation(activation_id) for activation_id in ids]
    assert sorted(Counter(record["response"]["result"]["pid"] for record in records).values()) == [2, 2]


def test_an_activation_that_times_out_ends_the_process_of_all(start: Start) -> None:
    whisk = start(*SHARED)
    whisk.action(
        "wait",
        "import os, time\ndef main(p):\n    time.sleep(p['wait'])\n    return {'pid': os.getpid()}\n",
        limits={"concurrency": 2, "timeout": 4000},
    )
    first = whisk.invoke("wait", {"wait": 0}, "blocking=true&result=true").json()["pid"]
    slow = whisk.invoke("wait", {"wait": 60}, "").json()["activationId"]
    time.sleep(0.7)
    caught = whisk.invoke("wait", {"wait": 60})
    assert "time limits of 4000" in whisk.activation(slow)["response"]["result"]["error"]
    assert "exited unexpectedly" in caught.json()["response"]["result"]["error"]
    until(lambda: not running(first))
    assert whisk.invoke("wait", {"wait": 0}, "blocking=true&result=true").json()["pid"] != first


def test_an_update_lets_current_activations_finish(start: Start) -> None:
    whisk = start(*SHARED)
    code = "import os, time\ndef main(p):\n    time.sleep(p['wait'])\n    return {'pid': os.getpid()}\n"
    whisk.action("wait", code, limits={"concurrency": 3})
    begun = [whisk.invoke("wait", {"wait": 3}, "").json()["activationId"] for _ in range(3)]
    until(lambda: whisk.numbers()["busy"] == 1)
    whisk.action("wait", code, limits={"concurrency": 3})
    new = whisk.invoke("wait", {"wait": 0}, "blocking=true&result=true").json()["pid"]
    old = {whisk.activation(item)["response"]["result"]["pid"] for item in begun}
    assert len(old) == 1
    assert new not in old
    until(lambda: not running(old.pop()) if old else True)
    assert whisk.stop(signal.SIGTERM) == 0
