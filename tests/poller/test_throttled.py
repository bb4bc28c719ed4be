"""Steps that OpenWhisk refuses because there were too many invocations are invoked later."""

from __future__ import annotations

import time
from typing import Any

import pytest

from core.config_docs.model import ConfigDocument
from core.errors import ThrottledError
from core.kafka.topics import JOBS
from core.openwhisk.pace import Pace
from poller.delivery.result_delivery import ResultDelivery
from poller.delivery.step_reply import LOOP_RETRIES, StepThrottledError
from tests.core.samples import job, wire
from tests.poller import results
from tests.poller.fakes import Documents, Invoke, Message, Provider, Publisher, view
from tests.poller.harness import Rig

REFUSAL = "Too many requests in the last minute (count: 61, allowed: 60)."


class Limited(Invoke):
    """Refuses the first invocations, and then answers."""

    def __init__(self, refusals: int, retry_after: float = 0.05) -> None:
        super().__init__({"answer": {"n": 1}})
        self.refusals, self.retry_after = refusals, retry_after

    def __call__(self, document: ConfigDocument, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        if self.refusals > 0:
            self.refusals -= 1
            raise ThrottledError("Too many invocations at once.", self.retry_after, "later")
        return super().__call__(document, body, timeout)


def test_a_refused_step_is_invoked_later_however_often_it_is_refused(rig: Rig) -> None:
    rig.delivery._steps._invoke = Limited(LOOP_RETRIES * 2)
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d1abc": view("DONE")}
    rig.consume(Message(JOBS, 0, wire()))
    rig.step_until(lambda: bool(rig.finals()))
    [final] = rig.finals()
    assert (final.status, final.answer, final.error) == ("DONE", {"n": 1}, None)


def test_no_result_is_fetched_while_no_invocation_is_permitted() -> None:
    now = 1000.0
    provider, invoke = Provider(), Limited(1, retry_after=20.0)
    provider.raw = results.sampler({"0": 1})
    delivery = ResultDelivery(provider, Publisher(), Documents(), invoke, pace=Pace(lambda: now))
    fetches: list[str] = []
    account = provider.account("simulator")
    fetch = account.result
    account.result = lambda seen: fetches.append(seen.job_id) or fetch(seen)  # type: ignore[assignment, method-assign, func-returns-value]
    with pytest.raises(StepThrottledError) as refused:
        delivery.deliver(job(), view("DONE"))
    assert refused.value.retry_after == 20.0
    assert len(fetches) == 1
    for process_job_id in ("process-1", "process-2", "process-3"):
        with pytest.raises(StepThrottledError) as waiting:
            delivery.deliver(job(process_job_id=process_job_id), view("DONE"))
        assert waiting.value.retry_after == pytest.approx(20.0)
    assert len(fetches) == 1
    now += 20.0
    assert delivery.deliver(job(), view("DONE")).answer == {"n": 1}


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_set_delays_no_invocation(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    shift, true_time = 0.0, time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + shift)
    provider, invoke = Provider(), Limited(0)
    provider.raw = results.sampler({"0": 1})
    delivery = ResultDelivery(provider, Publisher(), Documents(), invoke)
    for shift in (0.0, hours * 3_600.0, 0.0):
        assert delivery.deliver(job(process_job_id=f"at-{shift}"), view("DONE")).answer == {"n": 1}


def test_a_fetch_that_waits_for_openwhisk_is_neither_a_call_nor_an_error(rig: Rig) -> None:
    clock = [1000.0]
    rig.delivery._steps._pace = Pace(lambda: clock[0])
    rig.delivery._steps._pace.refused(REFUSAL, 0.05)
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d1abc": view("DONE")}
    waits: list[float] = []
    for account_worker in rig.poller.accounts:
        postponed = account_worker.scheduler.fetch_postponed
        account_worker.scheduler.fetch_postponed = (  # type: ignore[method-assign]
            lambda call, at, postponed=postponed: waits.append(at) or postponed(call, at)  # type: ignore[func-returns-value, misc]
        )
    rig.consume(Message(JOBS, 0, wire()))
    rig.step_until(lambda: len(waits) >= 3)
    assert not rig.finals()
    clock[0] += 1.0
    rig.step_until(lambda: bool(rig.finals()))
    rig.step_until(lambda: not list(rig.poller.tracker))
    calls = [
        line
        for line in rig.metrics().decode().splitlines()
        if line.startswith("qwhisk_poller_api_calls_total")
    ]
    assert [line.split()[-1] for line in calls if 'kind="fetch"' in line] == ["1.0"]
    assert b"qwhisk_poller_errors_total{" not in rig.metrics()


def test_the_deadline_ends_a_job_that_is_always_refused(rig: Rig) -> None:
    rig.invoke.reply = ThrottledError("Too many invocations at once.", 0.01, REFUSAL)
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views = {"d1abc": view("DONE")}
    rig.poller.completion.deadline = 1.0
    rig.consume(Message(JOBS, 0, wire()))
    rig.step_until(lambda: bool(rig.finals()))
    [final] = rig.finals()
    assert final.error is not None
    assert final.error.code == "deadline"
