"""The REST API: routes, what they read from requests, and what they answer."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from local.openwhisk.activations import Activation, Activations, Status
from local.openwhisk.auth import Auth
from local.openwhisk.entities import (
    LIMITS,
    MAX_CODE,
    MAX_PAYLOAD,
    PYTHON_KINDS,
    entity_name,
    put_action,
    put_package,
)
from local.openwhisk.errors import ApiError, BadRequest, Conflict, Forbidden, NotFound, TooLarge
from local.openwhisk.invoke import Invoker
from local.openwhisk.plan import Plans
from local.openwhisk.pool import Pool
from local.openwhisk.settings import Settings
from local.openwhisk.store import Store

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Bytes of a PUT: the code, JSON's escapes in it, and the rest.
_MAX_ENTITY = MAX_CODE + 16 * 1024 * 1024

#: What lists give at most, and if not told.
_MAX_LIST = 200
_LIST = 30

_HTTP_STATUS = {
    Status.SUCCESS: 200,
    Status.APPLICATION_ERROR: 502,
    Status.DEVELOPER_ERROR: 502,
    Status.WHISK_ERROR: 500,
}

_TRANSACTION = web.RequestKey("transaction", str)


class Api:
    """The handlers, over a store, a pool and the activations' records."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        plans: Plans,
        pool: Pool,
        invoker: Invoker,
        records: Activations,
    ) -> None:
        self._settings = settings
        self._auth = Auth(settings.auth)
        self._store = store
        self._plans = plans
        self._pool = pool
        self._invoker = invoker
        self._records = records
        self._revisions = itertools.count(1)

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[self._around], client_max_size=_MAX_ENTITY)
        for path in ("/", "/api/v1", "/api/v1/"):
            app.router.add_get(path, self.info)
        for path in ("/ping", "/api/v1/ping"):
            app.router.add_get(path, self.ping)
        api = "/api/v1/namespaces"
        for path in (api, f"{api}/"):
            app.router.add_get(path, self.namespaces)
        space = api + "/{namespace}"
        app.router.add_get(f"{space}/limits", self.limits)
        for absent in ("triggers", "rules"):
            # There are none here; clients that list everything get an empty list.
            app.router.add_get(f"{space}/{absent}", self.nothing)
        app.router.add_get(f"{space}/packages", self.list_packages)
        package = space + "/packages/{name}"
        app.router.add_get(package, self.get_package)
        app.router.add_put(package, self.put_package)
        app.router.add_delete(package, self.delete_package)
        app.router.add_get(f"{space}/actions", self.list_actions)
        app.router.add_get(space + "/actions/{package}/", self.list_actions)
        for action in (space + "/actions/{name}", space + "/actions/{package}/{name}"):
            app.router.add_get(action, self.get_action)
            app.router.add_put(action, self.put_action)
            app.router.add_delete(action, self.delete_action)
            app.router.add_post(action, self.invoke)
        app.router.add_get(f"{space}/activations", self.list_activations)
        activation = space + "/activations/{id}"
        app.router.add_get(activation, self.get_activation)
        app.router.add_get(f"{activation}/result", self.get_result)
        app.router.add_get(f"{activation}/logs", self.get_logs)
        return app

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Number the request, check who asks, and put every error into OpenWhisk's shape."""
        given = request.headers.get("X-Request-ID", "")
        transaction = given if re.fullmatch(r"[\w-]{1,64}", given, re.ASCII) else os.urandom(16).hex()
        request[_TRANSACTION] = transaction
        headers = {}
        try:
            if request.path.startswith("/api/v1/namespaces"):
                self._authorize(request)
            response = await handler(request)
        except ApiError as exc:
            status, message = exc.status, exc.message
            if status == 401:
                headers["WWW-Authenticate"] = 'Basic realm="whisk rest service"'
        except web.HTTPNotFound:
            status, message = 404, NotFound().message
        except web.HTTPMethodNotAllowed as exc:
            allowed = ", ".join(sorted(exc.allowed_methods))
            status, message = 405, f"HTTP method not allowed, supported methods: {allowed}"
            headers["Allow"] = allowed
        except web.HTTPException as exc:
            status, message = exc.status, exc.reason
        except ConnectionError:
            raise  # the client left
        except Exception:
            log.exception("request %s: %s %s", transaction, request.method, request.path)
            status, message = 500, "There was an internal server error."
        else:
            response.headers["X-Request-ID"] = transaction
            return response
        headers["X-Request-ID"] = transaction
        return _json({"error": message, "code": transaction}, status, headers)

    def _authorize(self, request: web.Request) -> None:
        self._auth.check(request.headers.get("Authorization"))
        namespace = request.match_info.get("namespace", "_")
        if namespace not in ("_", self._settings.namespace):
            path = request.path.removeprefix("/api/v1/namespaces/")
            raise Forbidden(f"The supplied authentication is not authorized to access '{path}'.")

    async def info(self, _: web.Request) -> web.Response:
        """What this is and what it allows."""
        runtimes = [
            {"kind": kind, "default": kind == "python:3", "deprecated": False, "requireMain": False}
            for kind in PYTHON_KINDS
        ]
        limits = {
            "concurrent_actions": self._settings.max_processes + self._settings.max_waiting,
            "min_action_duration": LIMITS["timeout"][0],
            "max_action_duration": LIMITS["timeout"][1],
            "min_action_memory": LIMITS["memory"][0] * 1024 * 1024,
            "max_action_memory": LIMITS["memory"][1] * 1024 * 1024,
            "min_action_logs": LIMITS["logs"][0] * 1024 * 1024,
            "max_action_logs": LIMITS["logs"][1] * 1024 * 1024,
        }
        return _json(
            {
                "description": "OpenWhisk",
                "api_paths": ["/api/v1"],
                "api_version": "1.0.0",
                "runtimes": {"python": runtimes},
                "limits": limits,
                "processes": self._pool.numbers(),
            }
        )

    async def ping(self, _: web.Request) -> web.Response:
        """For readiness probes."""
        return web.Response(text="pong")

    async def namespaces(self, _: web.Request) -> web.Response:
        """The namespaces of the key: one."""
        return _json([self._settings.namespace])

    async def limits(self, _: web.Request) -> web.Response:
        """The namespace's limits."""
        most = self._settings.max_processes + self._settings.max_waiting
        return _json({"concurrentInvocations": most, "maxParameterSize": f"{MAX_PAYLOAD} B"})

    async def nothing(self, _: web.Request) -> web.Response:
        """An empty list."""
        return _json([])

    async def list_packages(self, request: web.Request) -> web.Response:
        """The packages."""
        found = [package.document() for package in self._store.packages()]
        return _json(_page(request, found, "packages"))

    async def get_package(self, request: web.Request) -> web.Response:
        """A package and what is in it."""
        package = self._store.package(entity_name(request.match_info["name"]))
        actions = self._store.actions(package.binding or package.name)
        document = package.document()
        if package.binding:
            inherited = {item.key: item for item in self._store.package(package.binding).parameters}
            inherited.update((item.key, item) for item in package.parameters)
            document["parameters"] = [item.document() for item in inherited.values()]
        document["feeds"] = []
        document["actions"] = [
            {
                "name": action.name,
                "version": action.version,
                "annotations": [item.document() for item in action.annotations],
            }
            for action in actions
        ]
        return _json(document)

    async def put_package(self, request: web.Request) -> web.Response:
        """Create or update a package."""
        name = entity_name(request.match_info["name"])
        overwrite = _flag(request, "overwrite")
        body = await _object(request, MAX_PAYLOAD)
        old = self._store.find_package(name)
        _may_overwrite(old, overwrite)
        package = put_package(body, self._settings.namespace, name, old, _now())
        self._store.put_package(package)
        return _json(package.document())

    async def delete_package(self, request: web.Request) -> web.Response:
        """Delete a package; with force=true what is in it too."""
        name = entity_name(request.match_info["name"])
        package, actions = self._store.delete_package(name, _flag(request, "force"))
        for action in actions:
            self._plans.forget(action)
            self._pool.retire(action.path)
        return _json(package.document())

    async def list_actions(self, request: web.Request) -> web.Response:
        """The actions, of one package or all."""
        package = request.match_info.get("package")
        if package is not None:
            found = self._store.package(entity_name(package))
            package = found.binding or found.name
        actions = [action.summary() for action in self._store.actions(package)]
        return _json(_page(request, actions, "actions"))

    async def get_action(self, request: web.Request) -> web.Response:
        """An action with the parameters it inherits."""
        action = self._plans.get(*_names(request)).action
        return _json(action.document(_flag(request, "code", True)))

    async def put_action(self, request: web.Request) -> web.Response:
        """Create or update an action."""
        package, name = _names(request)
        overwrite = _flag(request, "overwrite")
        body = await _object(request, _MAX_ENTITY)
        old = self._store.find_action(package, name)
        _may_overwrite(old, overwrite)
        action = put_action(body, self._settings.namespace, package, name, old, _now(), next(self._revisions))
        self._store.put_action(action)
        self._pool.retire(action.path)
        started = self._plans.get(package, name).launch
        if started is not None:
            self._pool.prewarm(started)
        return _json(action.document())

    async def delete_action(self, request: web.Request) -> web.Response:
        """Delete an action."""
        action = self._store.delete_action(*_names(request))
        self._plans.forget(action)
        self._pool.retire(action.path)
        return _json(action.document())

    async def invoke(self, request: web.Request) -> web.Response:
        """Invoke an action, and wait for it if asked to."""
        plan = self._plans.get(*_names(request))
        blocking, only_result = _flag(request, "blocking"), _flag(request, "result")
        most = int(self._settings.blocking_wait * 1000)
        wait = _integer(request, "timeout", most)
        if not 0 < wait <= most:
            raise BadRequest(f"Timeout must be number of milliseconds up to {most}.")
        payload = await _object(request, MAX_PAYLOAD)
        activation_id, task = self._invoker.begin(plan, payload, request[_TRANSACTION])
        headers = {"X-OpenWhisk-Activation-Id": activation_id}
        if blocking:
            # The activation goes on if the wait, or the client, does not.
            await asyncio.wait((task,), timeout=wait / 1000)
            if task.done():
                record = task.result()
                status = _HTTP_STATUS[record.response.status]
                if only_result:
                    return _json_text(record.response.result, status, headers)
                return _json(record.document(), status, headers)
        return _json({"activationId": activation_id}, 202, headers)

    async def list_activations(self, request: web.Request) -> web.Response:
        """Records, newest first."""
        name = request.query.get("name") or None
        since, upto = (_optional_integer(request, key) for key in ("since", "upto"))
        if _flag(request, "count"):
            return _json({"activations": self._records.count(name=name, since=since, upto=upto)})
        skip, limit = _range(request, "activations")
        found = self._records.list(name=name, since=since, upto=upto, skip=skip, limit=limit)
        docs = _flag(request, "docs")
        return _json([record.document() if docs else record.summary() for record in found])

    async def get_activation(self, request: web.Request) -> web.Response:
        """A record."""
        return _json(self._record(request).document())

    async def get_result(self, request: web.Request) -> web.Response:
        """A record's response."""
        return _json(self._record(request).response.document())

    async def get_logs(self, request: web.Request) -> web.Response:
        """A record's log."""
        return _json({"logs": self._record(request).logs})

    def _record(self, request: web.Request) -> Activation:
        activation_id = request.match_info["id"]
        if len(activation_id) != 32:
            raise BadRequest(f"Activation id length is {len(activation_id)} but must be 32.")
        record = self._records.get(activation_id)
        if record is None:
            raise NotFound
        return record


def _names(request: web.Request) -> tuple[str, str]:
    """Package ("" is the default one) and name of the action in the path."""
    package = request.match_info.get("package", "")
    return entity_name(package) if package else "", entity_name(request.match_info["name"])


def _may_overwrite(old: object, overwrite: bool) -> None:
    if old is not None and not overwrite:
        raise Conflict("resource already exists")


async def _object(request: web.Request, limit: int) -> dict[str, Any]:
    """The body, a JSON object; no body is an empty one."""
    declared = request.content_length or 0
    if declared > limit:
        raise TooLarge("Request", declared, limit)
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > limit:
            raise TooLarge("Request", len(body), limit)
    if not body:
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise BadRequest(f"The request content was malformed: {exc}.") from None
    if not isinstance(found, dict):
        raise BadRequest("The request content was malformed: the body must be a JSON object.")
    return found


def _flag(request: web.Request, name: str, default: bool = False) -> bool:
    value = request.query.get(name)
    if value is None:
        return default
    if value.lower() not in ("true", "false"):
        raise BadRequest(f"The query parameter '{name}' was malformed: '{value}' is not true or false.")
    return value.lower() == "true"


def _integer(request: web.Request, name: str, default: int) -> int:
    found = _optional_integer(request, name)
    return default if found is None else found


def _optional_integer(request: web.Request, name: str) -> int | None:
    value = request.query.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
        raise BadRequest(f"The query parameter '{name}' was malformed: '{value}' is not an integer.")
    return int(value)


def _range(request: web.Request, collection: str) -> tuple[int, int]:
    """How many to skip and how many to give."""
    skip, limit = _integer(request, "skip", 0), _integer(request, "limit", _LIST)
    if skip < 0:
        raise BadRequest(f"The value '{skip}' of skip is not greater than or equal to 0 for {collection}.")
    if not 0 <= limit <= _MAX_LIST:
        raise BadRequest(
            f"The value '{limit}' of limit is not in the range of 0 to {_MAX_LIST} for {collection}."
        )
    return skip, limit or _MAX_LIST


def _page(request: web.Request, found: list[dict[str, Any]], collection: str) -> Any:
    if _flag(request, "count"):
        return {collection: len(found)}
    skip, limit = _range(request, collection)
    return found[skip : skip + limit]


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return _json_text(orjson.dumps(document), status, headers)


def _json_text(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _now() -> int:
    return time.time_ns() // 1_000_000
