"""``python -m simulator``: starts and stops the service."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from enum import IntEnum

from aiohttp import web

from core import log

from .api.app import App
from .errors import BackendUnknown, DatabaseError, FaultsWrong
from .iam import Iam
from .service import Service
from .settings import SimulatorSettings, parse

logger = logging.getLogger("simulator")

#: Seconds that open requests are given at the end.
DRAIN_SECONDS = 1.0


class Exit(IntEnum):
    """How the process ends."""

    OK = 0
    FAILED = 1
    USAGE = 2


def _report(event: str, message: str = "", level: int = logging.INFO, **fields: object) -> None:
    """Log what happens to the process. Tests and benchmarks read the field `event`."""
    logger.log(level, message or event, extra={"event": event, **fields})


def _report_error(message: str) -> None:
    _report("error", message, logging.ERROR)


async def run(settings: SimulatorSettings) -> Exit:
    """Serve until SIGTERM or SIGINT."""
    began = time.monotonic()
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    try:
        service = Service(settings)
    except (BackendUnknown, FaultsWrong) as error:
        _report_error(str(error))
        return Exit.USAGE
    except DatabaseError as error:
        _report_error(f"{error}; SIMULATOR_DATABASE sets where jobs are stored")
        return Exit.FAILED
    runner = web.AppRunner(
        App(service, Iam(settings.api_key, service.token_secret)).build(),
        access_log=None,
        shutdown_timeout=DRAIN_SECONDS,
    )
    await runner.setup()
    try:
        # The port is taken before the workers start, so that a port in use is reported at once.
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        _report_error(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}")
        await runner.cleanup()
        return Exit.FAILED
    try:
        starting = asyncio.create_task(service.start())
        stopped = asyncio.create_task(ending.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return Exit.OK
        try:
            starting.result()
        except (RuntimeError, OSError, TimeoutError) as error:
            _report_error(str(error) or "the worker processes did not start in time")
            return Exit.FAILED
        # These objects stay for the process's life, so the garbage collector need not scan them.
        gc.collect()
        gc.freeze()
        host, port = runner.addresses[0][:2]
        _report(
            "ready",
            url=f"http://{host}:{port}",
            pid=os.getpid(),
            backends=list(service.backends),
            workers=settings.workers,
            database=str(settings.database or ":memory:"),
            resumed=service.resumed,
            seconds=round(time.monotonic() - began, 3),
        )
        await ending.wait()
        _report("stopping")
        return Exit.OK
    finally:
        # First the jobs, so that requests held open for them are answered; then the requests.
        await service.close()
        await runner.cleanup()


def main() -> None:
    """Start the service."""
    settings = parse(sys.argv[1:])
    log.configure("simulator", settings.log_level)
    # It would log a traceback for every malformed request. The routes log the failures of the service.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    sys.exit(asyncio.run(run(settings)))


if __name__ == "__main__":
    main()
