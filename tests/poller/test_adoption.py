"""An action takes a job over while a poller is about to cancel it: what is announced is never cancelled.

The actions' and the poller's own code make their calls to one provider, in every order that can happen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from actions.framework.recovery import Recovery
from core.provider import JobView, QuantumAccount, run_tag, step_tag
from core.strays import Stray
from poller import cancellation
from testkit.quantum_account import InMemoryAccount
from tests.core.samples import job

EVENT = job(step=3)
RUN = EVENT.process_job_id
TAGS = [run_tag(RUN), step_tag(RUN, 3), step_tag(RUN, 3, "first")]
CREATED = datetime(2026, 5, 1, tzinfo=UTC)


class Jobs(InMemoryAccount):
    """A provider with one job, of an earlier attempt whose answer was lost."""

    def __init__(self) -> None:
        self.view = JobView("earlier", "fake_fez", "QUEUED", "executor", None, CREATED, None, None)
        self.tags = list(TAGS)

    def tagged(self, *tags: str) -> list[JobView]:
        return [self.view] if set(tags) <= set(self.tags) else []

    def tag(self, job_id: str, tags: Sequence[str]) -> None:
        self.tags = list(tags)

    def cancel(self, job_id: str) -> None:
        self.view = replace(self.view, status="CANCELLED")


class Stepped(InMemoryAccount):
    """The provider for one who makes each call only when it is let."""

    def __init__(self, jobs: Jobs, begin: Callable[[QuantumAccount], None]) -> None:
        self._jobs = jobs
        self._may, self._did = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(begin,), daemon=True)
        self._thread.start()

    def _run(self, begin: Callable[[QuantumAccount], None]) -> None:
        begin(self)
        self.ended = True
        self._did.release()

    ended = False

    def tagged(self, *tags: str) -> list[JobView]:
        self._await_turn()
        return self._jobs.tagged(*tags)

    def tag(self, job_id: str, tags: Sequence[str]) -> None:
        self._await_turn()
        self._jobs.tag(job_id, tags)

    def cancel(self, job_id: str) -> None:
        self._await_turn()
        self._jobs.cancel(job_id)

    def _await_turn(self) -> None:
        self._did.release()
        assert self._may.acquire(timeout=60)

    def step(self) -> None:
        """Let it make one call."""
        assert self._did.acquire(timeout=10)
        if self.ended:
            self._did.release()
        else:
            self._may.release()
            # Until it stands before the next.
            assert self._did.acquire(timeout=10)
            self._did.release()

    def complete(self) -> None:
        while not self.ended:
            self.step()
        self._thread.join(10)


def looking(following: list[tuple[str, str]]) -> Callable[[QuantumAccount], None]:
    """The poller's look for what the first attempt left behind; notes the calls that are to follow."""

    def begin(account: QuantumAccount) -> None:
        following.extend(
            cancellation._follow_stray(account, EVENT, Stray(attempt="first"), cancellation.FIND)
        )

    return begin


@pytest.mark.parametrize("follows", ["in time", "late", "never"])
@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("between", range(4))
def test_what_an_action_takes_over_is_not_cancelled_by_a_poller(
    before: int, between: int, follows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the poller began it has done when the action looks again; what follows may be late, or fail."""
    jobs, following = Jobs(), list[tuple[str, str]]()
    poller = Stepped(jobs, looking(following))

    def follow() -> None:
        for call in following:
            cancellation._follow_stray(jobs, EVENT, Stray(attempt="first"), call)
        following.clear()

    def settle(_: float) -> None:
        poller.complete()
        if follows == "in time":
            follow()

    monkeypatch.setattr(time, "sleep", settle)
    finder = Recovery(jobs, None, (0.0,), 0.0)  # type: ignore[arg-type]
    for _ in range(before):
        poller.step()
    views = finder.search(EVENT)
    for _ in range(between):
        poller.step()
    adopted = finder.adopt(EVENT, views) if views else None
    poller.complete()
    if follows == "late":
        follow()
    found = {view.job_id for view in finder.search(EVENT)}
    if adopted is not None:
        assert jobs.view.status == "QUEUED", "a job was announced that the poller has cancelled"
        assert found == {"earlier"}
    else:
        assert jobs.view.status == "CANCELLED", "an orphan"
        assert not found, "the next attempt takes a cancelled job for the client's"


def test_a_stray_that_another_attempt_hides_is_not_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt finds out that the job was cancelled under its hands, while another finds the job."""
    jobs = Jobs()
    jobs.tags = TAGS[:2]
    jobs.cancel("")
    finder = Recovery(jobs, None, (0.0,), 0.0)  # type: ignore[arg-type]
    views = finder.search(EVENT)
    jobs.tag("", [])
    assert finder.adopt(EVENT, views) is None
    assert finder.search(EVENT) == []


def test_a_step_is_not_taken_for_another_run_whose_id_looks_like_it() -> None:
    """A caller of an action chooses its id: step 1 of the run `a` and the run `a-1` are two things."""
    jobs = Jobs()
    jobs.tags = [run_tag("a-1"), step_tag("a-1", 0)]
    event = job(process_job_id="a", step=1)
    assert Recovery(jobs, None).search(event) == []  # type: ignore[arg-type]
    assert cancellation._follow_stray(jobs, event, Stray(), cancellation.FIND) == []
    assert (jobs.view.status, jobs.tags) == ("QUEUED", [run_tag("a-1"), step_tag("a-1", 0)])
    jobs.tags = [run_tag("a"), step_tag("a", 1)]
    assert [view.job_id for view in Recovery(jobs, None).search(event)] == ["earlier"]  # type: ignore[arg-type]
