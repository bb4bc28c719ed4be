"""The poller's metrics, in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from core import metrics
from core.errors import ProviderUnauthorizedError, ProviderUnavailableError, QwhiskError

#: Failures of an account, not of one job: all its calls pause.
ACCOUNTS = (ProviderUnavailableError, ProviderUnauthorizedError)
#: Buckets in seconds: from a call on the same machine to one that ends by its timeout.
_CALLS = (0.01, 0.03, 0.1, 0.3, 0.5, 1, 3, 10, 30)
#: Buckets in seconds: from milliseconds on a simulator to minutes.
_LAGS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

#: Buckets in seconds: from what a client does not notice to what makes a forecast useless.
_FORECASTS = (1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600)


class Metrics:
    """The metrics of one poller. Thread-safe."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.calls = Counter(
            "qwhisk_poller_api_calls", "Calls to the quantum provider", ["account", "kind"], registry=registry
        )
        self.errors = Counter(
            "qwhisk_poller_errors",
            "Failed calls, by error code and HTTP status if there was one",
            ["account", "code", "status"],
            registry=registry,
        )
        self.pauses = Counter(
            "qwhisk_poller_pauses",
            "Pauses of an account, by cause",
            ["account", "reason"],
            registry=registry,
        )
        self.seconds = Histogram(
            "qwhisk_poller_call_seconds",
            "Duration of a call; of a fetch, until the result is delivered",
            ["account", "kind"],
            buckets=_CALLS,
            registry=registry,
        )
        self.looks = Counter(
            "qwhisk_poller_looks",
            "Jobs that looks returned",
            ["account", "status"],
            registry=registry,
        )
        self.delivered = Counter(
            "qwhisk_poller_delivered", "Final events delivered", ["status"], registry=registry
        )
        self.undeliverable = Counter(
            "qwhisk_poller_undeliverable",
            "Runs whose final event can never be published, by error code",
            ["code"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "qwhisk_poller_dead_letters",
            "Messages that could not be read, by topic; see docs/operations.md",
            ["topic"],
            registry=registry,
        )
        self.requeued = Counter(
            "qwhisk_poller_requeued", "Events put into a wait topic", ["topic"], registry=registry
        )
        self.lag = Histogram(
            "qwhisk_poller_lag_seconds",
            "From a job's completion at the provider to its delivery",
            ["backend_type"],
            buckets=_LAGS,
            registry=registry,
        )
        self.quantum_seconds = Counter(
            "qwhisk_poller_quantum_seconds",
            "Quantum seconds by source: who signed in, or the address of anonymous sessions; a keyed digest",
            ["source"],
            registry=registry,
        )
        self.forecast_error = Histogram(
            "qwhisk_poller_forecast_error_seconds",
            "From the forecast of a hardware job, made when it was consumed, to its completion",
            ["completion"],
            buckets=_FORECASTS,
            registry=registry,
        )
        metrics.add_common(registry, "poller")
        started = Gauge(
            "qwhisk_poller_started_seconds", "When this poller started, since 1970", registry=registry
        )
        started.set_to_current_time()
        self._jobs = Gauge("qwhisk_poller_jobs", "Jobs tracked here, by state", ["state"], registry=registry)

    def failed(self, account: str, error: QwhiskError) -> None:
        """Count a failed call.

        Args:
            account: the account's name.
            error: why the call failed.
        """
        status = error.details.get("status", -1)
        self.errors.labels(account, error.code, str(status) if status > 0 else "").inc()
        if isinstance(error, ACCOUNTS):
            requested = getattr(error, "retry_after", None) is not None
            self.pauses.labels(account, "retry_after" if requested else "backoff").inc()

    def text(self, count: Callable[[], Mapping[str, int]]) -> bytes:
        """Return the metrics in the text format.

        Args:
            count: returns the number of jobs in each state.
        """
        self._jobs.clear()
        for state, number in count().items():
            self._jobs.labels(state).set(number)
        return generate_latest(self._registry)
