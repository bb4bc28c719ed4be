"""Triggers, their firing, and rules."""

from __future__ import annotations

import os
from typing import Any

import orjson
from aiohttp import web

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.activations import TRIGGER, Activation, ActivationStatus, Response
from local.openwhisk.api.context import Context
from local.openwhisk.api.requests import TRANSACTION, check_overwrite, json_response, name_of, object_of, page
from local.openwhisk.entities import Link, Rule, Trigger, now, put_rule, put_trigger
from local.openwhisk.entities.trigger import STATUSES
from local.openwhisk.errors import BadRequest, OpenWhiskError
from local.openwhisk.rates import Rate
from local.openwhisk.request_headers import PARAMETER, as_parameter

#: Headers that the actions of a trigger do not see.
_PRIVATE_HEADERS = frozenset(("authorization", "cookie"))


class Triggers:
    """The handlers of `/triggers`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._rate = Rate(context.settings.fires_per_minute)

    def routes(self, space: str) -> list[web.RouteDef]:
        """Return the routes below a namespace."""
        path = space + "/triggers/{name}"
        return [
            web.get(f"{space}/triggers", self.list),
            web.get(path, self.get),
            web.put(path, self.put),
            web.delete(path, self.delete),
            web.post(path, self.fire),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """List the triggers."""
        triggers = [trigger.summary() for trigger in self._store.all(Trigger)]
        return json_response(page(request, triggers, "triggers"))

    async def get(self, request: web.Request) -> web.Response:
        """Return a trigger and its rules."""
        return json_response(self._store.get(Trigger, name_of(request)).document())

    async def put(self, request: web.Request) -> web.Response:
        """Create or update a trigger."""
        name = name_of(request)
        body = await object_of(request, MAX_PAYLOAD, required=True)
        old = self._store.find(Trigger, name)
        check_overwrite(request, old)
        trigger = put_trigger(body, self._context.settings.namespace, name, old, now())
        self._store.put_trigger(trigger)
        return json_response(trigger.document())

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a trigger. Its rules stay, inactive."""
        return json_response(self._store.delete_trigger(name_of(request)).document())

    async def fire(self, request: web.Request) -> web.Response:
        """Invoke the actions of the active rules. Without any it responds with 204."""
        # First, as in OpenWhisk: requests count too that are refused.
        self._rate.count()
        trigger = self._store.get(Trigger, name_of(request))
        payload = await object_of(request, MAX_PAYLOAD)
        if not any(link.active for link in trigger.rules):
            return web.Response(status=204)
        activation_id = os.urandom(16).hex()
        record = Activation(
            id=activation_id,
            namespace=trigger.namespace,
            name=trigger.name,
            path=trigger.path,
            version=trigger.version,
            kind=TRIGGER,
            start=now(),
            response=Response(ActivationStatus.SUCCESS, orjson.dumps(payload)),
        )
        parameters = {item.key: item.value for item in trigger.parameters} | payload
        # As on OpenWhisk, the actions see the request's headers, in which webhooks have their event's type.
        shown = as_parameter(request.headers)
        parameters[PARAMETER] = {name: shown[name] for name in shown.keys() - _PRIVATE_HEADERS}
        for link in trigger.rules:
            entry = self._invoke(link, parameters, request[TRANSACTION], activation_id)
            record.logs.append(orjson.dumps(entry).decode())
        record.end = now()
        self._context.records.add(record)
        headers = {"X-OpenWhisk-Activation-Id": activation_id}
        return json_response({"activationId": activation_id}, 202, headers)

    def _invoke(self, link: Link, parameters: dict[str, Any], transaction: str, cause: str) -> dict[str, Any]:
        """Invoke a rule's action, and return the entry for the trigger's log."""
        namespace = self._context.settings.namespace
        entry: dict[str, Any] = {
            "rule": f"{namespace}/{link.rule}",
            "action": f"{namespace}/{link.action}",
            "statusCode": int(ActivationStatus.APPLICATION_ERROR),
            "success": False,
        }
        if not link.active:
            message = f"Rule '{entry['rule']}' is inactive, action '{entry['action']}' was not activated."
            return entry | {"error": message}
        try:
            self._context.invoker.admit()
            plan = self._context.plans.of(link.action)
            activation_id, _ = self._context.invoker.begin(plan, parameters, transaction, cause)
        except OpenWhiskError as exc:
            return entry | {"error": exc.message}
        return entry | {
            "statusCode": int(ActivationStatus.SUCCESS),
            "success": True,
            "activationId": activation_id,
        }


class Rules:
    """The handlers of `/rules`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def routes(self, space: str) -> list[web.RouteDef]:
        """Return the routes below a namespace."""
        path = space + "/rules/{name}"
        return [
            web.get(f"{space}/rules", self.list),
            web.get(path, self.get),
            web.put(path, self.put),
            web.delete(path, self.delete),
            web.post(path, self.set),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """List the rules, without their status, as in OpenWhisk."""
        rules = [rule.document() for rule in self._store.all(Rule)]
        return json_response(page(request, rules, "rules"))

    async def get(self, request: web.Request) -> web.Response:
        """Return a rule and its status."""
        rule = self._store.get(Rule, name_of(request))
        return self._rule_response(rule, self._store.link(rule))

    async def put(self, request: web.Request) -> web.Response:
        """Create or update a rule."""
        name = name_of(request)
        body = await object_of(request, MAX_PAYLOAD, required=True)
        old = self._store.find(Rule, name)
        check_overwrite(request, old)
        rule = put_rule(body, self._context.settings.namespace, name, old, now())
        return self._rule_response(rule, self._store.put_rule(rule, old))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a rule."""
        return self._rule_response(self._store.delete_rule(name_of(request)), None)

    async def set(self, request: web.Request) -> web.Response:
        """Make a rule active or inactive."""
        status = (await object_of(request, MAX_PAYLOAD)).get("status")
        if status not in STATUSES:
            raise BadRequest(
                f"The request content was malformed: status must be one of {', '.join(STATUSES)}."
            )
        self._store.set_rule(name_of(request), STATUSES[status])
        return web.Response(status=200)

    def _rule_response(self, rule: Rule, link: Link | None) -> web.Response:
        return json_response(rule.document() | {"status": link.status if link else "inactive"})
