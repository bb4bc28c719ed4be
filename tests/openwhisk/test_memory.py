"""The memory limit of actions that run as processes: an action over it is ended, and no other."""

from __future__ import annotations

import sys

import pytest

from testkit.openwhisk import OpenWhisk, running, until
from tests.openwhisk.conftest import Start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc reports the memory of a process")

EXHAUSTED = {"error": "The action exhausted its memory and was aborted."}
GROW = (
    "import os, subprocess, sys, threading, time\n"
    "def grow():\n"
    "    kept = []\n"
    "    while True:\n"
    "        kept.append(b'x' * 10_000_000)\n"
    "        time.sleep(0.005)\n"
)

#: Code that exceeds 128 MB.
GREEDY = {
    "alone": GROW + "def main(p):\n    grow()\n",
    "at its import": GROW + "grow()\n",
    "in a process that it starts": (
        f"import subprocess, sys\nCODE = {GROW!r} + 'grow()'\n"
        "def main(p):\n    subprocess.run([sys.executable, '-c', CODE])\n"
    ),
}

#: Code that uses much memory, but less than 128 MB.
MODEST = {
    "threads and address space": (
        "import mmap, threading, time\n"
        "def main(p):\n"
        "    reserved = mmap.mmap(-1, 4 * 1024 ** 3)\n"
        "    threads = [threading.Thread(target=time.sleep, args=(0.5,)) for _ in range(100)]\n"
        "    [thread.start() for thread in threads]\n"
        "    [thread.join() for thread in threads]\n"
        "    return {'reserved': len(reserved)}\n"
    ),
    "pages that several processes share": (
        "import os, time\n"
        "def main(p):\n"
        "    kept = [b'x' * 1_000_000 for _ in range(80)]\n"
        "    children = []\n"
        "    for _ in range(4):\n"
        "        child = os.fork()\n"
        "        if not child:\n"
        "            time.sleep(0.5)\n"
        "            os._exit(0)\n"
        "        children.append(child)\n"
        "    return {'ended': [os.waitpid(child, 0)[1] for child in children]}\n"
    ),
}


@pytest.mark.parametrize("how", GREEDY)
def test_an_action_over_the_limit_is_ended_and_informed(whisk: OpenWhisk, name: str, how: str) -> None:
    whisk.action(name, GREEDY[how], limits={"memory": 128})
    answer = whisk.invoke(name)
    assert answer.status_code == 502, answer.text
    response = answer.json()["response"]
    assert (response["status"], response["result"]) == ("action developer error", EXHAUSTED)
    whisk.action(name, "import os\ndef main(p):\n    return {'pid': os.getpid()}\n", limits={"memory": 128})
    assert whisk.invoke(name).status_code == 200


@pytest.mark.parametrize("how", MODEST)
def test_an_action_under_the_limit_continues(whisk: OpenWhisk, name: str, how: str) -> None:
    whisk.action(name, MODEST[how], limits={"memory": 128})
    answer = whisk.invoke(name)
    assert answer.status_code == 200, answer.text


def test_the_fork_servers_imports_are_not_counted(start: Start) -> None:
    whisk = start()
    # It makes the fork server import what algorithms need, which exceeds 128 MB.
    whisk.ask("PUT", "/actions/smile", {"exec": {"kind": "blackbox", "image": "qwhisk/smile_super_position"}})
    whisk.invoke("smile", {"backend_type": 1})
    modest = (
        "import os, sys, time\n"
        "def main(p):\n"
        "    kept = b'x' * 60_000_000\n"
        "    time.sleep(0.5)\n"
        "    return {'pid': os.getpid(), 'warm': 'qiskit' in sys.modules, 'kept': len(kept)}\n"
    )
    whisk.action("modest", modest, limits={"memory": 128})
    answer = whisk.invoke("modest", query="blocking=true&result=true").json()
    assert (answer["warm"], answer["kept"]) == (True, 60_000_000)
    assert running(answer["pid"])
    whisk.action("greedy", GREEDY["alone"], limits={"memory": 128})
    assert whisk.invoke("greedy", query="blocking=true&result=true").json() == EXHAUSTED


def test_an_action_that_grows_while_idle_is_ended(whisk: OpenWhisk, name: str) -> None:
    later = (
        "def main(p):\n"
        "    threading.Thread(target=grow, daemon=True).start()\n"
        "    return {'pid': os.getpid()}\n"
    )
    whisk.action(name, GROW + later, limits={"memory": 128})
    pid = whisk.invoke(name, query="blocking=true&result=true").json()["pid"]
    until(lambda: not running(pid), 30)
