"""A loop stops when its client cancels it, and after the jobs that its function declares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config_docs.model import UNDECLARED_JOBS, ConfigDocument
from core.kafka.topics import CANCEL, JOBS
from core.protocol import JobEvent
from core.strays import sought
from poller.delivery.result_delivery import ResultDelivery
from tests.core.samples import job, raw_document, wire
from tests.poller import results
from tests.poller.fakes import Documents, Invoke, Message, Provider, Publisher, view
from tests.poller.harness import Rig, SlowInvoke, next_job


class Endless(Invoke):
    """A function that always submits a next job, and calls `meanwhile` while it runs."""

    def __init__(self) -> None:
        super().__init__({})
        self.meanwhile: Callable[[], None] = lambda: None

    def __call__(self, document: ConfigDocument, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        self.meanwhile()
        self.reply = next_job(body["step"]["step"] + 1)
        return super().__call__(document, body, timeout)


class Declaring(Documents):
    """One function with a number of jobs."""

    def __init__(self, jobs: int | None) -> None:
        super().__init__()
        self._changes = {} if jobs is None else {"functionMaxJobs": jobs}

    def find(self, function: str) -> ConfigDocument:
        return ConfigDocument.model_validate(raw_document(**self._changes))


class Loop:
    """A loop whose jobs are all done, and its delivery."""

    def __init__(self, jobs: int | None = 1_000) -> None:
        self.provider, self.publisher, self.invoke = Provider(), Publisher(), Endless()
        self.provider.raw = results.sampler({"0": 1})
        self.delivery = ResultDelivery(self.provider, self.publisher, Declaring(jobs), self.invoke)
        self.step = 0

    def event(self) -> JobEvent:
        progress = {"step": self.step, "of": 9, "value": 0.0}
        return job(job_id=f"d{self.step}", step=self.step, progress=progress)

    def deliver(self) -> bool:
        """Deliver the present job; return whether the loop continues."""
        delivered = self.delivery.deliver(self.event(), view("DONE", job_id=f"d{self.step}"))
        self.step += 1
        return not delivered.final

    def cancel(self) -> None:
        """What the poller does when it consumes a client's request."""
        self.delivery.run_progress.cancel(self.event())

    def strays(self) -> list[str | None]:
        """The jobs whose cancellation was requested."""
        return [target.job_id for event in self.publisher.requests() if (target := sought(event.job_id))]


@pytest.mark.parametrize("jobs", [1, 2, 5, None])
def test_a_function_submits_no_more_jobs_than_it_declares(jobs: int | None) -> None:
    loop = Loop(jobs)
    most = jobs or UNDECLARED_JOBS
    while loop.deliver():
        assert loop.step < most
    [final] = [event for event in loop.publisher.events() if event.final]
    assert final.error is not None
    assert (final.status, final.error.code) == ("ERROR", "too_many_jobs")
    assert final.error.details == {"jobs": most + 1}, "with the one that is cancelled"
    assert loop.strays() == [f"d{most}"]


@given(before=st.integers(0, 5), during=st.booleans(), again=st.integers(1, 3))
def test_no_step_is_invoked_after_the_poller_knows_of_the_cancellation(
    before: int, during: bool, again: int
) -> None:
    """It is consumed between two steps or while a step is in progress, and its message may be repeated."""
    loop = Loop()
    for _ in range(before):
        assert loop.deliver()
    for _ in range(again):
        if during:
            loop.invoke.meanwhile = loop.cancel
        else:
            loop.cancel()
    assert not loop.deliver()
    assert len(loop.invoke.bodies) == before + during
    assert loop.strays() == ([f"d{before + 1}"] if during else [])
    # The next job may be delivered by its own event too.
    assert not loop.deliver()
    assert len(loop.invoke.bodies) == before + during
    finals = [event for event in loop.publisher.events() if event.final]
    assert [event.status for event in finals] == ["CANCELLED"]
    assert finals[0].error is not None
    assert finals[0].error.details == {"jobs": before + 1 + during}


@given(st.permutations(["cancel", "event"]))
def test_a_request_counts_in_any_order_of_the_messages(order: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        rig = Rig(patch)
        rig.delivery._documents = Declaring(1_000)
        rig.invoke = rig.delivery._steps._invoke = SlowInvoke(next_job(1))
        rig.invoke.may_answer.set()
        rig.provider.raw = results.sampler({"0": 1})
        rig.provider.views = {"d1abc": view("RUNNING"), "d1": view("CANCELLED", job_id="d1")}
        rig.provider.tags = {"qwhisk-process-1": ["d1abc"]}
        progress = {"step": 0, "of": 9, "value": 0.0}
        event = wire(backend_type="simulator", progress=progress)
        for action in order:
            if action == "cancel":
                rig.consume(Message(CANCEL, 0, event))
            else:
                rig.consume(Message(JOBS, 0, event))
        rig.provider.views["d1abc"] = view("DONE")
        rig.step_until(lambda: rig.poller.job_consumer.under_way() == 0)
        assert rig.invoke.bodies == []
        assert [final.status for final in rig.finals()] == ["CANCELLED"]
        rig.close()


def test_a_run_that_was_not_cancelled_continues() -> None:
    loop = Loop()
    other = loop.event().model_copy(update={"process_job_id": "another"})
    loop.delivery.run_progress.cancel(other)
    assert loop.deliver()
    assert loop.strays() == []


def test_the_answer_of_a_single_job_is_delivered_although_its_cancellation_came_too_late() -> None:
    loop = Loop(1)
    loop.delivery._steps._invoke = Invoke({"answer": {"summary": "Done."}})
    loop.delivery.run_progress.cancel(job())
    final = loop.delivery.deliver(job(), view("DONE"))
    assert (final.status, final.answer) == ("DONE", {"summary": "Done."})
