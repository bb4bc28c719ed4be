"""`python -m poller`: one poller, configured by the environment. It runs until SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from core import config_docs, large_results, log, metrics
from core.errors import QwhiskError, SettingsError
from core.kafka import topics
from core.kafka.admin import Topics
from core.kafka.group_protocol import check_group_protocol
from core.kafka.publisher import Publisher
from core.openwhisk.client import FunctionInvoker
from core.openwhisk.credentials import EnvironmentCredentials
from core.provider import LOOK_PAGE, connect
from core.settings import command_line
from core.tracing import export
from poller import health
from poller.cancellation_feed import CancellationFeed
from poller.delivery.result_delivery import ResultDelivery
from poller.pooling.delivery import PooledDelivery
from poller.settings import METRICS_PORT, TABLE, PollerSettings
from poller.state import RunProgress
from poller.worker import Poller

#: Exit code: a setting is wrong.
EXIT_SETTINGS = 2
#: Exit code: a required service or port is not available.
EXIT_UNAVAILABLE = 3


def main() -> int:
    """Run one poller and return the exit code."""
    command_line.parse(TABLE, sys.argv[1:], os.environ, dict)
    stop = threading.Event()

    def ask_to_stop(*_: Any) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    env = os.environ
    try:
        log.configure("poller", log.LOG_LEVEL.read(env))
        settings = PollerSettings.from_env(env, LOOK_PAGE)
        # Without the client's own retries, each request is charged to the budget, and all threads heed a 429.
        provider = connect(settings.accounts, repeats=False)
        sources = config_docs.from_env(env)
        store = large_results.from_env(env)
        send_traces = export.configure("poller", env)
    except SettingsError as error:
        print(f"poller: {error.message}", file=sys.stderr)
        return EXIT_SETTINGS
    try:
        admin = Topics(settings.kafka)
        admin.ensure(
            topics.shared(settings.kafka.partitions), topics.retention(settings.kafka.retention_seconds)
        )
        check_group_protocol(settings.kafka)
        publisher = Publisher(settings.kafka)
        run_progress = RunProgress()
        feed = CancellationFeed(settings.kafka, run_progress)
        delivery = ResultDelivery(
            provider,
            publisher,
            sources,
            FunctionInvoker(EnvironmentCredentials(env)),
            store,
            admin.max_message_bytes,
            run_progress,
            feed.catch_up,
            pooled=PooledDelivery(settings.kafka, publisher),
        )
        poller = Poller(
            settings.kafka,
            provider,
            delivery,
            publisher,
            settings.workers,
            settings.deadline,
            settings.hardware,
            settings.simulator,
            settings.pool,
        )
        servers = [
            health.serve(
                poller, settings.host, settings.port, settings.allowed, with_metrics=not settings.metrics_port
            )
        ]
        if settings.metrics_port:
            servers.append(
                metrics.serve(
                    settings.host,
                    settings.metrics_port,
                    settings.allowed,
                    lambda: poller.metrics.text(poller.tracker.states),
                    METRICS_PORT.name,
                )
            )
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        print(f"poller: cannot listen on {address}: {error.strerror}. Set POLLER_PORT.", file=sys.stderr)
        return EXIT_UNAVAILABLE
    except QwhiskError as error:
        print(f"poller: {error.message}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    poller.run(stop)
    feed.close()
    for server in servers:
        server.shutdown()
    send_traces()
    return 0


if __name__ == "__main__":
    sys.exit(main())
