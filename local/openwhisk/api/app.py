"""The application: what all requests have in common, and the routes that belong to no collection."""

from __future__ import annotations

import logging
import os
import re

from aiohttp import web
from aiohttp.typedefs import Handler

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.api.actions import Actions
from local.openwhisk.api.activations import ActivationRecords
from local.openwhisk.api.context import Context
from local.openwhisk.api.packages import Packages
from local.openwhisk.api.requests import (
    ALLOWED_HEADERS,
    MAX_ENTITY,
    TRANSACTION,
    error_response,
    json_response,
)
from local.openwhisk.api.triggers import Rules, Triggers
from local.openwhisk.api.web import WebActions
from local.openwhisk.entities import PYTHON_KIND, PYTHON_KINDS
from local.openwhisk.entities.action import MAX_COMPONENTS
from local.openwhisk.errors import Forbidden, NotFound, OpenWhiskError, OriginRejected

log = logging.getLogger(__name__)

_MB = 1024 * 1024

#: OpenWhisk's headers for pages. Requests of other origins' pages are rejected before they are sent.
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": ALLOWED_HEADERS,
    "Access-Control-Allow-Methods": "GET, DELETE, POST, PUT, HEAD",
}

#: Shown by `wsk property get` as the build of the API.
_BUILD = "qwhisk local"

_SPACES = "/api/v1/namespaces"
_WEB = "/api/v1/web"


class Api:
    """Combines the collections."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(middlewares=[self._around], client_max_size=MAX_ENTITY)
        app.router.add_get("/", self.info)
        for path in ("/api/v1", "/api/v1/"):
            app.router.add_get(path, self.version)
        for path in ("/ping", "/api/v1/ping"):
            app.router.add_get(path, self.ping)
        for path in (_SPACES, f"{_SPACES}/"):
            app.router.add_get(path, self.namespaces)
        space = _SPACES + "/{namespace}"
        app.router.add_get(f"{space}/limits", self.limits)
        for collection in (Packages, Actions, Triggers, Rules, ActivationRecords):
            app.router.add_routes(collection(self._context).routes(space))
        app.router.add_routes(WebActions(self._context).routes(_WEB))
        return app

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Give the request an id, check its origin and its key, and format every error as OpenWhisk does."""
        request_id = request.headers.get("X-Request-ID", "")
        transaction = (
            request_id if re.fullmatch(r"[\w-]{1,64}", request_id, re.ASCII) else os.urandom(16).hex()
        )
        request[TRANSACTION] = transaction
        headers: dict[str, str] = {}
        try:
            self._check_origin(request)
            if not request.path.startswith(f"{_WEB}/"):
                headers.update(_CORS)
                if request.method == "OPTIONS":
                    # Browsers send no key with it.
                    return web.Response(headers=headers | {"X-Request-ID": transaction})
            if request.path.startswith(_SPACES):
                self._authorize(request)
            response = await handler(request)
        except OpenWhiskError as exc:
            status, message = exc.status, exc.message
            headers.update(exc.headers)
        except web.HTTPNotFound:
            status, message = 404, NotFound().message
        except web.HTTPMethodNotAllowed as exc:
            allowed = ", ".join(sorted(exc.allowed_methods))
            status, message = 405, f"HTTP method not allowed, supported methods: {allowed}"
            headers["Allow"] = allowed
        except web.HTTPException as exc:
            status, message = exc.status, exc.reason
        except ConnectionError:
            raise  # The client has closed the connection.
        except Exception:
            log.exception("request %s: %s %s", transaction, request.method, request.path)
            status, message = 500, "There was an internal server error."
        else:
            response.headers.update(headers | {"X-Request-ID": transaction})
            return response
        return error_response(message, status, transaction, headers)

    def _check_origin(self, request: web.Request) -> None:
        """Reject requests of foreign web pages, and those to a name that is not this server's.

        Raises:
            OriginRejected: it is one of these.
        """
        allowed = self._settings.web if request.path.startswith(f"{_WEB}/") else self._settings.api
        headers = request.headers
        refusal = allowed.refusal(headers.get("Host"), headers.get("Origin"), headers.get("Sec-Fetch-Site"))
        if refusal is not None:
            raise OriginRejected(refusal.status, refusal.message)

    def _authorize(self, request: web.Request) -> None:
        self._context.auth.check(request.headers.get("Authorization"))
        namespace = request.match_info.get("namespace", "_")
        is_public = request.method == "GET" and request.path == f"{_SPACES}/{namespace}/packages"
        if namespace not in ("_", self._settings.namespace) and not is_public:
            path = request.path.removeprefix(f"{_SPACES}/")
            raise Forbidden(f"The supplied authentication is not authorized to access '{path}'.")

    async def info(self, _: web.Request) -> web.Response:
        """Describe this server and its limits."""
        runtimes = [
            {"kind": kind, "default": kind == PYTHON_KIND, "deprecated": False, "requireMain": False}
            for kind in PYTHON_KINDS
        ]
        limits = {
            "actions_per_minute": self._settings.invocations_per_minute,
            "triggers_per_minute": self._settings.fires_per_minute,
            "concurrent_actions": self._settings.concurrent_invocations,
            "sequence_length": MAX_COMPONENTS,
        }
        for name, key, unit in (("duration", "timeout", 1), ("memory", "memory", _MB), ("logs", "logs", _MB)):
            minimum, maximum = self._settings.action_limits[key]
            for prefix in ("", "default_"):
                limits[f"{prefix}min_action_{name}"] = minimum * unit
                limits[f"{prefix}max_action_{name}"] = maximum * unit
        return json_response(
            {
                "description": "OpenWhisk",
                "api_paths": ["/api/v1"],
                "runtimes": {"python": runtimes},
                "limits": limits,
                "processes": self._context.pool.numbers(),
            }
        )

    async def version(self, _: web.Request) -> web.Response:
        """Describe the API."""
        return json_response(
            {
                "description": "OpenWhisk API",
                "api_version": "1.0.0",
                "api_version_path": "v1",
                "build": _BUILD,
                "buildno": _BUILD,
            }
        )

    async def ping(self, _: web.Request) -> web.Response:
        """Respond to readiness probes."""
        return web.Response(text="pong")

    async def namespaces(self, _: web.Request) -> web.Response:
        """List the namespaces of the key: one."""
        return json_response([self._settings.namespace])

    async def limits(self, _: web.Request) -> web.Response:
        """Return the namespace's limits."""
        limits: dict[str, int | str] = {
            "concurrentInvocations": self._settings.concurrent_invocations,
            "invocationsPerMinute": self._settings.invocations_per_minute,
            "firesPerMinute": self._settings.fires_per_minute,
            "maxParameterSize": f"{MAX_PAYLOAD} B",
        }
        for key, (minimum, maximum) in self._settings.action_limits.items():
            limits[f"minAction{key.capitalize()}"] = minimum
            limits[f"maxAction{key.capitalize()}"] = maximum
        return json_response(limits)
