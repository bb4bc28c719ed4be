"""Which pages may call the gateway, and under which host name."""

from __future__ import annotations

from flask import Flask, Response, request

from core.origin import opens_a_page
from gateway.problems import problem
from gateway.services import GatewayServices

#: The error codes, by status.
CODES = {403: "foreign_origin", 421: "unknown_host"}


def register(app: Flask, services: GatewayServices) -> None:
    """Reject requests from foreign pages and to other host names, before anything else handles them."""

    allowed = services.settings.allowed

    @app.before_request
    def refuse() -> Response | None:
        headers = request.headers
        # A link on any page may open the page.
        opened = opens_a_page(request.method, headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
        refusal = allowed.refusal(
            headers.get("Host"), headers.get("Origin"), headers.get("Sec-Fetch-Site"), opened=opened
        )
        # Behind proxies, `Host` is what they forward. On the same machine, a page can call the gateway
        # directly under its own name and claim another host.
        before = request.environ.get("werkzeug.proxy_fix.orig")
        if refusal is None and before is not None and not allowed.addresses:
            refusal = allowed.refusal(before["HTTP_HOST"], None, None)
        if refusal is None:
            return None
        return problem(refusal.status, refusal.message, CODES[refusal.status])
