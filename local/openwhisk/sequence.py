"""Sequences: run actions one after another, each with the result of the previous one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from local.openwhisk.activations import Activation, ActivationStatus, Response
from local.openwhisk.entities import SEQUENCE, Action
from local.openwhisk.entities.action import MAX_COMPONENTS
from local.openwhisk.errors import NOT_ALLOWED, OpenWhiskError
from local.openwhisk.invocation_context import Counts, InvocationContext
from local.openwhisk.launch_plan import LaunchPlan, LaunchPlans

#: Runs an action with parameters, JSON text, and returns its record.
RunPlan = Callable[[LaunchPlan, bytes, InvocationContext], Awaitable[Activation]]


async def run_sequence(
    sequence: Action,
    value: bytes,
    record: Activation,
    call: InvocationContext,
    plans: LaunchPlans,
    run: RunPlan,
) -> None:
    """Run a sequence's actions and complete its record.

    Args:
        sequence: the sequence.
        value: the parameters of its first action.
        record: of the sequence.
        call: of the sequence.
        plans: of the actions.
        run: runs an action.
    """
    record.topmost = not call.in_sequence
    record.duration = 0
    record.response = Response(ActivationStatus.SUCCESS, value)
    memory = 0
    for component in sequence.exec.components:
        try:
            plan = plans.of(component)
        except OpenWhiskError:
            record.response = _error("Sequence component does not exist.")
            break
        if plan.action.exec.kind != SEQUENCE:
            call.counts.in_sequences += 1
        if call.counts.in_sequences > MAX_COMPONENTS or call.depth >= MAX_COMPONENTS:
            record.response = _error("Too many actions in the sequence.")
            break
        parameters = orjson.loads(value)
        if isinstance(parameters, dict):
            if not plan.final.isdisjoint(parameters):
                # OpenWhisk's own lets one action of a sequence set final parameters of the next.
                record.response = _error(NOT_ALLOWED)
                break
            parameters = plan.bound | parameters
        try:
            merged = orjson.dumps(parameters) if plan.bound else value
        except orjson.JSONEncodeError:
            record.response = _error("The parameters are nested too deeply.")
            break
        # A composition has its own limits.
        part = await run(plan, merged, call.part(counts=Counts() if plan.conducts else None))
        record.logs.append(part.id)
        record.duration += part.elapsed
        memory = max(memory, part.limits["memory"])
        record.response = part.response
        if part.response.status is not ActivationStatus.SUCCESS:
            break
        value = part.response.result
    record.limits = record.limits | {"memory": memory or record.limits["memory"]}


def _error(message: str) -> Response:
    return Response.error(ActivationStatus.APPLICATION_ERROR, message)
