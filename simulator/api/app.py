"""The application: what applies to all requests, and the routes of the service itself."""

from __future__ import annotations

import asyncio
import logging
import secrets
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler

from ..errors import ApiError
from ..iam import GRANT_TYPE, Iam
from ..requests import read_object
from ..service import Service
from .account_routes import AccountRoutes
from .backend_routes import BackendRoutes
from .headers import read_instance, read_version
from .job_routes import JobRoutes
from .responses import json_response
from .session_routes import SessionRoutes
from .workload_routes import WorkloadRoutes

logger = logging.getLogger(__name__)


PREFIXES = ("", "/api/v1", "/v1")
#: Paths of this service that IBM does not have: they need no instance.
ADMIN = "/admin/"


class App:
    """The application: authentication, errors, faults, and the routes.

    Args:
        service: Carries out the requests.
        iam: Authenticates them.
    """

    def __init__(self, service: Service, iam: Iam) -> None:
        self._service = service
        self._iam = iam
        self._groups = (
            BackendRoutes(service),
            JobRoutes(service),
            SessionRoutes(service),
            AccountRoutes(service),
            WorkloadRoutes(service),
        )

    def build(self) -> web.Application:
        """Return the aiohttp application."""
        limit = self._service.settings.limits.max_body_bytes
        app = web.Application(middlewares=[self._guard], client_max_size=limit)
        app.router.add_get("/healthz", self._health)
        app.router.add_post("/identity/token", self._token)
        for prefix in PREFIXES:
            for group in self._groups:
                app.router.add_routes(group.routes(prefix))
        if self._service.settings.admin:
            app.router.add_get("/admin/faults", self._faults)
            app.router.add_put("/admin/faults", self._put_faults)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the token, and turn every error into IBM's error document."""
        try:
            self._check_origin(request)
            if request.path == "/healthz":
                return await handler(request)
            if self._service.faults.http and not request.path.startswith(ADMIN):
                return await self._respond_with_faults(request, handler)
            return await self._respond(request, handler)
        except ApiError as error:
            return self._reject(error)
        except web.HTTPRequestEntityTooLarge:
            limit = self._service.settings.limits.max_body_bytes
            return self._reject(ApiError(413, 1218, f"The request is larger than {limit} bytes."))
        except web.HTTPException as error:
            status = error.status if error.status >= 400 else 500
            return self._reject(ApiError(status, status, f"{error.reason}: {request.method} {request.path}"))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return self._reject(
                ApiError(500, 9999, "The service had an unexpected error. Its log has the details.")
            )

    def _check_origin(self, request: web.Request) -> None:
        """Reject requests of web pages, and those to a name that is not this service's.

        Raises:
            ApiError: If it is one of these.
        """
        headers = request.headers
        refusal = self._service.settings.allowed.refusal(
            headers.get("Host"), headers.get("Origin"), headers.get("Sec-Fetch-Site")
        )
        if refusal is not None:
            raise ApiError(refusal.status, refusal.status, refusal.message)

    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/identity/token":
            self._authenticate(request)
            if not request.path.startswith(ADMIN):
                request["version"] = read_version(request)
                request["instance"] = read_instance(request, self._service.settings.instances)
        return await handler(request)

    async def _respond_with_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Respond, with the faults that apply to the request."""
        fault = self._service.faults.of_request(request.method, request.path)
        if fault is None:
            return await self._respond(request, handler)
        response = await self._respond(request, handler) if fault.after or fault.status is None else None
        await asyncio.sleep(fault.delay)
        if fault.drop and request.transport is not None:
            request.transport.abort()
        if fault.garbled:
            return web.Response(text='{"id": "d', content_type="application/json")
        if response is not None and fault.status is None:
            return response
        status = fault.status or 503
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        raise ApiError(status, 9998, f"This response, {status}, is a fault that was set.", "", headers)

    @staticmethod
    def _reject(error: ApiError) -> web.Response:
        trace = secrets.token_hex(8)
        # Without the trace in a header the client shows the whole document instead of its message.
        return json_response(error.body(trace), error.status, error.headers | {"uber-trace-id": trace})

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._iam.verify(token) if scheme.lower() == "bearer" else None
        if user is None:
            raise ApiError(
                401,
                1200,
                "The request has no valid bearer token.",
                "Get one from POST /identity/token with the service's API key.",
                {"WWW-Authenticate": "Bearer"},
            )
        request["user"] = user

    async def _health(self, _: web.Request) -> web.Response:
        pool = self._service.runner.pool
        return json_response({"ready": pool.ready, "waiting": pool.waiting}, 200 if pool.ready else 503)

    async def _token(self, request: web.Request) -> web.Response:
        """Exchange an API key for a token. Errors have IAM's shape, not IBM Quantum's."""
        form = await request.post()
        if form.get("grant_type") != GRANT_TYPE:
            return _iam_error("BXNIM0108E", "Property missing or empty: grant_type.")
        api_key = form.get("apikey")
        if not isinstance(api_key, str) or not self._iam.accepts(api_key):
            return _iam_error("BXNIM0415E", "Provided API key could not be found.")
        return json_response(self._iam.issue(self._iam.user(api_key)), headers={"Cache-Control": "no-store"})

    async def _faults(self, request: web.Request) -> web.Response:
        self._require_local(request)
        return json_response(self._service.faults.document())

    async def _put_faults(self, request: web.Request) -> web.Response:
        self._require_local(request)
        self._service.change_faults(await read_object(request))
        return json_response(self._service.faults.document())

    @staticmethod
    def _require_local(request: web.Request) -> None:
        """Reject requests from another machine. Those of this one may come from any of its addresses."""
        own = request.transport.get_extra_info("sockname") if request.transport else None
        remote = ip_address(request.remote or "0.0.0.0")  # noqa: S104
        if not remote.is_loopback and (own is None or remote != ip_address(own[0])):
            raise ApiError(403, 1200, "Faults can be set from the service's own machine only.")


def _iam_error(code: str, message: str) -> web.Response:
    return json_response(
        {"errorCode": code, "errorMessage": message, "context": {"requestId": secrets.token_hex(8)}}, 400
    )
