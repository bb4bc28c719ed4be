"""`python -m poller`: one poller, configured by the environment. It runs until SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from core import config_docs, large_results, log
from core.errors import QwhiskError, SettingsError
from core.kafka import topics
from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.openwhisk.client import FunctionInvoker
from core.openwhisk.credentials import EnvironmentCredentials
from core.origin import Allowed
from core.provider import LOOK_PAGE, connect
from core.settings import AccountSettings, KafkaSettings, ProviderSettings, Source, integer, number, text
from poller import health
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Limits
from poller.worker import Poller

#: Exit code: a setting is wrong.
EXIT_SETTINGS = 2
#: Exit code: a required service or port is not available.
EXIT_UNAVAILABLE = 3

#: IBM Quantum: calls per minute at most, the seconds of lag that one call is worth, and the seconds between
#: two lists of backends.
IBM_CALLS, IBM_PRICE, IBM_LIST_EVERY = 120, 1.0, 60.0
#: The same for a self-hosted service, which has no limit of calls.
SELF_HOSTED_PRICE, SELF_HOSTED_LIST_EVERY = 0.02, 10.0


def limits(env: Source, account: AccountSettings) -> Limits:
    """Return what an account allows. A service with its own URL allows more than IBM Quantum.

    Args:
        env: the environment.
        account: the account's settings.

    Raises:
        SettingsError: a variable is malformed or out of range.
    """
    self_hosted = account.url is not None
    calls = integer(env, "POLLER_CALLS_PER_MINUTE", 0 if self_hosted else IBM_CALLS, 0, 100_000)
    if calls == 1:
        raise SettingsError(
            "POLLER_CALLS_PER_MINUTE must be 0 (no limit) or at least 2.", variable="POLLER_CALLS_PER_MINUTE"
        )
    return Limits(
        per_minute=calls or None,
        price=number(env, "POLLER_CALL_PRICE", SELF_HOSTED_PRICE if self_hosted else IBM_PRICE, 0.001, 3_600),
        page=LOOK_PAGE,
        list_every=SELF_HOSTED_LIST_EVERY if self_hosted else IBM_LIST_EVERY,
    )


def main() -> int:
    """Run one poller and return the exit code."""
    log.configure("poller", os.environ.get("LOG_LEVEL", "INFO"))
    stop = threading.Event()

    def ask_to_stop(*_: Any) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    env = os.environ
    try:
        kafka = KafkaSettings.from_env(env)
        accounts = ProviderSettings.from_env(env)
        # Without the client's own retries, each request is charged to the budget, and all threads heed a 429.
        provider = connect(accounts, repeats=False)
        hardware, simulator = limits(env, accounts.hardware), limits(env, accounts.simulator)
        sources = config_docs.from_env(env)
        store = large_results.from_env(env)
        workers = integer(env, "POLLER_WORKERS", 4, 1, 64)
        deadline = number(env, "POLLER_DEADLINE_SECONDS", 7 * 86_400, 1, 90 * 86_400)
        host = text(env, "POLLER_HOST", "127.0.0.1")
        port = integer(env, "POLLER_PORT", 8081, 1, 65_535)
        allowed = Allowed.read(env, host, "POLLER_HOSTS", "POLLER_ORIGINS")
    except SettingsError as error:
        print(f"poller: {error.message}", file=sys.stderr)
        return EXIT_SETTINGS
    try:
        Topics(kafka).ensure(topics.shared(kafka.partitions))
        publisher = Publisher(kafka)
        delivery = ResultDelivery(
            provider, publisher, sources, FunctionInvoker(EnvironmentCredentials(env)), store
        )
        poller = Poller(kafka, provider, delivery, publisher, workers, deadline, hardware, simulator)
        server = health.serve(poller, host, port, allowed)
    except OSError as error:
        print(f"poller: cannot listen on {host}:{port}: {error.strerror}. Set POLLER_PORT.", file=sys.stderr)
        return EXIT_UNAVAILABLE
    except QwhiskError as error:
        print(f"poller: {error.message}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    poller.run(stop)
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
