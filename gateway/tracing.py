"""The spans of requests: a caller's `traceparent` is taken, and each response has one."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Flask, Response, g, request

from core.protocol import API
from core.tracing import TRACEPARENT, attached, begin, is_on
from gateway.edge.exchange import exchange

#: From this status on, a request counts as failed in its span: the fault is the server's.
SERVER_ERROR = 500


def register(app: Flask) -> None:
    """Record a span for each request to the API of `app`, if traces are on."""
    if not is_on():
        return

    @app.before_request
    def _begin() -> None:
        # The rule and not the path: paths contain ids. Neither has the query, which may have a token.
        rule = request.url_rule.rule if request.url_rule else ""
        if not rule.startswith(API):
            return
        g.span = begin(
            request.headers.get(TRACEPARENT),
            f"{request.method} {rule}",
            {"http.request.method": request.method, "http.route": rule},
        )
        g.attached = ExitStack()
        g.attached.enter_context(attached(g.span))

    @app.after_request
    def _answer(response: Response) -> Response:
        span = g.get("span")
        if span is None:
            return response
        response.headers[TRACEPARENT] = span.context.header
        before = exchange().on_answer
        if job := g.get("process_job_id"):
            span.set("qwhisk.process_job_id", job)

        def answered(status: int) -> None:
            span.set("http.response.status_code", status)
            span.end(f"http_{status}" if status >= SERVER_ERROR else "")
            if before is not None:
                before(status)

        # The response may wait for a result.
        exchange().on_answer = answered
        return response

    @app.teardown_request
    def _detach(_error: BaseException | None) -> None:
        if (stack := g.pop("attached", None)) is not None:
            stack.close()
