"""Connections of clients: requests that are not HTTP get an error in OpenWhisk's form too."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any

from aiohttp import web

from local.openwhisk.api.requests import error_response

log = logging.getLogger(__name__)

#: The only value of the header Expect.
EXPECTED = "100-continue"
#: Characters of the reason that are shown. It repeats parts of the request.
_SHOWN = 200


class RestConnection(web.RequestHandler):
    """A connection of a client."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the response to a request that did not reach the application, and close the connection.

        Raises:
            ConnectionError: the client has gone, or a part of another response has been sent.
        """
        if isinstance(exc, ConnectionError):
            raise exc
        transaction = os.urandom(16).hex()
        if status >= 500:
            log.error("request %s", transaction, exc_info=exc)
            text = "There was an internal server error."
        else:
            # Anyone can send such a request. It is no fault of this server.
            log.debug("request %s is not HTTP: %s", transaction, exc)
            reason = (message or "").partition("\n")[0][:_SHOWN].rstrip(":.")
            text = f"The request was malformed: {reason}."
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another response has been sent")
        response = error_response(text, status, transaction)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log an exception, unless it is that of a body, which has been answered with 400."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)


def connections(server: web.Server) -> Callable[[], RestConnection]:
    """Return what makes the protocol of each connection.

    Args:
        server: the application's.
    """
    application = server.request_handler

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        # aiohttp would answer in a form of its own, and fail if the header is not UTF-8.
        if request.headers.get("Expect", EXPECTED).lower() != EXPECTED:
            message = f"The request's header Expect is not supported. Expected: {EXPECTED}"
            return error_response(message, 417, os.urandom(16).hex())
        return await application(request)

    server.request_handler = handle
    loop = asyncio.get_running_loop()
    # None: no log of requests.
    return lambda: RestConnection(server, loop=loop, access_log=None)  # type: ignore[arg-type]
