"""`python -m poller`: settings from the environment, until SIGTERM or Ctrl-C."""

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
from core.openwhisk.client import Invoker
from core.openwhisk.credentials import EnvironmentCredentials
from core.origin import Allowed
from core.provider import LOOK_PAGE, Provider
from core.settings import AccountSettings, KafkaSettings, ProviderSettings, Source, integer, number, text
from poller import health
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Limits
from poller.worker import Poller

#: The settings are wrong.
EXIT_SETTINGS = 2
#: A service that is needed could not be had.
EXIT_UNAVAILABLE = 3


#: What IBM Quantum is asked at the most in a minute, and the seconds of lag that one call is worth there.
IBM_CALLS, IBM_PRICE, IBM_LIST_EVERY = 120, 1.0, 60.0
#: A service of one's own is asked as often as it helps.
OWN_PRICE, OWN_LIST_EVERY = 0.02, 10.0


def limits(env: Source, account: AccountSettings) -> Limits:
    """What the account allows: a service at an address of its own bears more than IBM Quantum."""
    own = account.url is not None
    calls = integer(env, "POLLER_CALLS_PER_MINUTE", 0 if own else IBM_CALLS, 0, 100_000)
    if calls == 1:
        raise SettingsError(
            "POLLER_CALLS_PER_MINUTE must be 0 (no limit) or at least 2.", variable="POLLER_CALLS_PER_MINUTE"
        )
    return Limits(
        per_minute=calls or None,
        price=number(env, "POLLER_CALL_PRICE", OWN_PRICE if own else IBM_PRICE, 0.001, 3_600),
        page=LOOK_PAGE,
        list_every=OWN_LIST_EVERY if own else IBM_LIST_EVERY,
    )


def main() -> int:
    """Run one poller; gives the exit code."""
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
        # Each request is to come out of the budget, and a refusal to be heeded by all threads.
        provider = Provider(accounts, repeats=False)
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
        delivery = ResultDelivery(provider, publisher, sources, Invoker(EnvironmentCredentials(env)), store)
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
