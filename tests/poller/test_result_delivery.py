"""Delivery: one final event for each job, for any result and any answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.config_docs.model import ConfigDocument
from core.errors import (
    ActionError,
    DocumentError,
    DocumentsUnreadableError,
    InvocationError,
    JobNotFoundError,
    ProviderError,
    ProviderUnavailableError,
    ResultStoreError,
    StreamError,
)
from core.kafka.topics import CANCEL, WEBHOOKS
from core.large_results import Folder
from core.protocol import MAX_EVENT_BYTES, ResultEvent, Status
from poller.delivery.result_delivery import ResultDelivery
from poller.delivery.step_reply import ANSWER_RETRIES, ANSWER_TIMEOUT, LOOP_RETRIES, StepError
from poller.state import UsageCounter
from tests.core.samples import TOPIC, job, raw_document, result_event
from tests.poller import results
from tests.poller.fakes import Documents, Invoke, Provider, Publisher, view

COUNTS = {"01": 3, "10": 5}
#: More different outcomes than fit into one message.
LARGE = {f"{2**29 + number:b}": 1 for number in range(40_000)}
ANSWER = {"answer": {"emoticons": [":)", ":("]}}


class Rig:
    """A ResultDelivery with fakes."""

    def __init__(self, reply: dict[str, Any] | Exception = ANSWER) -> None:
        self.provider, self.publisher, self.invoke = Provider(), Publisher(), Invoke(reply)
        self.provider.raw = results.sampler(COUNTS)
        self.documents = Documents()
        self.delivery = ResultDelivery(self.provider, self.publisher, self.documents, self.invoke)

    def published(self) -> ResultEvent:
        """Return the only event, read as the gateway reads it."""
        [event] = self.publisher.events()
        [(topic, key, _)] = [sent for sent in self.publisher.sent if sent[0] != CANCEL]
        assert (topic, key) == (TOPIC, "process-1")
        return event


def test_a_done_job_has_its_result_and_its_answer() -> None:
    rig = Rig()
    rig.delivery.deliver(job(params={"n": 1}), view("DONE"))
    event = rig.published()
    assert (event.status, event.final, event.error) == ("DONE", True, None)
    assert event.result is not None
    assert (event.result.counts, event.result.shots) == ({"meas": COUNTS}, 8)
    assert event.answer == ANSWER["answer"]
    assert event.finished_at == datetime(2026, 5, 1, 12, 5, tzinfo=UTC)
    assert (event.job_id, event.params, event.attempt) == ("d1abc", {"n": 1}, 0)
    assert rig.provider.asked == ["d1abc"]


@pytest.mark.parametrize(("backend_type", "used"), [("hardware", 2.5), ("simulator", None)])
def test_a_result_tells_the_quantum_seconds_and_they_are_counted_once(
    backend_type: str, used: float | None
) -> None:
    rig, counted = Rig(), list[tuple[str, float]]()
    rig.delivery.usage = UsageCounter(lambda source, seconds: counted.append((source, seconds)))
    done = replace(view("DONE"), charged_seconds=2.5)
    for _ in range(2):
        rig.delivery.deliver(job(backend_type=backend_type, client_id="r" * 16 + "source------"), done)
    event = rig.publisher.events()[0]
    assert event.result is not None
    assert event.result.metadata.get("quantum_seconds") == used
    assert counted == ([] if used is None else [("source------", used)])


def test_the_answer_is_requested_with_the_result_and_the_state() -> None:
    rig = Rig()
    rig.delivery.deliver(job(step=2, state={"seen": [1, 2]}), view("DONE"))
    [body] = rig.invoke.bodies
    step = ResultEvent.model_validate(body["step"])
    assert set(body) == {"step"}
    assert (step.status, step.step, step.process_job_id) == ("DONE", 2, "process-1")
    assert step.result is not None
    assert step.result.counts == {"meas": COUNTS}
    # The algorithm's state is only for the algorithm.
    assert step.state == {"seen": [1, 2]}
    assert rig.published().state is None
    assert 60 < ANSWER_TIMEOUT <= 90, "longer than an action may take"


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (ActionError("too_noisy", "Nothing to see.", {"message": 1}), "too_noisy", "Nothing to see."),
        (ActionError("c" * 500, "m" * 9_000), "c" * 100, "m" * 4_000),
        (InvocationError("It did not answer in time."), "answer_failed", "It did not answer in time."),
        (DocumentError("It is broken."), "answer_failed", "It is broken."),
        ({}, "answer_failed", "gave no answer"),
        ({"answer": None}, "answer_failed", "gave no answer"),
        ({"answer": "42"}, "answer_failed", "gave no answer"),
    ],
)
def test_a_failing_answer_leaves_the_raw_result_with_the_error(reply: Any, code: str, words: str) -> None:
    rig = Rig(reply)
    rig.delivery.deliver(job(), view("DONE"), failures=ANSWER_RETRIES)
    event = rig.published()
    assert event.status == "DONE"
    assert event.result is not None
    assert event.result.counts == {"meas": COUNTS}
    assert event.answer is None
    assert event.error is not None
    assert event.error.code == code
    assert words in event.error.message


def test_a_removed_function_leaves_the_raw_result() -> None:
    rig = Rig()
    rig.delivery.deliver(job(function="gone"), view("DONE"))
    event = rig.published()
    assert event.result is not None
    assert event.error is not None
    assert "There is no function 'gone'" in event.error.message


def test_the_answer_waits_while_the_documents_cannot_be_read() -> None:
    rig = Rig()
    rig.documents.error = DocumentsUnreadableError("The config documents cannot be read just now.")
    for failures in range(ANSWER_RETRIES):
        with pytest.raises(StepError, match="cannot be read"):
            rig.delivery.deliver(job(), view("DONE"), failures=failures)
    assert rig.publisher.sent == []
    rig.documents.error = None
    rig.delivery.deliver(job(), view("DONE"), failures=ANSWER_RETRIES)
    assert rig.published().answer == ANSWER["answer"]


def test_a_failed_job_has_the_providers_reason() -> None:
    rig = Rig()
    rig.delivery.deliver(job(), view("ERROR", reason="It broke (code 1234)" + "!" * 9_000))
    event = rig.published()
    assert event.status == "ERROR"
    assert event.error is not None
    assert (event.error.code, len(event.error.message)) == ("job_failed", 4_000)
    assert event.error.message.startswith("It broke (code 1234)!")
    assert (event.result, event.answer) == (None, None)
    assert rig.provider.asked == []
    assert rig.invoke.bodies == []


def test_a_failed_job_without_a_reason_says_so() -> None:
    rig = Rig()
    rig.delivery.deliver(job(), view("ERROR", finished=None))
    event = rig.published()
    assert event.error is not None
    assert event.error.message == "The provider gave no reason."
    assert event.finished_at is not None


def test_a_cancelled_job_is_not_an_error() -> None:
    rig = Rig()
    rig.delivery.deliver(job(), view("CANCELLED"))
    event = rig.published()
    assert (event.status, event.error, event.result) == ("CANCELLED", None, None)
    assert rig.invoke.bodies == []


@pytest.mark.parametrize(
    "error", [ProviderUnavailableError("Later."), JobNotFoundError("Gone."), ProviderError("No.")]
)
def test_a_result_that_cannot_be_fetched_does_not_end_the_job(error: Exception) -> None:
    rig = Rig()
    rig.provider.error = error
    with pytest.raises(type(error)):
        rig.delivery.deliver(job(), view("DONE"))
    assert rig.publisher.sent == []


def test_a_cancelled_job_has_the_providers_reason() -> None:
    rig = Rig()
    rig.delivery.deliver(job(), view("CANCELLED", reason="The device was retired (code 1313)" + "!" * 9_000))
    event = rig.published()
    assert event.error is not None
    assert (event.status, event.error.code, len(event.error.message)) == ("CANCELLED", "cancelled", 4_000)
    assert event.error.message.startswith("The device was retired (code 1313)!")


def test_a_result_that_cannot_be_read_does_not_end_the_job() -> None:
    rig = Rig()
    rig.provider.raw = "garbage"
    with pytest.raises(ProviderError):
        rig.delivery.deliver(job(), view("DONE"))
    assert rig.publisher.sent == []


def test_an_event_that_the_broker_rejects_is_an_error() -> None:
    rig = Rig()
    rig.publisher.error = StreamError("Kafka is down.")
    for attempt in (
        lambda: rig.delivery.deliver(job(), view("CANCELLED")),
        lambda: rig.delivery.fail_permanently(job(), "deadline", "Too late."),
        lambda: rig.delivery.notify(ResultEvent(**job(process_job_id="p2").model_dump(), status="RUNNING")),
    ):
        with pytest.raises(StreamError):
            attempt()


def test_a_result_too_large_for_a_message_leaves_the_answer_with_the_reason() -> None:
    rig = Rig()
    rig.provider.raw = results.sampler(LARGE)
    rig.delivery.deliver(job(), view("DONE"))
    event = rig.published()
    assert (event.status, event.result, event.answer) == ("DONE", None, ANSWER["answer"])
    assert event.error is not None
    assert event.error.code == "result_too_large"
    assert "Ask for fewer shots" in event.error.message


@pytest.mark.parametrize("failures", [0, ANSWER_RETRIES, 10 * ANSWER_RETRIES])
def test_a_large_result_is_stored_however_often_something_else_failed(tmp_path: Path, failures: int) -> None:
    rig = Rig()
    rig.provider.raw = results.sampler(LARGE)
    rig.delivery._large_results = Folder(tmp_path)
    rig.delivery.deliver(job(), view("DONE"), failures)
    event = rig.published()
    assert (event.result, event.error) == (None, None)
    assert event.result_url is not None


def test_a_result_whose_store_is_not_available_is_retried_and_then_omitted(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    rig = Rig()
    rig.provider.raw = results.sampler(LARGE)
    rig.delivery._large_results = Folder(tmp_path)
    for failures in range(ANSWER_RETRIES):
        with pytest.raises(ResultStoreError):
            rig.delivery.deliver(job(), view("DONE"), failures)
    rig.delivery.deliver(job(), view("DONE"), ANSWER_RETRIES)
    event = rig.published()
    assert (event.status, event.result, event.answer) == ("DONE", None, ANSWER["answer"])
    assert event.error is not None
    assert event.error.code == "result_too_large"
    assert "The store of large results is not available." in event.error.message


@pytest.mark.parametrize(
    "text",
    ["x" * MAX_EVENT_BYTES, "€" * (MAX_EVENT_BYTES // 2), "\\" * (MAX_EVENT_BYTES // 2), "\x00" * 200_000],
)
def test_an_answer_too_large_for_a_message_leaves_the_raw_result(text: str) -> None:
    rig = Rig({"answer": {"text": text}})
    rig.delivery.deliver(job(), view("DONE"))
    event = rig.published()
    assert (event.status, event.answer) == ("DONE", None)
    assert event.result is not None
    assert event.result.counts == {"meas": COUNTS}
    assert event.error is not None
    assert event.error.code == "answer_too_large"


def test_there_is_a_final_event_even_if_nothing_fits() -> None:
    """A caller's input may itself be nearly as large as a message."""
    rig = Rig({"answer": {"text": "x" * MAX_EVENT_BYTES}})
    rig.provider.raw = results.sampler(LARGE)
    big = job(params={"x": "a" * (MAX_EVENT_BYTES - 700)})
    rig.delivery.deliver(big, view("DONE"))
    event = rig.published()
    assert (event.status, event.result, event.answer, event.params) == ("DONE", None, None, {})
    assert event.error is not None
    rig = Rig()
    rig.delivery.fail_permanently(big, "deadline", "m" * 5_000)
    event = rig.published()
    assert (event.status, event.params) == ("ERROR", {})
    assert event.error is not None
    assert (event.error.code, event.error.message) == ("deadline", "m" * 4_000)


def test_a_permanent_failure_is_an_error_with_the_reason() -> None:
    rig = Rig()
    rig.delivery.fail_permanently(job(), "job_not_found", "The provider does not know this job any more.")
    event = rig.published()
    assert (event.status, event.final) == ("ERROR", True)
    assert event.error is not None
    assert event.error.code == "job_not_found"
    assert event.finished_at is not None


def test_progress_is_published_unchanged() -> None:
    rig = Rig()
    rig.delivery.notify(ResultEvent(**job().model_dump(), status="QUEUED", queue_position=3))
    event = rig.published()
    assert (event.status, event.queue_position, event.final) == ("QUEUED", 3, False)


# --- hybrid loops ------------------------------------------------------------------------------------

LOOPING: dict[str, Any] = {
    "step": 2,
    "state": {"angles": [0.1]},
    "progress": {"step": 2, "of": 9, "value": -1.0},
}
NEXT = {
    "job_id": "d2",
    "backend": "fake_brisbane",
    "step": 3,
    "progress": {"step": 3, "of": 9, "value": -1.5},
    "circuit": {"qubits": 2},
}


def test_a_next_job_is_progress_and_not_the_end() -> None:
    rig = Rig(NEXT)
    progress = rig.delivery.deliver(job(**LOOPING), view("DONE"))
    event = rig.published()
    assert (event.status, event.final, progress.final) == ("RUNNING", False, False)
    assert (event.job_id, event.backend, event.step) == ("d2", "fake_brisbane", 3)
    assert event.progress is not None
    assert (event.progress.step, event.progress.of, event.progress.value) == (3, 9, -1.5)
    assert (event.state, event.result, event.finished_at) == (None, None, None)
    assert (event.queue_length_at_submit, event.estimated_completion_time) == (None, None)
    assert [(each.step, each.job_id) for each in event.provider_jobs] == [(2, "d1abc"), (3, "d2")]
    assert event.circuit is None  # the reply describes it in another form


def test_the_next_jobs_circuit_is_in_the_progress_and_not_in_the_request_of_a_step() -> None:
    circuit = {
        "qubits": 2,
        "depth": 3,
        "size": 4,
        "transpiled_depth": 7,
        "transpiled_size": 9,
        "pubs": 1,
        "openqasm3": "OPENQASM 3.0;",
    }
    rig = Rig(NEXT | {"circuit": circuit})
    rig.delivery.deliver(job(**LOOPING, circuit=circuit | {"depth": 1}), view("DONE"))
    shown = rig.published().circuit
    assert shown is not None
    assert shown.model_dump() == circuit
    assert "circuit" not in rig.invoke.bodies[0]["step"]


def test_a_run_with_too_many_jobs_names_the_last_one_too() -> None:
    rig = Rig(NEXT)
    document = ConfigDocument.model_validate(raw_document(functionMaxJobs=3))
    rig.documents.find = lambda function: document  # type: ignore[method-assign]
    rig.delivery.deliver(job(**LOOPING), view("DONE"))
    event = rig.published()
    assert (event.status, event.step) == ("ERROR", 3)
    assert [(each.step, each.job_id) for each in event.provider_jobs] == [(2, "d1abc"), (3, "d2")]


def test_a_loop_continues_although_its_progress_cannot_be_published() -> None:
    rig = Rig(NEXT)
    rig.publisher.error = StreamError("Kafka did not acknowledge.")
    assert rig.delivery.deliver(job(**LOOPING), view("DONE")).step == 3


@pytest.mark.parametrize(
    "changes", [{"step": 2}, {"step": 4}, {"job_id": None}, {"backend": ""}, {"step": "x"}]
)
def test_a_reply_without_a_next_job_ends_the_loop(changes: dict[str, Any]) -> None:
    rig = Rig(NEXT | changes)
    rig.delivery.deliver(job(**LOOPING), view("DONE"))
    event = rig.published()
    assert event.status == "ERROR"
    assert event.error is not None
    assert "gave no answer" in event.error.message


@pytest.mark.parametrize(
    "error",
    [
        InvocationError("It cannot be reached.", status=502),
        InvocationError("Too many.", status=429),
        InvocationError("It was slow.", status=504),
        ActionError("provider_unavailable", "IBM Quantum cannot take the job now."),
        ActionError("stream_error", "The job could not be announced and was cancelled."),
    ],
)
def test_a_temporary_failure_is_retried_long_enough(error: Exception) -> None:
    rig = Rig(error)
    for event, retries in ((job(), ANSWER_RETRIES), (job(process_job_id="p2", **LOOPING), LOOP_RETRIES)):
        for failures in range(retries):
            with pytest.raises(StepError, match=str(error)):
                rig.delivery.deliver(event, view("DONE"), failures)
        assert rig.delivery.deliver(event, view("DONE"), retries).final
    first, second = rig.publisher.events()
    # The counts of a single job are useful without their answer; those in the middle of a loop are not.
    assert (first.status, second.status) == ("DONE", "ERROR")
    assert first.error is not None
    assert second.error is not None
    # The loop's next job may exist, and no client would learn of it.
    [request] = rig.publisher.requests()
    assert (request.process_job_id, request.step, request.job_id) == ("p2", LOOPING["step"] + 1, "lost")


@pytest.mark.parametrize(
    "error",
    [
        InvocationError("Too large.", status=413),
        InvocationError("The function failed: its reply is not valid JSON.", permanent=True),
        InvocationError("The function exceeded its time limit.", status=504, permanent=True),
        ActionError("invalid_input", "step: no."),
        DocumentError("No."),
    ],
)
def test_a_permanent_failure_is_reported_at_once(error: Exception) -> None:
    rig = Rig(error)
    assert rig.delivery.deliver(job(**LOOPING), view("DONE")).status == "ERROR"
    single = rig.delivery.deliver(job(process_job_id="p2"), view("DONE"))
    assert single.error is not None
    assert (single.status, single.error.message) == ("DONE", str(error))
    assert len(rig.invoke.bodies) == 2, "each is invoked once"


@pytest.mark.parametrize(
    ("status", "topics"), [("DONE", [TOPIC, WEBHOOKS]), ("CANCELLED", [TOPIC, WEBHOOKS])]
)
def test_a_final_event_with_an_address_is_published_to_the_gateways_too(
    status: Status, topics: list[str]
) -> None:
    rig = Rig()
    rig.delivery.deliver(job(callback_url="https://app.example.org/"), view(status))
    assert [topic for topic, _, _ in rig.publisher.sent] == topics
    first, second = rig.publisher.sent
    assert first[1:] == second[1:]
    other = job(callback_url="https://app.example.org/", process_job_id="p2")
    rig.delivery.fail_permanently(other, "lost", "It is gone.")
    assert [topic for topic, _, _ in rig.publisher.sent[2:]] == topics


def test_progress_is_published_to_the_client_only() -> None:
    rig = Rig()
    rig.delivery.notify(result_event(status="RUNNING", callback_url="https://app.example.org/"))
    assert [topic for topic, _, _ in rig.publisher.sent] == [TOPIC]
