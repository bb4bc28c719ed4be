"""Fork action servers from one process that has the costly imports behind it (`--fork_server-fd`).

A process that is started anew for an action imports Qiskit and its client: two seconds and 180 MB. A forked
one is there at once and shares that memory. It has no threads and no connections: a fork would lack
the threads and share the connections. It obeys whoever holds the other end of its control socket, one JSON
message at a time:

    {"import": true}    import what algorithms need; answer: {}
    {"fork": {"env": {...}, "cwd": "..."}, "import": ...}
                        comes with descriptors for standard output, standard error, and the port: start an
                        action server with them; answer: {"pid": ...} with a pidfd, or {"error": "..."}
    {"reap": pid}       it has ended, and nobody will use its number any more; no answer

It ends, and its children with it, when the control socket is closed.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Bytes of a message: the environment of a process.
MAX_MESSAGE = 128 * 1024

#: What a new process is given: standard output, standard error, the descriptor that is told its port.
_DESCRIPTORS = 3

#: Its `warm_up` does what every algorithm would do at its start. Imported by name: this package knows no
#: Qiskit.
WARM_UP = "actions.framework.warm_up"


class ForkServer:
    """Serves one control socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._imported = False
        self._environment = dict(os.environ)

    def serve(self) -> bool:
        """Obey until the socket is closed: False. True, at once, in every process that was forked."""
        gc.freeze()
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE, _DESCRIPTORS)
            if not data:
                return False
            if self._obey(json.loads(data), descriptors):
                return True
            for descriptor in descriptors:
                os.close(descriptor)

    def _obey(self, message: dict[str, Any], descriptors: list[int]) -> bool:
        """Do what a message says; True in a process that was forked for it."""
        if message.get("import"):
            self._import()
        if "fork" in message:
            return self._fork(message["fork"], descriptors)
        if "reap" in message:
            os.waitpid(message["reap"], 0)
        else:
            self._control.sendall(b"{}")
        return False

    def _import(self) -> None:
        if self._imported:
            return
        self._imported = True
        try:
            importlib.import_module(WARM_UP).warm_up()
        except Exception:
            # The algorithm's own import will fail alike, in a process that can tell it to who invokes it.
            traceback.print_exc()
        gc.collect()
        # Objects that a collection looks at are written to, and so no longer shared.
        gc.freeze()

    def _fork(self, wanted: Mapping[str, Any], descriptors: list[int]) -> bool:
        """Fork and answer with the new process; True in it."""
        parent = os.getpid()
        try:
            threads = sum(1 for _ in Path("/proc/self/task").iterdir())
            if threads > 1:
                raise OSError(f"the fork server has {threads} threads, and a fork would lack all but one")
            pid = os.fork()
        except OSError as exc:
            self._control.sendall(json.dumps({"error": str(exc)}).encode())
            return False
        if pid == 0:
            self._control.close()
            # What the imports have set, as they would have set it in a process started anew.
            added = {key: value for key, value in os.environ.items() if key not in self._environment}
            _become(added | wanted["env"], wanted["cwd"], descriptors, parent)
            return True
        # Opened before anybody can have reaped it, so it is this process and no other.
        handle = os.pidfd_open(pid)
        socket.send_fds(self._control, [json.dumps({"pid": pid}).encode()], [handle])
        os.close(handle)
        return False


def _become(env: Mapping[str, str], cwd: str, descriptors: list[int], parent: int) -> None:
    """Make this fork what a process started anew would be."""
    os.setsid()
    out, err, ready = descriptors
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(env, QWHISK_READY_FD=str(ready), QWHISK_PARENT_PID=str(parent))
    time.tzset()
    # `python -m` puts the working directory first.
    before = str(Path.cwd())
    sys.path[:] = [cwd if entry == before else entry for entry in sys.path]
    os.chdir(cwd)
    # Found once and kept, in the parent.
    tempfile.tempdir = None
    # Python's own generator is seeded anew in a fork by itself; NumPy's would give all forks the same.
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()
    sys.argv[1:] = []
