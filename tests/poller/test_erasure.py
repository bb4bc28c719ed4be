"""Erasures of a finished run's data: the provider's jobs are deleted, and nothing is published again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

from core.erasure import erasure_request
from core.errors import JobNotFoundError, ProviderUnavailableError
from core.kafka.topics import CANCEL, JOBS
from core.large_results import Folder
from core.protocol import MAX_EVENT_BYTES, encode
from core.provider import Provider
from poller.delivery.result_delivery import ResultDelivery
from poller.erasure import ERASE_PATIENCE, MAX_COMPLETE
from poller.scheduling.budget import Budget
from poller.state import RunProgress, Stage
from tests.core.samples import job, wire
from tests.poller import fakes, results
from tests.poller.fakes import Message, view
from tests.poller.harness import Rig


class Deletions:
    """Deletes jobs of the rig's provider, or raises the next of `errors`."""

    def __init__(self, rig: Rig, listed_still: bool = False) -> None:
        self.calls: list[str] = []
        self.errors: list[Exception] = []
        self._rig, self._listed_still = rig, listed_still
        rig.provider.delete = self.delete  # type: ignore[method-assign]

    def delete(self, job_id: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.calls.append(job_id)
        if self.calls.count(job_id) > 1 or job_id not in self._rig.provider.views:
            raise JobNotFoundError("IBM Quantum does not know the job.")
        if not self._listed_still:
            del self._rig.provider.views[job_id]
            for known in self._rig.provider.tags.values():
                if job_id in known:
                    known.remove(job_id)


def request(**changes: Any) -> Message:
    return Message(CANCEL, 0, encode(erasure_request(job(**changes))))


def test_all_jobs_of_the_run_are_deleted_and_no_others(rig: Rig) -> None:
    deletions = Deletions(rig)
    rig.provider.views = {name: view("DONE", job_id=name) for name in ("d1abc", "d2", "d3", "other")}
    rig.provider.tags = {"qwhisk-process-1": ["d3", "d2", "d1abc"], "qwhisk-process-2": ["other"]}
    rig.consume(request(job_id="d3"))
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert deletions.calls == ["d3", "d2", "d1abc"]
    assert list(rig.provider.views) == ["other"]
    assert (rig.publisher.sent, rig.provider.cancelled) == ([], [])


def test_a_job_without_a_tag_is_deleted_by_its_id(rig: Rig) -> None:
    deletions = Deletions(rig)
    rig.provider.views = {"d1abc": view("DONE")}
    rig.consume(request())
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert (deletions.calls, rig.provider.views) == (["d1abc"], {})


def test_an_erasure_that_is_repeated_deletes_nothing_and_ends(rig: Rig) -> None:
    deletions = Deletions(rig)
    rig.consume(request())
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert deletions.calls == ["d1abc"]


def test_a_provider_that_fails_is_asked_again(rig: Rig) -> None:
    deletions = Deletions(rig)
    deletions.errors = [ProviderUnavailableError("503")]
    rig.provider.views = {"d1abc": view("DONE")}
    rig.provider.tags = {"qwhisk-process-1": ["d1abc"]}
    rig.consume(request())
    tracked = rig.request()
    rig.step_until(lambda: tracked.failures == 1 and tracked.stage is Stage.WAITING)
    assert rig.provider.views, "nothing is deleted yet"
    [account_worker] = rig.poller.accounts
    account_worker.scheduler.budget = Budget(None, time.time())
    tracked.due = 0.0
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert rig.provider.views == {}


def test_a_run_of_more_jobs_than_a_list_has_is_deleted(rig: Rig) -> None:
    deletions = Deletions(rig)
    names = [f"d{number}" for number in range(MAX_COMPLETE + 3)]
    rig.provider.views = {name: view("DONE", job_id=name) for name in names}
    rig.provider.tags = {"qwhisk-process-1": names[:MAX_COMPLETE]}
    rig.consume(request(job_id="d0"))
    tracked = rig.request()
    rig.step_until(lambda: len(deletions.calls) == MAX_COMPLETE and tracked.stage is Stage.WAITING)
    rig.provider.tags["qwhisk-process-1"] = names[MAX_COMPLETE:]
    tracked.due = 0.0
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    assert rig.provider.views == {}


def test_jobs_that_are_listed_though_deleted_do_not_keep_the_request_for_ever(rig: Rig) -> None:
    deletions = Deletions(rig, listed_still=True)
    names = [f"d{number}" for number in range(MAX_COMPLETE)]
    rig.provider.views = {name: view("DONE", job_id=name) for name in names}
    rig.provider.tags = {"qwhisk-process-1": names}
    rig.consume(request(job_id="d0"))
    tracked = rig.request()
    rig.step_until(lambda: len(deletions.calls) == MAX_COMPLETE and tracked.stage is Stage.WAITING)
    tracked.consumed_at -= ERASE_PATIENCE + 1
    tracked.due = 0.0
    rig.step_until(lambda: len(rig.poller.tracker) == 0)


def test_a_job_that_is_consumed_again_after_the_erasure_is_not_looked_at(rig: Rig) -> None:
    Deletions(rig)
    rig.consume(request())
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    rig.provider.views = {"d1abc": view("DONE")}
    rig.provider.raw = results.sampler({"0": 1})
    rig.consume(Message(JOBS, 0, wire()))
    assert (len(rig.poller.tracker), rig.publisher.sent, rig.provider.asked) == (0, [], [])


def test_a_delivery_in_progress_publishes_and_stores_nothing_after_the_erasure(tmp_path: Path) -> None:
    """A poller that has crashed after the final event delivers it again, while another one erases."""
    provider, publisher, progress = fakes.Provider(), fakes.Publisher(), RunProgress()
    provider.raw = results.sampler({"0": 1})
    delivery = ResultDelivery(
        Provider(provider, provider),
        cast(Any, publisher),
        cast(Any, fakes.Documents()),
        fakes.Invoke({"answer": {}}),
        Folder(tmp_path),
        run_progress=progress,
    )
    event = job(backend_type="simulator")
    progress.erase(event)
    assert delivery.deliver(event, view("DONE")).final
    delivery.fail_permanently(event, "deadline", "too late")
    assert (publisher.sent, provider.asked, list(tmp_path.iterdir())) == ([], [], [])


def test_a_result_that_is_stored_after_the_erasure_is_deleted(tmp_path: Path) -> None:
    """A poller that has just started has not read the erasure when it begins to deliver the job again."""
    provider, publisher, progress = fakes.Provider(), fakes.Publisher(), RunProgress()
    provider.raw = results.sampler({"0": 1})
    event = job(backend_type="simulator")
    stored_before: list[str] = []

    def learn() -> None:
        stored_before.extend(file.name for file in tmp_path.rglob("*.json"))
        progress.erase(event)

    delivery = ResultDelivery(
        Provider(provider, provider),
        cast(Any, publisher),
        cast(Any, fakes.Documents()),
        fakes.Invoke({"answer": {"text": "x" * MAX_EVENT_BYTES}}),
        Folder(tmp_path),
        run_progress=progress,
        learn_cancellations=learn,
    )
    assert delivery.deliver(event, view("DONE")).final
    assert stored_before == [f"{event.process_job_id}.json"]
    assert (publisher.sent, list(tmp_path.rglob("*.json"))) == ([], [])
