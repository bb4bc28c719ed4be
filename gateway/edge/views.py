"""Calls the Flask views in threads, each kind of view in its own pool."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Flask

from core.protocol import API
from gateway.edge.bodies import DisconnectedError, RequestBody
from gateway.edge.exchange import NAME, Exchange
from gateway.edge.heads import wsgi_headers
from gateway.edge.held_response import HeldResponse
from gateway.edge.view_pool import ViewPool
from gateway.links import unmounted
from gateway.services import GatewayServices

#: Threads for the views that invoke no function (see `Processor`).
VIEW_THREADS = 16
#: Threads for the views that read large results from their store.
RESULT_THREADS = 4

_SUBMISSION = re.compile(re.escape(API) + r"/functions/[^/]+/jobs")
_RESULT = re.compile(re.escape(API) + r"/jobs/[^/]+/result")

Scope = dict[str, Any]


class Views:
    """The views, in three pools of threads.

    Those that invoke functions and those that read large results have separate ones, so that a slow function
    or store delays no other request.

    Args:
        app: the Flask application.
        services: its services.
    """

    def __init__(self, app: Flask, services: GatewayServices) -> None:
        views = services.processor.bounded(app)
        self._invocations = ViewPool(views, services.settings.threads)
        self._results = ViewPool(views, RESULT_THREADS)
        self._views = ViewPool(views, VIEW_THREADS)

    async def call(
        self,
        scope: Scope,
        body: RequestBody,
        exchange: Exchange,
        answer: HeldResponse,
        left: Callable[[], bool],
    ) -> None:
        """Run the view of a request in a thread of its pool.

        Args:
            scope: the ASGI scope of the request.
            body: its body.
            exchange: what the view and the edge know of it.
            answer: receives the response.
            left: whether the client has left.

        Raises:
            DisconnectedError: the client left while its request was queued.
            NoFreeThreadError: no thread is free in time.
        """
        pool = self._pool(scope["method"], scope["path"])
        inner = unmounted(scope) | {
            "headers": wsgi_headers(scope["headers"], body.length),
            "extensions": {NAME: exchange},
        }
        async with pool.slot():
            if left():
                raise DisconnectedError
            await pool.app(inner, body.receive, answer)
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            answer.extend(exchange.parts)

    def _pool(self, method: str, path: str) -> ViewPool:
        """Return the threads for the view of a request."""
        if method == "POST" and _SUBMISSION.fullmatch(path):
            return self._invocations
        return self._results if _RESULT.fullmatch(path) else self._views
