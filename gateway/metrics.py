"""The gateway's metrics for Prometheus."""

from __future__ import annotations

import threading
import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from core.metrics import add_common
from gateway.edge.exchange import exchange
from gateway.services import GatewayServices

#: Bounds in seconds. An invocation takes some ten milliseconds; a request that waits for a result takes up to
#: a minute.
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


#: The most tenants with numbers of their own. The jobs of all others are counted together.
MAX_TENANTS = 200
#: The label of those others, and of clients that did not sign in.
OTHERS, ANONYMOUS = "others", "without sign-in"
#: The most characters of a tenant's name in a label.
MAX_TENANT = 100
#: The methods of requests with numbers of their own. A caller can make up any number of others.
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def method_label(method: str) -> str:
    """Return a request's method, or one word for all unusual ones."""
    return method if method in METHODS else "other"


class GatewayMetrics:
    """The metrics of one process."""

    def __init__(self, services: GatewayServices) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "qwhisk_gateway_requests",
            "Requests answered",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "qwhisk_gateway_request_seconds",
            "Seconds from a request to its answer",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.refused = Counter(
            "qwhisk_gateway_refused",
            "Requests without a good token: missing, forged, expired, session gone, not signed in",
            ["reason"],
            registry=self.registry,
        )
        self.jobs = Counter("qwhisk_gateway_jobs", "Jobs submitted", ["function"], registry=self.registry)
        # Names of tenants are for operators, not for everyone who can reach the API.
        self.tenants = TenantUsage(self.registry) if services.settings.metrics_port else None
        add_common(self.registry, "gateway")
        if services.webhooks is not None:
            self.registry.register(services.webhooks.outcomes)
        for name, text, value in (
            ("websockets", "WebSockets open", lambda: len(services.websocket_server)),
            ("waits", "Requests that wait for a result", lambda: len(services.waits)),
            ("inboxes", "Clients' topics that are read", lambda: len(services.reader)),
            (
                "topics_removed",
                "Clients' topics removed since the start",
                lambda: services.topic_cleaner.removed,
            ),
            ("functions", "Functions that can be called", lambda: len(services.documents.all())),
            (
                "webhooks_under_way",
                "Final events that are being sent to their clients' addresses",
                lambda: len(services.webhooks or ()),
            ),
            (
                "events_pushed",
                "Events pushed over WebSockets since the start",
                lambda: services.websocket_server.pushed,
            ),
        ):
            Gauge(f"qwhisk_gateway_{name}", text, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return the metrics in the text format."""
        return generate_latest(self.registry)


class TenantUsage:
    """Counts what tenants use. Thread-safe.

    Args:
        registry: the gateway's metrics.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs = Counter(
            "qwhisk_gateway_tenant_jobs", "Jobs submitted, by who signed in", ["tenant"], registry=registry
        )
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def submitted(self, tenant: str) -> None:
        """Count a job.

        Args:
            tenant: who signed in; empty without a sign-in.
        """
        name = tenant[:MAX_TENANT].encode("utf-8", "replace").decode() or ANONYMOUS
        with self._lock:
            if name not in self._known and len(self._known) >= MAX_TENANTS:
                name = OTHERS
            else:
                self._known.add(name)
        self._jobs.labels(name).inc()


def register(app: Flask, services: GatewayServices) -> None:
    """Count every request of `app`, and serve the metrics at `/metrics` if they have no port of their own."""
    metrics = GatewayMetrics(services)
    app.extensions["metrics"] = metrics

    @app.before_request
    def _begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def _count(response: Response) -> Response:
        # The rule and not the path: paths contain ids, so their number is unbounded.
        route = request.url_rule.rule if request.url_rule else "none"
        if function := g.get("submitted"):
            metrics.jobs.labels(function).inc()
            if metrics.tenants is not None:
                metrics.tenants.submitted(g.client.tenant)
        if reason := g.get("refused"):
            metrics.refused.labels(reason).inc()
        method, began = method_label(request.method), g.get("began", time.perf_counter())

        def answered(status: int) -> None:
            metrics.requests.labels(route, method, status).inc()
            metrics.seconds.labels(route).observe(time.perf_counter() - began)

        # The status is known later if the request waits.
        exchange().on_answer = answered
        return response

    if services.settings.metrics_port:
        return

    @app.get("/metrics")
    def show() -> Response:
        return Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)
