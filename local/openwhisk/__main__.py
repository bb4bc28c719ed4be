"""`python -m local.openwhisk`: serve OpenWhisk's REST API until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys

from aiohttp import web

from core import log
from local.openwhisk.activations import Activations
from local.openwhisk.api.app import Api
from local.openwhisk.api.connection import connections
from local.openwhisk.api.context import Context
from local.openwhisk.auth import Auth
from local.openwhisk.container import Starter
from local.openwhisk.docker import Docker, unreachable
from local.openwhisk.fork_starter import ForkStarter
from local.openwhisk.invoke import ActionInvoker
from local.openwhisk.launch_plan import LaunchPlans
from local.openwhisk.pool import ContainerPool
from local.openwhisk.settings import DOCKER, OpenWhiskSettings, parse
from local.openwhisk.store import Store

EXIT_OK = 0
EXIT_CANNOT_LISTEN = 1
EXIT_NO_STATE = 2
EXIT_NO_DOCKER = 3


def main() -> int:
    """Run the server; return the exit code."""
    settings = parse(sys.argv[1:], os.environ)
    log.configure("openwhisk", settings.log_level)
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as exc:
        problem = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be listened on: {exc.strerror}"
        sys.stderr.write(
            f"openwhisk: {settings.host}:{settings.port} {problem}. Set OPENWHISK_PORT or --port.\n"
        )
        return EXIT_CANNOT_LISTEN
    if settings.containers == DOCKER and (trouble := unreachable()):
        sys.stderr.write(f"openwhisk: --containers docker: {trouble}\n")
        return EXIT_NO_DOCKER
    folder = settings.state
    try:
        store = Store(folder and folder / "entities")
        records = Activations(
            settings.activations, settings.activation_bytes, folder and folder / "activations"
        )
    except OSError as exc:
        sys.stderr.write(f"openwhisk: {exc.filename}: {exc.strerror}. Set OPENWHISK_STATE or --state.\n")
        return EXIT_NO_STATE
    asyncio.run(_serve(settings, listener, store, records))
    return EXIT_OK


async def _serve(
    settings: OpenWhiskSettings, listener: socket.socket, store: Store, records: Activations
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    starter: Starter = ForkStarter(bool(settings.fork_server), settings.start_timeout)
    if settings.containers == DOCKER:
        starter = Docker(settings.docker_network, settings.docker_connect, settings.python_image)
    address = f"http://{settings.host}:{listener.getsockname()[1]}"
    plans = LaunchPlans(settings, store, os.environ, address)
    pool = ContainerPool(settings, starter)
    invoker = ActionInvoker(settings, plans, pool, records)
    api = Api(Context(settings, Auth(settings.auth), store, plans, pool, invoker, records))
    runner = web.AppRunner(api.application(), shutdown_timeout=1.0)
    await runner.setup()
    assert runner.server is not None
    server = await asyncio.get_running_loop().create_server(connections(runner.server), sock=listener)
    # The supervisor reads this line, the only one on standard output.
    print(f"openwhisk: listening on {address}/api/v1", flush=True)
    await stop.wait()
    # First no new requests, then the end of the processes and their activations, then the pending responses.
    server.close()
    await pool.close()
    await invoker.close()
    records.close()
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
