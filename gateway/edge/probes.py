"""`/healthz` and `/readyz`, which need no thread of the views."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Response

from core.origin import opens_a_page
from gateway.origin import CODES
from gateway.problems import problem
from gateway.replies import json_response
from gateway.services import GatewayServices

HEALTH, READY = "/healthz", "/readyz"
PROBES = frozenset({HEALTH, READY})
#: Seconds for which the broker's state is remembered, and seconds that a look at it may take.
REMEMBERED, LOOK_TIMEOUT = 1.0, 5.0


class Probes:
    """Answers probes.

    Args:
        services: what is probed.
    """

    def __init__(self, services: GatewayServices) -> None:
        self._services = services
        self._thread = ThreadPoolExecutor(1, "readiness")
        self._look: asyncio.Future[bool] | None = None
        self._looked = 0.0

    async def answer(self, scope: dict[str, Any]) -> Response:
        """Return the response to a probe.

        Args:
            scope: the ASGI scope of the request, whose path is one of `PROBES`.
        """
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        opened = opens_a_page(scope["method"], headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
        refusal = self._services.settings.allowed.refusal(
            headers.get("host"), headers.get("origin"), headers.get("sec-fetch-site"), opened=opened
        )
        if refusal is not None:
            return problem(refusal.status, refusal.message, CODES[refusal.status])
        return await (self._healthz() if scope["path"] == HEALTH else self._readyz())

    async def _healthz(self) -> Response:
        """Return whether the process works."""
        services = self._services
        alive = services.reader.alive() and services.websocket_server.alive()
        alive = alive and (services.webhooks is None or services.webhooks.alive())
        return json_response({"status": "ok" if alive else "failed"}, 200 if alive else 503)

    async def _readyz(self) -> Response:
        """Return whether requests can be served."""
        ready = self._services.reader.alive() and await self._reachable()
        return json_response({"status": "ok" if ready else "not ready"}, 200 if ready else 503)

    async def _reachable(self) -> bool:
        """Return whether the broker answers. All probes share one look at it."""
        if self._look is None or (self._look.done() and time.monotonic() - self._looked > REMEMBERED):
            self._looked = time.monotonic()
            loop = asyncio.get_running_loop()
            self._look = loop.run_in_executor(self._thread, self._services.topics.reachable)
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), LOOK_TIMEOUT)
        except TimeoutError:
            return False
