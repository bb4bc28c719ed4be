"""Web actions: actions that can be invoked by plain HTTP requests without a key."""

from __future__ import annotations

import asyncio
import hmac

import orjson
from aiohttp import web

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk import web_action
from local.openwhisk.activations import ActivationStatus
from local.openwhisk.api.context import Context
from local.openwhisk.api.requests import ALLOWED_HEADERS, TRANSACTION, body_of, json_response
from local.openwhisk.entities import Action
from local.openwhisk.errors import BadRequest, NotAvailable, NotFound, OpenWhiskError, Unauthorized
from local.openwhisk.launch_plan import LaunchPlan
from local.openwhisk.request_headers import valid_text

METHODS = ("OPTIONS", "GET", "DELETE", "POST", "PUT", "HEAD", "PATCH")

#: The package name for actions without a package.
_DEFAULT = "default"

#: The namespace and the package of the actions that `wsk api` invokes.
_API_GATEWAY = ("whisk.system", "apimgmt")


class WebActions:
    """The handlers of `/web`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self, base: str) -> list[web.RouteDef]:
        """Return the routes below `base`."""
        path = base + "/{namespace}/{package}/{name:[^/]+}"
        return [
            web.route(method, path + rest, self.serve)
            for method in METHODS
            for rest in ("", r"{path:/[\s\S]*}")
        ]

    async def serve(self, request: web.Request) -> web.Response:
        """Invoke the action of a request, and respond with its result."""
        if (request.match_info["namespace"], request.match_info["package"]) == _API_GATEWAY:
            raise NotAvailable(
                "The API gateway is not available here: this OpenWhisk has no `wsk api`. "
                "Use the address of the web action itself, which `wsk action get NAME --url` prints."
            )
        name, extension = web_action.split_extension(request.match_info["name"])
        plan = self._exported_action(request, name)
        own_options = plan.action.annotation("web-custom-options") is True
        if own_options:
            return await self._invoke(request, plan, extension)
        headers = _cors_headers(request)
        if request.method == "OPTIONS":
            return web.Response(status=200, headers=headers)
        try:
            response = await self._invoke(request, plan, extension)
        except OpenWhiskError as exc:
            exc.headers.update(headers)
            raise
        for key, value in headers.items():
            # The headers of the action take precedence.
            response.headers.setdefault(key, value)
        return response

    def _exported_action(self, request: web.Request, name: str) -> LaunchPlan:
        """Return the plan of the action.

        Raises:
            NotFound: it does not exist or is not a web action; the response does not say which.
        """
        package = request.match_info["package"]
        if request.match_info["namespace"] != self._context.settings.namespace:
            raise NotFound
        try:
            plan = self._context.plans.get("" if package == _DEFAULT else package, name)
        except OpenWhiskError:
            raise NotFound from None
        if plan.action.annotation("web-export") is not True:
            raise NotFound
        return plan

    async def _invoke(self, request: web.Request, plan: LaunchPlan, extension: str) -> web.Response:
        user = self._user(request)
        if request.method != "OPTIONS":
            _authorize(plan.action, request, user)
        call = web_action.WebCall(
            method=request.method,
            headers=request.headers,
            path=request.match_info.get("path", ""),
            query=request.rel_url.raw_query_string,
            body=await body_of(request, MAX_PAYLOAD),
            user=user,
        )
        raw = plan.action.annotation("raw-http") is True
        # Final parameters are checked here; the parameters that describe the request are allowed.
        parameters = web_action.arguments(call, raw, plan.final)
        self._context.invoker.admit()
        activation_id, task = self._context.invoker.begin(plan, parameters, request[TRANSACTION])
        headers = {"X-OpenWhisk-Activation-Id": activation_id}
        await asyncio.wait((task,), timeout=self._context.settings.blocking_wait)
        if not task.done():
            error = {"error": "Response not yet ready.", "code": request[TRANSACTION]}
            return json_response(error, 202, headers)
        response = task.result().response
        try:
            if response.status is ActivationStatus.SUCCESS:
                answer = web_action.answer(extension, orjson.loads(response.result))
            elif response.status is ActivationStatus.APPLICATION_ERROR:
                answer = web_action.answer(extension, orjson.loads(response.result)["error"])
            else:
                raise BadRequest("There was an error processing your request.")
        except OpenWhiskError as exc:
            exc.headers.update(headers)
            raise
        http_response = web.Response(status=answer.status, body=answer.body, headers=headers)
        if answer.content_type:
            http_response.headers["Content-Type"] = answer.content_type
        elif not answer.body:
            http_response.headers.popall("Content-Type", None)
        for key, value in answer.headers:
            http_response.headers.add(key, value)
        return http_response

    def _user(self, request: web.Request) -> str | None:
        """Return the namespace of the request's key, or None if it has no key."""
        try:
            self._context.auth.check(request.headers.get("Authorization"))
        except Unauthorized:
            return None
        return self._context.settings.namespace


def _authorize(action: Action, request: web.Request, user: str | None) -> None:
    """Check the key or the secret that the action requires.

    Raises:
        Unauthorized: the request does not have it.
    """
    required = action.annotation("require-whisk-auth")
    if required is True:
        allowed = user is not None
    elif isinstance(required, str | int) and required is not False:
        secret = request.headers.get("X-Require-Whisk-Auth", "")
        allowed = hmac.compare_digest(
            secret.encode("utf-8", "replace"), str(required).encode("utf-8", "replace")
        )
    else:
        allowed = True
    if not allowed:
        raise Unauthorized("The resource requires authentication, which was not supplied with the request.")


def _cors_headers(request: web.Request) -> dict[str, str]:
    requested = request.headers.get("Access-Control-Request-Headers")
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": ", ".join(METHODS),
        "Access-Control-Allow-Headers": valid_text(requested) if requested else ALLOWED_HEADERS,
    }
