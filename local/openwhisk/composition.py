"""Compositions: a conductor action decides, activation by activation, which action runs next."""

from __future__ import annotations

from typing import Any

import orjson

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.activations import Activation, ActivationStatus, Response
from local.openwhisk.entities import SEQUENCE, entity_name
from local.openwhisk.entities.action import MAX_COMPONENTS
from local.openwhisk.errors import NOT_ALLOWED, BadRequest, OpenWhiskError
from local.openwhisk.invocation_context import MAX_CONDUCTORS, Counts, InvocationContext
from local.openwhisk.launch_plan import LaunchPlan, LaunchPlans
from local.openwhisk.sequence import RunPlan

_TOO_LONG = "Too many actions in the composition."
_FAILED = "Activation failure during composition."
_DEEP = "The parameters are nested too deeply."


class _Failure(Exception):
    """An action cannot be invoked, since its parameters are too large."""


class _TooDeep(Exception):
    """What the conductor has returned is nested too deeply."""


class Composition:
    """One run of a composition. It completes the composition's record.

    Args:
        conductor: the conductor's plan.
        record: of the composition.
        call: of the composition.
        plans: of the actions.
        run: runs an action.
    """

    def __init__(
        self,
        conductor: LaunchPlan,
        record: Activation,
        call: InvocationContext,
        plans: LaunchPlans,
        run: RunPlan,
    ) -> None:
        self._conductor = conductor
        self._record = record
        self._call = call
        self._counts = call.counts
        self._plans = plans
        self._run = run
        self._duration = 0
        self._memory = conductor.action.limits.memory

    async def run(self, value: bytes) -> None:
        """Activate the conductor and the actions that it chooses until it chooses none.

        Args:
            value: the parameters of the composition, JSON text.
        """
        self._record.kind = SEQUENCE
        self._record.conductor = True
        self._record.topmost = not self._call.in_sequence
        try:
            self._record.response = await self._loop(orjson.loads(value))
        except _Failure:
            self._record.response = Response.error(ActivationStatus.WHISK_ERROR, _FAILED)
        except _TooDeep:
            self._record.response = Response.error(ActivationStatus.APPLICATION_ERROR, _DEEP)
        finally:
            self._record.duration = self._duration
            self._record.limits = self._record.limits | {"memory": self._memory}

    async def _loop(self, payload: Any) -> Response:
        state: dict[str, Any] | None = None
        while self._counts.conductors < MAX_CONDUCTORS:
            self._counts.conductors += 1
            if state is not None:
                payload = _boxed(payload, "value") | state
            if isinstance(payload, dict) and not self._conductor.final.isdisjoint(payload) and self._started:
                # Results and states must not set what callers must not set.
                return Response.error(ActivationStatus.APPLICATION_ERROR, NOT_ALLOWED)
            activation = await self._invoke(self._conductor, payload, conducts=True)
            result = orjson.loads(activation.response.result)
            fields = result if isinstance(result, dict) else {}
            state = _boxed(fields["state"], "state") if "state" in fields else None
            params = _boxed(fields["params"], "value") if "params" in fields else None
            if "action" not in fields:
                text = activation.response.result if params is None else _dumps(params)
                return Response(activation.response.status, text)
            payload = await self._next(fields["action"], params or {})
        return Response.error(ActivationStatus.APPLICATION_ERROR, _TOO_LONG)

    @property
    def _started(self) -> bool:
        """Whether the conductor has been activated. Its first parameters are those of the request."""
        return bool(self._record.logs)

    async def _next(self, name: Any, params: dict[str, Any]) -> Any:
        """Run the action that the conductor has chosen; return its result, or why it was not run."""
        namespace = self._conductor.action.namespace
        path = _qualified(name, namespace)
        if path is None:
            text = _dumps(name).decode()
            return _error(f"Failed to parse action name from json value {text} during composition.")
        if self._counts.components >= MAX_COMPONENTS:
            return _error(_TOO_LONG)
        space, _, short = path.partition("/")
        if space != namespace:
            return _error(f"Failed entitlement check for action with name '{path}' during composition.")
        try:
            plan = self._plans.of(short)
        except OpenWhiskError:
            return _error(f"Failed to resolve action with name '{path}' during composition.")
        if not plan.final.isdisjoint(params):
            return _error(NOT_ALLOWED)
        if not plan.conducts:
            self._counts.components += 1
        return orjson.loads((await self._invoke(plan, params)).response.result)

    async def _invoke(self, plan: LaunchPlan, payload: Any, *, conducts: bool = False) -> Activation:
        """Run an action and note its activation.

        Raises:
            _Failure: its parameters are too large.
            _TooDeep: they are nested too deeply.
        """
        value = _dumps(plan.bound | payload if isinstance(payload, dict) else payload)
        if len(value) > MAX_PAYLOAD:
            raise _Failure
        # Compositions share their limits with those that they run; a sequence has its own.
        counts = Counts() if plan.action.exec.kind == SEQUENCE else None
        part = await self._run(plan, value, self._call.part(conducts=conducts, counts=counts))
        self._record.logs.append(part.id)
        self._duration += part.elapsed
        self._memory = max(self._memory, part.limits["memory"])
        return part


def _qualified(name: Any, namespace: str) -> str | None:
    """Return the path of an action, `namespace/action` or `namespace/package/action`; None if it is no name.

    A name without a leading slash is in the conductor's namespace, unless it has three parts.
    """
    if not isinstance(name, str):
        return None
    parts = name.removeprefix("/").split("/")
    absolute = name.startswith("/") or len(parts) == 3
    if len(parts) > 3 or (absolute and len(parts) == 1):
        return None
    if not absolute:
        parts.insert(0, namespace)
    if parts[0] == "_":
        parts[0] = namespace
    try:
        return "/".join(entity_name(part) for part in parts)
    except BadRequest:
        return None


def _dumps(value: Any) -> bytes:
    """Return a value as JSON text.

    Raises:
        _TooDeep: it is nested too deeply.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise _TooDeep from None


def _boxed(value: Any, key: str) -> dict[str, Any]:
    """Return an object; any other value as an object with this key."""
    return value if isinstance(value, dict) else {key: value}


def _error(message: str) -> dict[str, Any]:
    """Return what the conductor gets instead of a result."""
    return {"error": message}
