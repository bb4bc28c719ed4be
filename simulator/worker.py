"""A worker process: decodes a job, checks it, runs it, encodes its result. One job at a time."""

from __future__ import annotations

import signal
import socket
import sys
import time
import traceback
from typing import Any

import numpy as np
import orjson

from . import frames
from .engine import Engine
from .errors import InvalidJob, SimulationError
from .programs import load
from .simulation_plan import LARGE_SECONDS

#: Seconds beyond a job's limit after which a worker's own alarm ends it. The service kills it earlier; the
#: alarm is for a worker without a service.
ALARM_SLACK = 5.0
#: Seconds below which a job is not reported as accepted before it is done: the message would cost as much.
QUICK_SECONDS = 3e-3


class SimulationWorker:
    """Runs the tasks of one connection.

    Args:
        engine: Runs circuits.
        sock: The connection to the service.
    """

    def __init__(self, engine: Engine, sock: socket.socket) -> None:
        self._engine = engine
        self._sock = sock

    def serve(self) -> None:
        """Run tasks until the service closes the connection."""
        self._send({"t": "hello"})
        receiver = frames.FrameReader(self._sock)
        while (message := receiver.receive()) is not None:
            header, body = message
            # The default action of SIGALRM ends the process, even during a long call into Aer.
            signal.setitimer(signal.ITIMER_REAL, header["seconds"] + ALARM_SLACK)
            self._answer(header, body)
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _send(self, header: dict[str, Any], body: bytes = b"") -> None:
        self._sock.sendall(frames.encode(header, body))

    def _answer(self, header: dict[str, Any], body: bytes) -> None:
        try:
            self._run(header, body)
        except InvalidJob as error:
            self._send({"t": "refused", "message": error.message, "code": error.code, "status": error.status})
        except SimulationError as error:
            self._send({"t": "failed", "message": error.message, "code": error.code})
        except MemoryError:
            self._send({"t": "failed", "message": "The simulation ran out of memory.", "code": 6001})
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            message = f"The simulator had an unexpected error: {type(error).__name__}."
            self._send({"t": "failed", "message": message, "code": 9999})

    def _run(self, header: dict[str, Any], body: bytes) -> None:
        started = time.perf_counter()
        request = orjson.loads(body)
        backend = self._engine.backends[header["backend"]]
        self._engine.aer.large_threads = header["threads"]
        rng = np.random.default_rng(header.get("seed"))
        program = load(self._engine, backend, request["program_id"], request["params"], rng)
        large = program.seconds > LARGE_SECONDS
        verdict = {
            "large": large,
            "seconds": program.seconds,
            "shots": program.total_shots,
            "circuits": program.total_circuits,
            "rep_delay": program.rep_delay,
            "ignored_options": program.ignored_options,
            "simulator": program.simulator,
        }
        if header["check"]:
            self._send({"t": "checked", **verdict})
            return
        if large and not header["may_be_large"]:
            self._send({"t": "deferred", **verdict})
            return
        quick = program.seconds < QUICK_SECONDS
        if not quick:
            self._send({"t": "accepted", **verdict})
        decoded = time.perf_counter()
        result = program.run(rng)
        ran = time.perf_counter()
        timing = {"decode_seconds": decoded - started, "run_seconds": ran - decoded}
        self._send({"t": "done", **timing, **verdict}, result)
