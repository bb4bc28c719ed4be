"""Fork servers for the tests: real processes with a few lines of code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

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
