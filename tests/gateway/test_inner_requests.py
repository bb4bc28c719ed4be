"""Requests that the edge makes for another one."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

from flask import Flask, request

from core.tracing import TRACEPARENT
from gateway.edge.exchange import Exchange, WaitLimits
from gateway.edge.inner_requests import InnerRequests
from gateway.edge.processor import Processor
from gateway.edge.views import Views
from gateway.edge.waits import Waits
from gateway.services import GatewayServices

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_an_inner_request_belongs_to_the_trace_of_the_outer_one() -> None:
    app = Flask("echo")

    @app.get("/echo")
    def echo() -> dict[str, str]:
        return {name.lower(): value for name, value in request.headers.items()}

    services = SimpleNamespace(processor=Processor(), settings=SimpleNamespace(threads=1))
    views = Views(app, cast(GatewayServices, services))
    headers = [
        (b"host", b"example.org"),
        (TRACEPARENT.encode(), TRACE.encode()),
        (b"authorization", b"Bearer outer"),
    ]
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("192.0.2.1", 1),
        "root_path": "",
        "headers": headers,
    }
    outer = Exchange("192.0.2.1", WaitLimits(), lambda: None)
    inner = InnerRequests(views, Waits(), scope, outer, "inner")
    reply = asyncio.run(inner.send("GET", "/echo"))
    seen = json.loads(reply.body)
    assert (seen[TRACEPARENT], seen["host"], seen["authorization"]) == (TRACE, "example.org", "Bearer inner")
