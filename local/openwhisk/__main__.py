"""`python -m local.openwhisk`: serve OpenWhisk's REST API until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys

from aiohttp import web

from local.openwhisk.activations import Activations
from local.openwhisk.app import Api
from local.openwhisk.invoke import Invoker
from local.openwhisk.plan import Plans
from local.openwhisk.pool import Pool
from local.openwhisk.settings import Settings, parse
from local.openwhisk.store import Store

EXIT_OK = 0
EXIT_CANNOT_LISTEN = 1


def main() -> int:
    """Run the server; return the exit code."""
    settings = parse(sys.argv[1:], os.environ)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as exc:
        why = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be listened on: {exc.strerror}"
        sys.stderr.write(f"openwhisk: {settings.host}:{settings.port} {why}. Set OPENWHISK_PORT or --port.\n")
        return EXIT_CANNOT_LISTEN
    asyncio.run(_serve(settings, listener))
    return EXIT_OK


async def _serve(settings: Settings, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    address = f"http://{settings.host}:{listener.getsockname()[1]}"
    store = Store()
    records = Activations(settings.activations, settings.activation_bytes)
    plans = Plans(settings, store, os.environ, address)
    pool = Pool(settings)
    invoker = Invoker(settings, pool, records)
    api = Api(settings, store, plans, pool, invoker, records)
    runner = web.AppRunner(api.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.SockSite(runner, listener)
    await site.start()
    # A supervisor reads this line; it is all that goes to standard output.
    print(f"openwhisk: listening on {address}/api/v1", flush=True)
    await stop.wait()
    # No new requests; then the processes, which ends the activations in hand; then the answers to who waits.
    await site.stop()
    await pool.close()
    await invoker.close()
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
