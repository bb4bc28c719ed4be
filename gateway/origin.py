"""Which pages may call the gateway, and by which name."""

from __future__ import annotations

from flask import Flask, Response, request

from core.origin import opens_a_page
from gateway.problems import problem
from gateway.services import GatewayServices

#: Codes of the two refusals.
_CODES = {403: "foreign_origin", 421: "unknown_host"}


def register(app: Flask, services: GatewayServices) -> None:
    """Refuse the requests of foreign pages, and those for other hosts, before anything else looks at them."""

    allowed = services.settings.allowed

    @app.before_request
    def refuse() -> Response | None:
        headers = request.headers
        # A link to the page, from anywhere, opens it.
        opened = opens_a_page(request.method, headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
        refusal = allowed.refusal(
            headers.get("Host"), headers.get("Origin"), headers.get("Sec-Fetch-Site"), opened=opened
        )
        # Behind proxies `Host` is what they say it was. On one machine a page can call the gateway itself, by
        # a name of its own, and say the same.
        before = request.environ.get("werkzeug.proxy_fix.orig")
        if refusal is None and before is not None and not allowed.addresses:
            refusal = allowed.refusal(before["HTTP_HOST"], None, None)
        if refusal is None:
            return None
        return problem(refusal.status, refusal.message, _CODES[refusal.status])
