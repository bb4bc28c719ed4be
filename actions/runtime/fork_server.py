"""Serve forks of the action server (`--fork-server-fd`).

The fork server itself is `core/processes/fork_server.py`. This module imports what algorithms need, and
turns a fork into a process like one that was started for its action.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from core.openwhisk.action_server import READY_VARIABLE, ServerFork
from core.processes.fork_server import ForkServer

#: Its `warm_up` does what every algorithm does at its start. Imported by name: this package imports no
#: Qiskit.
WARM_UP = "actions.framework.warm_up"


def serve_forks(control: socket.socket) -> bool:
    """Serve a client's requests until it closes its end of the socket.

    Args:
        control: the fork server's end.

    Returns:
        True in every process that was forked, which is then to serve its action; False in the fork server.
    """
    environment = dict(os.environ)
    fork = ForkServer(control, _warm_up).serve()
    if fork is None:
        return False
    # The imports set these variables, and would do so in a new process.
    added = {name: value for name, value in os.environ.items() if name not in environment}
    _set_up_process(ServerFork.from_arguments(fork.arguments), added, fork.descriptors)
    return True


def _warm_up() -> None:
    importlib.import_module(WARM_UP).warm_up()


def _set_up_process(fork: ServerFork, added: Mapping[str, str], descriptors: list[int]) -> None:
    """Make this process what a new one would be."""
    os.setsid()
    out, err, ready = descriptors
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((null, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(added)
    os.environ.update(fork.environment)
    os.environ[READY_VARIABLE] = str(ready)
    time.tzset()
    # `python -m` puts the working directory first.
    previous = str(Path.cwd())
    sys.path[:] = [fork.folder if entry == previous else entry for entry in sys.path]
    os.chdir(fork.folder)
    # The fork server has computed and cached it.
    tempfile.tempdir = None
    # Python reseeds its own generator in a fork. NumPy does not, and all forks would draw the same numbers.
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()
    sys.argv[1:] = []
