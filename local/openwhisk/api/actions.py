"""Actions and their invocation."""

from __future__ import annotations

import asyncio
import itertools

from aiohttp import web

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.activations import ActivationStatus
from local.openwhisk.api.context import Context
from local.openwhisk.api.requests import (
    MAX_ENTITY,
    TRANSACTION,
    check_overwrite,
    flag,
    integer,
    json_response,
    json_text,
    names_of,
    object_of,
    page,
)
from local.openwhisk.entities import Action, Package, entity_name, now, put_action
from local.openwhisk.errors import BadRequest

_HTTP_STATUS = {
    ActivationStatus.SUCCESS: 200,
    ActivationStatus.APPLICATION_ERROR: 502,
    ActivationStatus.DEVELOPER_ERROR: 502,
    ActivationStatus.WHISK_ERROR: 500,
}


class Actions:
    """The handlers of `/actions`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._revisions = itertools.count(context.store.last_revision + 1)

    def routes(self, space: str) -> list[web.RouteDef]:
        """Return the routes below a namespace."""
        routes = [
            web.get(f"{space}/actions", self.list),
            web.get(space + "/actions/{package}/", self.list),
        ]
        for path in (space + "/actions/{name}", space + "/actions/{package}/{name}"):
            routes += [
                web.get(path, self.get),
                web.put(path, self.put),
                web.delete(path, self.delete),
                web.post(path, self.invoke),
            ]
        return routes

    async def list(self, request: web.Request) -> web.Response:
        """List the actions of one package or of all."""
        package = request.match_info.get("package")
        if package is None:
            actions = self._store.all(Action)
        else:
            of = self._store.get(Package, entity_name(package))
            actions = self._store.actions(of.binding or of.name)
        return json_response(page(request, [action.summary() for action in actions], "actions"))

    async def get(self, request: web.Request) -> web.Response:
        """Return an action with the parameters that it inherits."""
        action = self._context.plans.get(*names_of(request)).action
        return json_response(action.document(flag(request, "code", True)))

    async def put(self, request: web.Request) -> web.Response:
        """Create or update an action."""
        package, name = names_of(request)
        body = await object_of(request, MAX_ENTITY, required=True)
        old = self._store.find(Action, f"{package}/{name}" if package else name)
        check_overwrite(request, old)
        namespace = self._context.settings.namespace
        action = put_action(
            body,
            namespace,
            package,
            name,
            old,
            now(),
            next(self._revisions),
            self._context.settings.action_limits,
        )
        self._store.put_action(action)
        self._context.pool.retire(action.path)
        started = self._context.plans.get(package, name).launch
        if started is not None:
            self._context.pool.prewarm(started)
        return json_response(action.document())

    async def delete(self, request: web.Request) -> web.Response:
        """Delete an action."""
        action = self._store.delete_action(*names_of(request))
        self._context.plans.forget(action)
        self._context.pool.retire(action.path)
        return json_response(action.document())

    async def invoke(self, request: web.Request) -> web.Response:
        """Invoke an action, and wait for its result if the request is blocking."""
        self._context.invoker.admit()
        plan = self._context.plans.get(*names_of(request))
        blocking, only_result = flag(request, "blocking"), flag(request, "result")
        maximum = int(self._context.settings.blocking_wait * 1000)
        wait = integer(request, "timeout", maximum)
        if not 0 < wait <= maximum:
            raise BadRequest(f"Timeout must be number of milliseconds up to {maximum}.")
        payload = await object_of(request, MAX_PAYLOAD)
        activation_id, task = self._context.invoker.begin(plan, payload, request[TRANSACTION])
        headers = {"X-OpenWhisk-Activation-Id": activation_id}
        if blocking:
            # The activation continues if the wait ends or the client disconnects.
            await asyncio.wait((task,), timeout=wait / 1000)
            if task.done():
                record = task.result()
                status = _HTTP_STATUS[record.response.status]
                if only_result:
                    return json_text(record.response.result, status, headers)
                return json_response(record.answer(), status, headers)
        return json_response({"activationId": activation_id}, 202, headers)
