"""The process from which workers are forked: it has Qiskit and Aer loaded, so that a new one costs little.

It must stay free of threads, since a forked process has only the thread that forked; so it never simulates.
Run by the service as ``python -m simulator.fork_server``, with the control socket's descriptor and the
settings.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import sys
from typing import Any

#: Bytes of one command: a letter, and a process id in decimal.
COMMAND_BYTES = 32
#: Memory a worker may take beside the simulated state, in MB.
ROOM_MB = 2048
#: prctl's request for a signal when the parent ends.
PR_SET_PDEATHSIG = 1


def quiet_threads() -> None:
    """Keep numerical libraries from starting threads when they are loaded."""
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[variable] = "1"
    # Aer's threads should sleep between jobs, not spin.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however the parent ends.

    Where there is no such request (not Linux), processes end when they find their sockets closed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def limit_memory(megabytes: int) -> None:
    """Bound what this process may allocate: what a simulation may take, and room for everything else.

    Aer refuses states that do not fit; this is for the rest, such as circuits that unpack to something huge.
    """
    if sys.platform == "linux":
        limit = (megabytes + ROOM_MB) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def serve(control: socket.socket, start_worker: Any) -> None:
    """Obey the service: fork a worker on a socket it sends, or kill one.

    A worker's process id cannot be taken over by another process before it is reaped here, so that killing by
    number is safe.
    """
    children: set[int] = set()
    while True:
        command, descriptors, _, _ = socket.recv_fds(control, COMMAND_BYTES, 1)
        for pid in list(children):
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                children.discard(pid)
        if not command:
            break
        if command[:1] == b"F":
            fork_server = os.getpid()
            pid = os.fork()
            if pid == 0:
                control.close()
                die_with_parent(fork_server)
                status = 1
                try:
                    start_worker(socket.socket(fileno=descriptors[0]))
                    status = 0
                finally:
                    sys.stderr.flush()
                    # Not sys.exit: a worker must not run what its parent registered for its own end.
                    os._exit(status)
            os.close(descriptors[0])
            children.add(pid)
        elif command[:1] == b"K":
            pid = int(command[1:])
            if pid in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                children.discard(pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


def main() -> None:
    """Load what workers need, then fork them on demand."""
    control = socket.socket(fileno=int(sys.argv[1]))
    die_with_parent(int(sys.argv[2]))
    # The service tells by the control socket when to end. Signals to the whole group, such as Ctrl-C in a
    # terminal, are the service's to act on, in its order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    quiet_threads()
    import orjson

    from .backends import catalog
    from .engine import Engine
    from .settings import Limits
    from .worker import Worker

    arguments = orjson.loads(sys.argv[3])
    backends = catalog(arguments["devices"])
    limits = Limits(**arguments["limits"])
    engine = Engine(backends, limits)

    def start_worker(sock: socket.socket) -> None:
        limit_memory(limits.max_memory_mb)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        engine.warm()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            Worker(engine, sock).serve()

    # Collected objects would be touched, hence copied, in every worker.
    gc.collect()
    gc.freeze()
    serve(control, start_worker)


if __name__ == "__main__":
    main()
