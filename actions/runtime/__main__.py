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
from actions.runtime.fork_server import ForkServer
from actions.runtime.loader import Main, load_baked
from actions.runtime.parent_death import die_with
from actions.runtime.runner import Runner
from actions.runtime.server import Server
from actions.runtime.streams import Streams

#: Seconds that SIGTERM leaves the activation in hand. Docker and OpenWhisk kill after ten.
STOP_GRACE = 8

#: Variables that concern this server, not the action's code.
_OURS = ("QWHISK_READY_FD", "QWHISK_PARENT_PID", "QWHISK_ACTION_KEY")

EXIT_OK = 0
EXIT_CANNOT_LISTEN = 1


def main() -> int:
    """Serve the action interface until SIGTERM or SIGINT; return the exit code."""
    options = _options()
    if options.parent_pid:
        die_with(options.parent_pid)
    if options.fork_server_fd is not None:
        if not ForkServer(socket.socket(fileno=options.fork_server_fd)).serve():
            return EXIT_OK
        # From here on this is a fork, with the environment of a process started anew.
        options = _options()
        die_with(options.parent_pid)
    return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    streams = Streams()
    # The slow part, before anything listens: whoever can connect finds the imports done. What they make stays
    # until the end; the garbage collector need not look at it, now or during activations.
    gc.disable()
    algorithm = os.environ.get("QWHISK_ACTION")
    runner = Runner(streams, _import(algorithm) if algorithm else None)
    gc.freeze()
    gc.enable()
    try:
        kind = ConcurrentServer if os.environ.get("__OW_ALLOW_CONCURRENT") == "true" else Server
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
        epilog="QWHISK_ACTION=<name> bakes the algorithm actions.<name> in; unset is the bare base image. "
        "QWHISK_ACTION_KEY=<key>: requests must have the key in the header X-Qwhisk-Action-Key.",
    )
    env = {name: os.environ.pop(name, None) for name in _OURS}
    parser.add_argument(
        "--host",
        default=os.environ.get("QWHISK_ACTION_HOST") or "127.0.0.1",
        help="address to listen on (QWHISK_ACTION_HOST; default 127.0.0.1, the image sets 0.0.0.0)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("PORT") or "8080",
        help="port to listen on, 0 for any free one (PORT; default 8080)",
    )
    parser.add_argument(
        "--ready-fd",
        type=int,
        default=env["QWHISK_READY_FD"],
        help="file descriptor that is told the port, on one line, once requests are taken (QWHISK_READY_FD)",
    )
    parser.add_argument(
        "--parent-pid",
        type=int,
        default=env["QWHISK_PARENT_PID"],
        help="the process that starts this one, and with which it shall end (QWHISK_PARENT_PID)",
    )
    parser.add_argument(
        "--fork-server-fd",
        type=int,
        help="serve nothing, but fork servers for whoever holds the other end of this socket (Linux)",
    )
    # The key is no option: a command line can be read by every user of the machine.
    parser.set_defaults(key=env["QWHISK_ACTION_KEY"] or "")
    return parser.parse_args()


def _import(name: str) -> Callable[[], Main]:
    """Import the baked-in algorithm now; a failure is kept for /init, whose answer and log can tell it."""
    try:
        return functools.partial(_same, load_baked(name))
    except (Exception, SystemExit) as exc:
        return functools.partial(_raise, exc)


def _same(found: Main) -> Main:
    return found


def _raise(exc: BaseException) -> Main:
    raise exc


def _stop_on_signals(server: Server) -> None:
    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        server.stop()
        # The bound on the activation in hand; the kernel enforces it, whatever the action is doing.
        signal.alarm(STOP_GRACE)

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.set_wakeup_fd(server.wake_descriptor, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    # Not sys.exit: taking down what Qiskit has loaded takes half a second, and there is nothing left to do.
    os._exit(main())
