"""The routes of sessions and batches."""

from __future__ import annotations

from aiohttp import web

from ..requests import read_object
from ..service import Service
from ..sessions import MAX_SECONDS, RuntimeSession
from .responses import json_response


class SessionRoutes:
    """Handlers of requests about sessions and batches.

    Args:
        service: Carries out the requests.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes below a prefix."""
        return [
            web.post(f"{prefix}/sessions", self._create),
            web.get(f"{prefix}/sessions/{{session}}", self._session),
            web.patch(f"{prefix}/sessions/{{session}}", self._update),
            web.delete(f"{prefix}/sessions/{{session}}/close", self._close),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        name = body.get("backend", body.get("backend_name"))
        backend = None if name is None else self._service.backend(name).name
        mode, max_ttl = body.get("mode", "dedicated"), body.get("max_ttl", MAX_SECONDS)
        session = self._service.sessions.open(
            backend, mode, max_ttl, self._service.clock(), request["user"], request["instance"]
        )
        return self._session_response(session)

    def _requested_session(self, request: web.Request) -> RuntimeSession:
        return self._service.sessions.get(request.match_info["session"], request["instance"])

    def _session_response(self, session: RuntimeSession) -> web.Response:
        busy = bool(self._service.store.session_jobs(session.session_id))
        return json_response(session.document(self._service.clock(), busy))

    async def _session(self, request: web.Request) -> web.Response:
        return self._session_response(self._requested_session(request))

    async def _update(self, request: web.Request) -> web.Response:
        session = self._requested_session(request)
        if (await read_object(request)).get("accepting_jobs") is False:
            busy = bool(self._service.store.session_jobs(session.session_id))
            self._service.sessions.end(session, self._service.clock(), busy)
        return web.Response(status=204)

    async def _close(self, request: web.Request) -> web.Response:
        await self._service.runner.cancel_session(self._requested_session(request))
        return web.Response(status=204)
