"""`python -m gateway`: gunicorn with threads, the same in the demo and in production."""

from __future__ import annotations

import logging
import os
import resource
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from core import log
from core.errors import QwhiskError
from core.settings import command_line
from gateway.app import create_app
from gateway.edge.worker import GatewayWorker
from gateway.services import GatewayServices
from gateway.settings import TABLE, GatewaySettings

#: Exit code: a setting is wrong.
EXIT_SETTINGS = 2
#: Seconds for requests in progress when the process stops. WebSockets reconnect to the next process.
GRACE = 2


class GunicornLogger(Logger):  # type: ignore[misc]
    """Sends gunicorn's log lines to our log."""

    def setup(self, _cfg: Any) -> None:
        """Leave the handlers to the root logger."""
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.access_log.disabled = True


class GatewayServer(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured by our settings instead of a file."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            # One process: further processes are replicas, which a load balancer and a scraper can
            # distinguish.
            "workers": 1,
            "worker_class": GatewayWorker,
            "threads": self._settings.threads,
            "worker_connections": 2 * self._settings.threads,
            "keepalive": 30,
            "graceful_timeout": GRACE,
            "limit_request_line": 4_094,
            "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108, PTH112
            "logger_class": GunicornLogger,
            "control_socket_disable": True,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Create the application in the worker process: librdkafka's threads do not survive a fork."""
        return create_app(GatewayServices.make(self._settings, os.environ))


def _raise_file_limit(wanted: int) -> None:
    """Raise the limit of open files. Every connection needs one, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main() -> int:
    """Run the gateway and return the exit code."""
    command_line.parse(TABLE, sys.argv[1:], os.environ, dict)
    try:
        log.configure("gateway", log.LOG_LEVEL.read(os.environ))
        settings = GatewaySettings.from_env(os.environ)
    except QwhiskError as error:
        print(f"gateway: {error.message}", file=sys.stderr)
        return EXIT_SETTINGS
    _raise_file_limit(2 * settings.websockets + 4 * settings.threads)
    Arbiter(GatewayServer(settings)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
