"""Requests to the API that the edge makes itself, for clients of another protocol.

They run the same views as requests over HTTP, so they have the same validation, limits, answers and metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from core.tracing import TRACEPARENT
from gateway import problems
from gateway.edge.bodies import RequestBody
from gateway.edge.exchange import Exchange, FinalEventWait
from gateway.edge.held_response import HeldResponse
from gateway.edge.view_pool import NoFreeThreadError
from gateway.edge.views import Scope, Views
from gateway.edge.waits import Waits
from gateway.problems import problem

#: The most bytes of a reply.
MAX_REPLY = 1_100_000

#: The headers of the outer request that its inner ones keep: they show whose request it is, and its trace.
_KEPT = (b"host", b"forwarded", TRACEPARENT.encode())
_KEPT_PREFIX = b"x-forwarded-"


@dataclass
class InnerReply:
    """What a view answered.

    Attributes:
        status: the HTTP status.
        body: the body.
        headers: the headers, with names in lower case.
        wait: what the response would wait for; None if it is complete.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: FinalEventWait | None = None


class InnerRequests:
    """Makes requests with a client's token.

    Args:
        views: the views.
        waits: waits for events.
        scope: the ASGI scope of the outer request.
        outer: the exchange of the outer request. What the inner ones reserve is released with it.
        token: the client's token; empty for none.
    """

    def __init__(self, views: Views, waits: Waits, scope: Scope, outer: Exchange, token: str) -> None:
        self._views = views
        self._waits = waits
        self._scope = scope
        self._outer = outer
        self._token = token

    async def send(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        patience: float = 0,
    ) -> InnerReply:
        """Make a request, and return the reply of its view.

        Args:
            method: the HTTP method.
            path: the path, without characters that would be escaped.
            query: the query.
            body: a JSON body; empty for none.
            headers: more headers.
            patience: the least seconds to wait for what the view must be called again for, such as a job.
        """
        exchange = self._outer.inner()
        request = RequestBody(body, len(body), True)
        answer = _Collected()
        try:
            scope = self._inner_scope(method, path, query, request, headers or {})
            await self._views.call(scope, request, exchange, answer.held, self._left)
            if (again := exchange.repetition) is not None and await self._waits.until(
                again.inbox, again.holds, max(again.seconds, patience)
            ):
                exchange.close()
                exchange, answer = self._outer.inner(repeated=True), _Collected()
                await self._views.call(scope, request, exchange, answer.held, self._left)
        except NoFreeThreadError as error:
            return _reply(problems.of(error))
        exchange.answered(answer.held.status)
        await answer.held.finish()
        if answer.size > MAX_REPLY:
            return _reply(problem(413, "This is too large for this protocol. Use the HTTP API.", "http_413"))
        return InnerReply(answer.held.status, bytes(answer.body), answer.headers, exchange.wait)

    def _left(self) -> bool:
        return self._outer.ended

    def _inner_scope(
        self, method: str, path: str, query: str, body: RequestBody, headers: Mapping[str, str]
    ) -> Scope:
        kept = [
            (name, value)
            for name, value in self._scope["headers"]
            if name in _KEPT or name.startswith(_KEPT_PREFIX)
        ]
        own = {"authorization": f"Bearer {self._token}"} if self._token else {}
        own |= headers
        if body.length:
            own |= {"content-type": "application/json", "content-length": str(body.length)}
        return self._scope | {
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [*kept, *((name.encode(), value.encode("latin-1")) for name, value in own.items())],
        }


class _Collected:
    """Receives a response that is held, and keeps it up to `MAX_REPLY` bytes."""

    def __init__(self) -> None:
        self.held = HeldResponse(self._receive)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.size = 0

    async def _receive(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
            return
        self.size += len(message["body"])
        if self.size <= MAX_REPLY:
            self.body += message["body"]


def _reply(response: Response) -> InnerReply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return InnerReply(response.status_code, response.get_data(), headers)
