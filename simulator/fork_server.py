"""The process from which workers are forked. It has imported Qiskit and Aer, so that a worker starts quickly.

It never simulates, since Aer would start threads, and a fork would lack them. The service runs it as
`python -m simulator.fork_server`; the argument is a JSON object with the devices and the limits.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import socket
import sys
from pathlib import Path

from core.processes.fork_server import ForkServer
from core.processes.messages import PARENT_OPTION, SOCKET_OPTION
from core.processes.parent_death import die_with_parent

#: MB that a worker may use besides the simulated state.
ROOM_MB = 2048


def limit_threads() -> None:
    """Keep numerical libraries from starting threads when they are loaded."""
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[variable] = "1"
    # Aer's threads sleep between jobs, instead of spinning.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def limit_memory(megabytes: int) -> None:
    """Limit what this process may allocate.

    Aer rejects states that are too large. This limit is for the rest, such as circuits that are huge when
    decoded.

    Args:
        megabytes: Size of the largest simulated state.
    """
    if sys.platform == "linux":
        limit = (megabytes + ROOM_MB) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main() -> None:
    """Import what workers need, then fork workers until the service ends."""
    parser = argparse.ArgumentParser(prog="python -m simulator.fork_server")
    parser.add_argument("settings")
    parser.add_argument(SOCKET_OPTION, type=int, required=True)
    parser.add_argument(PARENT_OPTION, type=int, required=True)
    options = parser.parse_args()
    die_with_parent(options.parent_pid, thread=False)
    # The service ends this process by its socket. It handles signals to the whole group, such as Ctrl-C in a
    # terminal, in its own order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    limit_threads()
    import orjson

    from .backends import catalog
    from .calibration import calibrated
    from .engine import Engine
    from .settings import SimulationLimits
    from .worker import SimulationWorker

    settings = orjson.loads(options.settings)
    limits = SimulationLimits(**settings["limits"])
    engine = Engine(catalog(settings["devices"]), limits)
    fork = ForkServer(socket.socket(fileno=options.fork_server_fd)).serve()
    if fork is None:
        return
    # This is a worker now.
    status = 1
    try:
        limit_memory(limits.max_memory_mb)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        engine.aer.warm()
        engine.costs = calibrated(None if settings["costs"] is None else Path(settings["costs"]))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            SimulationWorker(engine, socket.socket(fileno=fork.descriptors[0])).serve()
        status = 0
    finally:
        sys.stderr.flush()
        # Not sys.exit: a worker must not run the exit handlers of the fork server.
        os._exit(status)


if __name__ == "__main__":
    main()
