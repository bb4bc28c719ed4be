"""The action server: `python -m actions.runtime`, the entry point of every action image."""

from __future__ import annotations

import argparse
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

from actions.runtime.concurrent import ConcurrentServer
from actions.runtime.fork_server import serve_forks
from actions.runtime.loader import Main, load_baked
from actions.runtime.runner import Runner
from actions.runtime.server import SerialServer
from actions.runtime.streams import Streams
from core.openwhisk.action_server import (
    ALGORITHM_VARIABLE,
    CONCURRENT_VARIABLE,
    HOST_VARIABLE,
    KEY_HEADER,
    KEY_VARIABLE,
    PARENT_VARIABLE,
    PORT_VARIABLE,
    READY_VARIABLE,
)
from core.processes.messages import PARENT_OPTION, SOCKET_OPTION
from core.processes.parent_death import die_with_parent

#: Seconds that the current activation has to end after SIGTERM. Docker and OpenWhisk kill after ten.
STOP_GRACE = 8

#: Variables for this server, which the action's code does not see.
_SERVER_VARIABLES = (READY_VARIABLE, PARENT_VARIABLE, KEY_VARIABLE)

EXIT_OK = 0
EXIT_CANNOT_LISTEN = 1


def main() -> int:
    """Serve the action interface until SIGTERM or SIGINT; return the exit code."""
    options = _options()
    if options.parent_pid:
        die_with_parent(options.parent_pid)
    if options.fork_server_fd is not None:
        if not serve_forks(socket.socket(fileno=options.fork_server_fd)):
            return EXIT_OK
        # This is a fork now, with the environment of a new process.
        options = _options()
    return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    streams = Streams()
    # The imports are slow, so they are done before the server listens. Their objects live until the process
    # ends: the garbage collector does not have to examine them, now or during activations.
    gc.disable()
    algorithm = os.environ.get(ALGORITHM_VARIABLE)
    runner = Runner(streams, _import(algorithm) if algorithm else None)
    gc.freeze()
    gc.enable()
    try:
        kind = ConcurrentServer if os.environ.get(CONCURRENT_VARIABLE) == "true" else SerialServer
        server = kind(options.host, options.port, runner.handle, options.key)
    except (OSError, OverflowError) as exc:
        sys.stderr.write(f"action server: cannot listen on {options.host}:{options.port}: {exc}\n")
        return EXIT_CANNOT_LISTEN
    _stop_on_signals(server)
    if options.ready_fd is not None:
        os.write(options.ready_fd, f"{server.port}\n".encode())
        os.close(options.ready_fd)
    server.serve()
    streams.flush()
    return EXIT_OK


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m actions.runtime",
        description="Serve one action over OpenWhisk's action interface (/init and /run).",
        epilog=f"{ALGORITHM_VARIABLE}=<name> serves the algorithm actions.<name>; or else /init brings code. "
        f"{KEY_VARIABLE}=<key>: requests must have the key in the header {KEY_HEADER}.",
    )
    env = {name: os.environ.pop(name, None) for name in _SERVER_VARIABLES}
    parser.add_argument(
        "--host",
        default=os.environ.get(HOST_VARIABLE) or "127.0.0.1",
        help=f"address to listen on ({HOST_VARIABLE}; default 127.0.0.1, the image sets 0.0.0.0)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get(PORT_VARIABLE) or "8080",
        help=f"port to listen on, 0 for any free port ({PORT_VARIABLE}; default 8080)",
    )
    parser.add_argument(
        "--ready-fd",
        type=int,
        default=env[READY_VARIABLE],
        help="file descriptor to which the port is written, on one line, once requests are accepted "
        f"({READY_VARIABLE})",
    )
    parser.add_argument(
        PARENT_OPTION,
        type=int,
        default=env[PARENT_VARIABLE],
        help=f"process id of the parent; this process ends with it ({PARENT_VARIABLE})",
    )
    parser.add_argument(
        SOCKET_OPTION,
        type=int,
        help="do not serve an action, but fork servers for the process at the other end of this socket",
    )
    # The key is not an option, since all users of a machine can read command lines.
    parser.set_defaults(key=env[KEY_VARIABLE] or "")
    return parser.parse_args()


def _import(name: str) -> Callable[[], Main]:
    """Import the image's algorithm.

    Args:
        name: the algorithm's.

    Returns:
        A function that returns its `main`. If the import fails, the function raises the error, so that /init
        can report it.
    """
    try:
        return functools.partial(_return, load_baked(name))
    except (Exception, SystemExit) as exc:
        return functools.partial(_raise, exc)


def _return(main: Main) -> Main:
    return main


def _raise(exc: BaseException) -> Main:
    raise exc


def _stop_on_signals(server: SerialServer) -> None:
    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        server.stop()
        # The current activation's time limit. The kernel enforces it, even while the action runs C code.
        signal.alarm(STOP_GRACE)

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.set_wakeup_fd(server.wake_descriptor, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    # Not sys.exit: unloading Qiskit takes half a second, and nothing is left to do.
    os._exit(main())
