"""`python -m gateway`: uvicorn in front of Flask, the same in the demo and in production."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import NoReturn

from core import log, metrics
from core.errors import QwhiskError, SettingsError
from core.settings import command_line
from core.tracing import export
from gateway.app import create_app
from gateway.edge.application import Edge
from gateway.edge.connections import Connections
from gateway.edge.server import GatewayServer, allow_connections, listen
from gateway.limits import Concurrency
from gateway.metrics import GatewayMetrics
from gateway.services import GatewayServices
from gateway.settings import METRICS_PORT, TABLE, GatewaySettings

#: Exit code: a setting is wrong.
EXIT_SETTINGS = 2
#: Exit code: a required service is not available.
EXIT_UNAVAILABLE = 3
#: Seconds to close all connections at the end. Leaving a group of consumers may take as long as a session.
CLOSE_TIMEOUT = 15.0
#: Seconds after which a busy thread lets another run. The event loop may have to wait for all threads of
#: views in turn, and Python's 5 ms for each of them would delay the probes by hundreds of milliseconds.
SWITCH_INTERVAL = 0.001


def _exit(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _serve(settings: GatewaySettings) -> None:
    """Serve until a signal arrives."""
    most = allow_connections(settings)
    sockets = listen(settings)
    send_traces = export.configure("gateway", os.environ)
    services = GatewayServices.make(settings, os.environ)
    per_address = Concurrency(0 if settings.proxies else settings.connections_per_address)
    app = create_app(services)
    edge = Edge(app, services, Connections(most, per_address))
    if settings.metrics_port:
        own: GatewayMetrics = app.extensions["metrics"]
        metrics.serve(settings.host, settings.metrics_port, settings.allowed, own.text, METRICS_PORT.name)
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        GatewayServer(edge).run(sockets)
    finally:
        closing = threading.Thread(target=services.close, daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT)
        send_traces()


def main() -> int:
    """Run the gateway and return the exit code."""
    command_line.parse(TABLE, sys.argv[1:], os.environ, dict)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    try:
        log.configure("gateway", log.LOG_LEVEL.read(os.environ))
        # It warns of every malformed request.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        # They note every message, with its contents if all is logged.
        for name in ("mcp", "sse_starlette"):
            logging.getLogger(name).setLevel(logging.WARNING)
        _serve(GatewaySettings.from_env(os.environ))
    except QwhiskError as error:
        print(f"gateway: {error.message}", file=sys.stderr)
        return EXIT_SETTINGS if isinstance(error, SettingsError) else EXIT_UNAVAILABLE
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Python would wait for the threads that still invoke functions.
    os._exit(code)
