"""Fork servers for the tests: real processes with a few lines of code."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.processes.fork_server_client import ForkServerClient

ROOT = Path(__file__).resolve().parents[3]

#: Each fork writes its arguments to the descriptor that it was given, then waits for a signal.
SERVER = """
import argparse, json, os, signal, socket, sys, threading, time
from core.processes.fork_server import ForkServer
from core.processes.parent_death import die_with_parent
parser = argparse.ArgumentParser()
parser.add_argument("--fork-server-fd", type=int)
parser.add_argument("--parent-pid", type=int)
options = parser.parse_args()
die_with_parent(options.parent_pid)
warmed = []
def warm_up():
    warmed.append(True)
    {warm_up}
{before}
fork = ForkServer(socket.socket(fileno=options.fork_server_fd), warm_up).serve()
if fork is not None:
    report = dict(fork.arguments, warmed=len(warmed), parent=os.getppid())
    os.write(fork.descriptors[0], json.dumps(report).encode() + b"\\n")
    os.close(fork.descriptors[0])
    signal.pause()
"""


@contextlib.asynccontextmanager
async def serving(before: str = "", warm_up: str = "pass") -> AsyncIterator[ForkServerClient]:
    """A fork server that runs the first statements before it serves, and the second to warm up."""
    code = SERVER.replace("{before}", before).replace("{warm_up}", warm_up)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    client = await ForkServerClient.start([sys.executable, "-c", code], environment)
    try:
        yield client
    finally:
        client.close()
        await client.process.wait()


def running(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("the condition does not hold")
        time.sleep(0.01)
