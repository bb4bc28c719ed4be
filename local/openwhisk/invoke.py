"""Invocations: merge the parameters, run the action in a container, evaluate the response, add the record."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import orjson

from core.openwhisk.action_server import MAX_PAYLOAD
from local.openwhisk.activations import Activation, Activations, ActivationStatus, Response
from local.openwhisk.composition import Composition
from local.openwhisk.container import Container
from local.openwhisk.entities import SEQUENCE, Action, now
from local.openwhisk.entities.action import MAX_COMPONENTS
from local.openwhisk.errors import (
    NOT_ALLOWED,
    BadRequest,
    ContainerError,
    OpenWhiskError,
    ResultTooLarge,
    StartFailed,
    TooLarge,
    TooMany,
    Unavailable,
)
from local.openwhisk.invocation_context import InvocationContext
from local.openwhisk.launch_plan import LaunchPlan, LaunchPlans
from local.openwhisk.pool import ContainerPool
from local.openwhisk.rates import Rate
from local.openwhisk.results import judge
from local.openwhisk.sequence import run_sequence
from local.openwhisk.settings import OpenWhiskSettings

log = logging.getLogger(__name__)

#: The most characters of what a failed action has printed that are logged.
MAX_LOGGED = 8_000

#: Characters of an error that are logged. An error may contain a whole result.
_LOGGED = 1000


class ActionInvoker:
    """Runs actions in the pool's containers and adds the records."""

    def __init__(
        self, settings: OpenWhiskSettings, plans: LaunchPlans, pool: ContainerPool, activations: Activations
    ) -> None:
        self._key = settings.auth
        self._allowed = settings.concurrent_invocations
        self._rate = Rate(settings.invocations_per_minute)
        self._plans = plans
        self._pool = pool
        self._activations = activations
        self._running: set[asyncio.Task[Activation]] = set()

    def admit(self) -> None:
        """Count a request for an activation. As in OpenWhisk, those count too that are refused.

        Raises:
            TooFast: the minute has had too many.
            TooMany: too many activations are running or waiting.
        """
        self._rate.count()
        if len(self._running) >= self._allowed:
            raise TooMany(len(self._running) + 1, self._allowed)

    def begin(
        self, plan: LaunchPlan, payload: dict[str, Any], transaction: str, cause: str = ""
    ) -> tuple[str, asyncio.Task[Activation]]:
        """Start an activation.

        Args:
            plan: of the action.
            payload: the parameters of this invocation.
            transaction: the id of the request.
            cause: the id of the activation that invokes this one.

        Returns:
            The activation's id, and the task that returns its record.

        Raises:
            BadRequest: the payload sets a parameter that is final in the action, or in the first action of
                the sequence; or it is nested too deeply.
            TooLarge: the merged parameters are larger than allowed.
        """
        if not self._final(plan).isdisjoint(payload):
            raise BadRequest(NOT_ALLOWED)
        try:
            value = orjson.dumps(plan.bound | payload if plan.bound else payload)
        except orjson.JSONEncodeError:
            # The body of a web action can be read, but not be written again.
            raise BadRequest("The request content was malformed: it is nested too deeply.") from None
        if len(value) > MAX_PAYLOAD:
            raise TooLarge("The parameters are", len(value), MAX_PAYLOAD)
        call = InvocationContext(transaction, cause)
        task = asyncio.get_running_loop().create_task(self._run(plan, value, call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return call.id, task

    def _final(self, plan: LaunchPlan) -> frozenset[str]:
        """Return the parameters that a request may not set, also in the first action of a sequence."""
        final = plan.final
        for _ in range(MAX_COMPONENTS):
            if plan.action.exec.kind != SEQUENCE:
                break
            try:
                plan = self._plans.of(plan.action.exec.components[0])
            except OpenWhiskError:
                break  # The error is reported when the sequence reaches that action.
            final |= plan.final
        return final

    async def close(self) -> None:
        """Wait for the current activations. The pool must be closed before, which ends their processes."""
        if self._running:
            await asyncio.wait(self._running, timeout=1.0)

    async def _run(self, plan: LaunchPlan, value: bytes, call: InvocationContext) -> Activation:
        action = plan.action
        call.total.activations += 1
        record = Activation(
            id=call.id,
            namespace=action.namespace,
            name=action.name,
            path=action.path,
            version=action.version,
            kind=action.exec.kind,
            limits=action.limits.document(),
            start=now(),
            cause=call.cause,
            caused_by_sequence=call.in_sequence,
        )
        try:
            if call.exceeds:
                record.response = Response.error(
                    ActivationStatus.APPLICATION_ERROR, "Too many actions in the composition."
                )
            elif action.exec.kind == SEQUENCE:
                await run_sequence(action, value, record, call, self._plans, self._run)
            elif plan.conducts and not call.conducts:
                await Composition(plan, record, call, self._plans, self._run).run(value)
            else:
                await self._run_action(plan, value, record, call)
        except ContainerError as exc:
            record.logs = exc.logs
            record.timed_out = exc.timed_out
            if isinstance(exc, StartFailed) and exc.init_ms is not None:
                record.init_ms = exc.init_ms
                record.start = now() - exc.init_ms
            status = ActivationStatus.DEVELOPER_ERROR
            if isinstance(exc, ResultTooLarge):
                status = ActivationStatus.APPLICATION_ERROR
            record.response = Response.error(status, exc.message)
            log.warning("activation %s of %s: %s", call.id, action.path, exc.message[:_LOGGED])
        except Unavailable as exc:
            record.response = Response.error(ActivationStatus.WHISK_ERROR, exc.message)
        except Exception:
            # A bug in this server fails one activation, not all of them.
            log.exception("activation %s of %s", call.id, action.path)
            record.response = Response.error(
                ActivationStatus.WHISK_ERROR, "There was an internal server error."
            )
        record.end = now()
        self._activations.add(record)
        if (
            record.response.status is not ActivationStatus.SUCCESS
            and record.logs
            and not isinstance(record.topmost, bool)
        ):
            # What the failed action has printed, such as a traceback: activations are forgotten.
            printed = "\n".join(record.logs)[-MAX_LOGGED:]
            log.warning("activation %s of %s failed", call.id, action.path, extra={"printed": printed})
        return record

    async def _run_action(
        self, plan: LaunchPlan, value: bytes, record: Activation, call: InvocationContext
    ) -> None:
        if plan.launch is None:
            raise StartFailed(f"Failed to pull container image '{plan.action.exec.image}'.")
        waiting_since = time.monotonic()
        container = await self._pool.acquire(plan.launch)
        record.wait_ms = int((time.monotonic() - waiting_since) * 1000)
        await self._run_in(container, plan.action, value, record, call.transaction)

    async def _run_in(
        self, container: Container, action: Action, value: bytes, record: Activation, transaction: str
    ) -> None:
        keep = False
        try:
            record.start = now()
            if not container.used:
                # As in OpenWhisk, the initialisation belongs to the first activation.
                record.init_ms = container.init_ms
                record.start -= container.init_ms
                record.wait_ms = max(0, record.wait_ms - container.init_ms)
            status, result, record.logs = await container.run(
                self._request(action, value, record.id, transaction)
            )
            record.response = judge(status, result)
            # As in OpenWhisk, a container is not used again after an error that its action did not handle.
            keep = record.response.status <= ActivationStatus.APPLICATION_ERROR
        finally:
            self._pool.release(container, keep=keep)

    def _request(self, action: Action, value: bytes, activation_id: str, transaction: str) -> bytes:
        """Return the body of the /run request."""
        context: dict[str, Any] = {
            "namespace": action.namespace,
            "action_name": f"/{action.path}",
            "action_version": action.version,
            "activation_id": activation_id,
            "transaction_id": transaction,
            "deadline": str(now() + action.limits.timeout),
            "value": orjson.Fragment(value),
        }
        # OpenWhisk passes the key only to actions with this annotation.
        if action.annotation("provide-api-key"):
            context["api_key"] = self._key
        return orjson.dumps(context)
