"""The routes of instances and accounts."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..errors import ApiError
from ..instances import account_of
from ..requests import read_object
from ..service import Service
from ..sessions import INTERACTIVE_SECONDS, MAX_SECONDS
from .responses import json_response

#: The name of the only plan.
PLAN = "local"


class AccountRoutes:
    """Handlers of requests about instances and accounts.

    Args:
        service: Carries out the requests.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes below a prefix."""
        return [
            web.get(f"{prefix}/instance", self._instance),
            web.get(f"{prefix}/instances/usage", self._usage),
            web.get(f"{prefix}/instances/configuration", self._configuration),
            web.put(f"{prefix}/instances/configuration", self._set_configuration),
            web.get(f"{prefix}/accounts/{{account}}", self._account),
        ]

    async def _instance(self, request: web.Request) -> web.Response:
        limit = self._service.runner.usage.limit(request["instance"])
        document: dict[str, Any] = {"backends": list(self._service.backends), "plan_id": PLAN}
        if limit is not None:
            document |= {"instance_limit": limit, "instance_limit_seconds": f"{limit:g}"}
        return json_response(document)

    async def _usage(self, request: web.Request) -> web.Response:
        return json_response(self._service.runner.usage.document(request["instance"], PLAN))

    async def _configuration(self, request: web.Request) -> web.Response:
        return json_response({"instance_limit": self._service.runner.usage.limit(request["instance"])})

    async def _set_configuration(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        if "instance_limit" not in body:
            raise ApiError(400, 1217, "instance_limit must be a number of seconds, or null for no limit.")
        self._service.runner.usage.set_limit(request["instance"], body["instance_limit"])
        return web.Response(status=204)

    async def _account(self, request: web.Request) -> web.Response:
        account = request.match_info["account"]
        if account != account_of(request["instance"]):
            raise ApiError(404, 1206, f"Account not found: {account[:64]}", "Use the account of the CRN.")
        plan: dict[str, Any] = {
            "plan_id": PLAN,
            "backends": list(self._service.backends),
            "max_ttl": MAX_SECONDS,
            "active_ttl": MAX_SECONDS,
            "interactive_ttl": INTERACTIVE_SECONDS,
        }
        if self._service.settings.usage_limit is not None:
            plan["usage_limit_seconds"] = int(self._service.settings.usage_limit)
        wanted = request.query.get("plan_id")
        return json_response({"plans": [plan] if wanted in (None, PLAN) else []})
