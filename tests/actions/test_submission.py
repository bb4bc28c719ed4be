"""Submission: the backend, the job, its event, and no orphan if the event cannot be published."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.qasm3 import QASM3ExporterError
from qiskit.quantum_info import SparsePauliOp

from actions.bell_state.algorithm import algorithm as bell_state
from actions.framework import submission as module
from actions.framework.job import MAX_PUBS, Job, Pub
from actions.framework.submission import MAX_INPUT_BYTES, Run, Submission, describe, time_limit
from actions.smile_super_position.algorithm import SmileInput
from core.errors import (
    BackendUnusableError,
    InputError,
    MessageTooLargeError,
    ProviderError,
    ProviderUnavailableError,
    QwhiskError,
    SettingsError,
    StreamError,
)
from core.kafka.topics import JOBS
from core.protocol import MAX_OPENQASM, MAX_STATE_BYTES, Envelope, Progress
from core.provider import JobView
from core.strays import sought
from tests.actions.fakes import Provider, Publisher
from tests.actions.walk import Caller

ENVELOPE = Envelope(client_id="c-1", process_job_id="p-1", topic="results." + "a" * 24)
OWN = {"emoticon_1": ":)", "emoticon_2": ":("}


class Rig:
    """A submission with fakes."""

    def __init__(self) -> None:
        self.provider, self.publisher = Provider(), Publisher()
        fakes: Any = (self.provider, self.publisher, (0.0, 0.0, 0.0), 0.0)
        self.submission = Submission(*fakes)

    def submit(self, values: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        circuit = QuantumCircuit(3)
        circuit.measure_all()
        params = SmileInput(**OWN | changes)
        run = Run("smile", params, values or OWN | changes, ENVELOPE)
        return self.submission.submit(run, Job([Pub(circuit)]))


def test_the_job_is_announced_under_its_key() -> None:
    rig = Rig()
    answer = rig.submit(shots=5)
    [(topic, key, _)] = rig.publisher.sent
    assert (topic, key) == (JOBS, "p-1")
    [event] = rig.publisher.events()
    assert (event.job_id, event.backend, event.function) == ("job-1", "aer_simulator", "smile")
    assert event.params == OWN | {"shots": 5}
    assert (event.step, event.attempt, event.state) == (0, 0, None)
    assert answer["job_id"] == event.job_id


def test_the_backend_is_chosen_for_the_circuit() -> None:
    rig = Rig()
    rig.submit(backend_type="hardware", backend="ibm_calm")
    rig.submit(backend_type="noisy_simulator")
    assert rig.provider.chosen == [("hardware", 3, "ibm_calm"), ("noisy_simulator", 3, None)]


def test_only_the_queue_of_a_device_is_reported() -> None:
    rig = Rig()
    rig.submit(backend_type="hardware")
    rig.submit(backend_type="simulator")
    assert [event.queue_length_at_submit for event in rig.publisher.events()] == [9, 0]


def test_the_same_circuit_has_the_same_key_for_any_number_of_shots() -> None:
    rig = Rig()
    rig.submit(shots=1)
    rig.submit(shots=2)
    rig.submit({"emoticon_2": ":(", "emoticon_1": ":)"})
    rig.submit(emoticon_1="8)")
    keys = rig.provider.ready.keys
    assert keys[0] == keys[1] == keys[2]
    assert keys[3] != keys[0]


@pytest.mark.parametrize("cancel_error", [None, ProviderUnavailableError("Later.")])
def test_a_job_that_cannot_be_announced_is_cancelled(cancel_error: Exception | None) -> None:
    rig = Rig()
    rig.publisher.error = StreamError("Kafka did not acknowledge within 10 s.")
    rig.provider.cancel_error = cancel_error
    with pytest.raises(StreamError, match="announced and was cancelled") as caught:
        rig.submit()
    assert rig.provider.cancelled == ["job-1"]
    assert caught.value.details == {"cause": "Kafka did not acknowledge within 10 s."}


def test_a_job_whose_event_the_broker_rejects_for_its_size_is_cancelled() -> None:
    rig = Rig()
    rig.publisher.error = MessageTooLargeError("Kafka rejected the message.")
    with pytest.raises(InputError, match="because of its size"):
        rig.submit()
    assert rig.provider.cancelled == ["job-1"]


def test_an_input_too_large_for_an_event_is_refused_before_anything_is_submitted() -> None:
    rig = Rig()
    with pytest.raises(InputError, match="bytes"):
        rig.submit(OWN | {"x": "a" * MAX_INPUT_BYTES})
    assert rig.provider.submitted == []


def test_a_circuit_is_described_as_built_and_as_run() -> None:
    circuit, ready = QuantumCircuit(2), QuantumCircuit(5)
    circuit.h([0, 1])
    ready.sx([0, 0, 0])
    found = describe(circuit, ready, pubs=4)
    assert (found.qubits, found.depth, found.size, found.pubs) == (2, 1, 2, 4)
    assert (found.transpiled_depth, found.transpiled_size) == (3, 3)
    assert "h q[0];" in str(found.openqasm3)
    unknown = describe(circuit, None)
    assert (unknown.depth, unknown.transpiled_depth, unknown.transpiled_size) == (1, None, None)
    for _ in range(MAX_OPENQASM // 7):
        circuit.h(0)
    assert describe(circuit, ready).openqasm3 is None


def test_the_circuit_is_in_the_event_as_in_the_reply() -> None:
    rig = Rig()
    reply = rig.submit()
    [event] = rig.publisher.events()
    assert event.circuit is not None
    assert reply["circuit"] == event.circuit.model_dump()
    assert (event.circuit.qubits, event.circuit.pubs) == (3, 1)
    assert str(event.circuit.openqasm3).startswith("OPENQASM 3.0;")


def test_a_broker_that_rejects_the_event_for_its_circuit_gets_it_without_the_program() -> None:
    rig = Rig()
    publish = rig.publisher.publish

    def small_only(topic: str, key: str, value: bytes, headers: Any = None) -> None:
        if b"OPENQASM" in value:
            raise MessageTooLargeError("Kafka rejected the message.")
        publish(topic, key, value, headers)

    rig.publisher.publish = small_only  # type: ignore[method-assign]
    reply = rig.submit()
    [event] = rig.publisher.events()
    assert event.circuit is not None
    assert (event.circuit.openqasm3, event.circuit.depth) == (None, 1)
    assert reply["circuit"] == event.circuit.model_dump()
    assert rig.provider.cancelled == []


class Made:
    """Replaces the provider or the publisher, and keeps its constructor arguments."""

    made: list[Made] = []

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.closed = False
        Made.made.append(self)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Made]:
    """All connections that were made, the provider's before the publisher's."""
    monkeypatch.setattr(module, "connect", Made)
    monkeypatch.setattr(module, "Publisher", Made)
    monkeypatch.setattr(Submission, "_shared", None)
    monkeypatch.setattr(Made, "made", [])
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "SIMULATOR_API_KEY", "QISKIT_IBM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return Made.made


BOUND = {
    "KAFKA_BOOTSTRAP_SERVERS": "one:9092",
    "SIMULATOR_URL": "http://127.0.0.1:8090",
    "SIMULATOR_API_KEY": "key",
    "KAFKA_PARTITIONS": 3,
}


def test_a_warm_container_keeps_its_connections(connections: list[Made]) -> None:
    assert Submission.shared(BOUND) is Submission.shared(dict(reversed(BOUND.items())))
    assert len(connections) == 2
    assert connections[1].settings.partitions == 3


def test_other_settings_make_other_connections_and_close_the_old(connections: list[Made]) -> None:
    Submission.shared(BOUND)
    Submission.shared(BOUND | {"KAFKA_BOOTSTRAP_SERVERS": "two:9092"})
    assert [made.closed for made in connections] == [False, True, False, False]
    assert connections[3].settings.bootstrap_servers == "two:9092"


def test_bound_settings_take_precedence_over_the_environment(
    connections: list[Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "environment:9092")
    Submission.shared(BOUND)
    assert connections[1].settings.bootstrap_servers == "one:9092"


def test_missing_settings_are_named(connections: list[Made]) -> None:
    with pytest.raises(SettingsError, match="QISKIT_IBM_TOKEN"):
        Submission.shared({"KAFKA_BOOTSTRAP_SERVERS": "one:9092"})
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS"):
        Submission.shared({"SIMULATOR_API_KEY": "x", "SIMULATOR_URL": "http://127.0.0.1:1"})
    assert Submission._shared is None


def test_a_job_whose_id_cannot_be_used_is_found_by_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.provider.known = {"qwhisk-p-1-0": [known("d1")]}
    monkeypatch.setattr(rig.provider, "submit", lambda *_: "an id that is none of ours")
    assert rig.submit()["job_id"] == "d1"
    rig.provider.known = {"qwhisk-p-1-0": [known("none of ours")]}
    with pytest.raises(ProviderUnavailableError, match="job id"):
        rig.submit()
    assert [request.job_id for request in rig.publisher.requests()] == ["lost"]


@pytest.mark.parametrize(
    "state", [{"text": "x" * MAX_STATE_BYTES}, {"deep": [[["x"] * 30_000]]}], ids=["long", "many"]
)
def test_an_invalid_event_is_detected_before_anything_is_submitted(state: dict[str, Any]) -> None:
    rig = Rig()
    with pytest.raises(InputError, match="cannot be described"):
        rig.submission.submit(run(step=0), looping(state=state))
    assert rig.provider.submitted == []


LOST = ProviderUnavailableError("IBM Quantum cannot take the job now: 503", 7.0, unclear=True, status=503)
REFUSED = ProviderUnavailableError("IBM Quantum cannot take the job now: 429", status=429)


def fail_with(rig: Rig, error: Exception, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Let every submission fail; return the tags that each had."""
    tags: list[tuple[str, ...]] = []

    def submit(_pubs: Any, _backend: Any, _shots: Any, given: tuple[str, ...], *_: Any) -> str:
        tags.append(given)
        raise error

    monkeypatch.setattr(rig.provider, "submit", submit)
    return tags


def test_a_job_whose_answer_was_lost_is_found_and_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    fail_with(rig, LOST, monkeypatch)
    # Not listed at once, and the second look fails: the third finds it.
    rig.provider.look_errors = [None, REFUSED]
    none: list[JobView] = []
    looks = iter([none, [known("twin", 2), known("taken", 1)]])
    monkeypatch.setattr(rig.provider, "known", SimpleNamespace(get=lambda *_: next(looks)))
    answer = rig.submission.submit(run(step=0), looping())
    assert answer["job_id"] == "taken"
    [event] = rig.publisher.events()
    assert (event.job_id, event.step) == ("taken", 0)
    assert rig.provider.cancelled == ["twin"], "only the oldest is kept"
    assert rig.publisher.requests() == []


@pytest.mark.parametrize("age", ["older", "younger"])
def test_a_step_whose_answer_was_lost_finds_its_job_and_others(
    monkeypatch: pytest.MonkeyPatch, age: str
) -> None:
    rig = Rig()
    asked = run()
    ours, others = known("ours", 2), known("others", 1 if age == "older" else 3)

    def submit(*_: Any) -> str:
        listed = [ours, others] if age == "older" else [others, ours]
        rig.provider.known = {asked.tags[1]: listed, asked.tags[2]: [ours]}
        raise LOST

    monkeypatch.setattr(rig.provider, "submit", submit)
    kept = "others" if age == "older" else "ours"
    assert rig.submission.submit(asked, looping())["job_id"] == kept
    assert rig.provider.cancelled == ["ours" if age == "older" else "others"]
    assert rig.publisher.requests() == []


def test_a_step_whose_job_may_appear_late_continues_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider is slow to create ours, which would become an orphan next to the other."""
    rig = Rig()
    asked = run()

    def submit(*_: Any) -> str:
        rig.provider.known = {asked.tags[1]: [known("others")]}
        raise LOST

    monkeypatch.setattr(rig.provider, "submit", submit)
    assert rig.submission.submit(asked, looping())["job_id"] == "others"
    [request] = rig.publisher.requests()
    assert request.job_id == f"lost.{asked.attempt}"
    assert rig.provider.cancelled == []


def test_a_job_that_a_poller_is_cancelling_is_not_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to an earlier attempt, and loses its tags while it is adopted."""
    rig = Rig()
    rig.provider.known = {"qwhisk-p-1-3": [known("cancelled")]}

    def tag(job_id: str, tags: list[str]) -> None:
        rig.provider.known.clear()

    monkeypatch.setattr(rig.provider, "tag", tag)
    assert rig.submission.submit(run(), looping())["job_id"] == "job-1"
    assert [event.job_id for event in rig.publisher.events()] == ["job-1"]


@pytest.mark.parametrize("looks", ["find nothing", "fail"])
def test_a_job_whose_answer_was_lost_is_left_to_the_pollers(
    monkeypatch: pytest.MonkeyPatch, looks: str
) -> None:
    rig = Rig()
    tags = fail_with(rig, LOST, monkeypatch)
    rig.provider.look_errors = [REFUSED] * 3 if looks == "fail" else []
    with pytest.raises(
        ProviderUnavailableError, match="unclear" if looks == "fail" else "probably not submitted"
    ) as caught:
        rig.submit()
    assert (len(tags), rig.provider.looks) == (1, 3), "submitted once, looked for three times"
    assert (caught.value.code, caught.value.retry_after) == ("provider_unavailable", 7.0)
    assert rig.publisher.events() == []
    [request] = rig.publisher.requests()
    assert (request.job_id, request.process_job_id, request.step) == ("lost", "p-1", 0)
    assert (request.params, request.state) == ({}, None), "what the pollers do not need is not sent"


@pytest.mark.parametrize("error", [REFUSED, ProviderError("No.")])
def test_a_job_that_was_rejected_is_not_searched_for(
    monkeypatch: pytest.MonkeyPatch, error: QwhiskError
) -> None:
    rig = Rig()
    fail_with(rig, error, monkeypatch)
    with pytest.raises(type(error)):
        rig.submit()
    assert (rig.provider.looks, rig.publisher.sent) == (0, [])


def later() -> Run:
    return run()


def again() -> Run:
    return run(step=0, backend=None, envelope=ENVELOPE.model_copy(update={"again": True}))


@pytest.mark.parametrize("asked", [again, later])
def test_only_the_attempt_is_cancelled_for_a_job_that_may_be_repeated(
    monkeypatch: pytest.MonkeyPatch, asked: Callable[[], Run]
) -> None:
    rig = Rig()
    tags = fail_with(rig, LOST, monkeypatch)
    for number in range(2):
        with pytest.raises(ProviderUnavailableError):
            rig.submission.submit(asked(), looping())
        searched = sought(rig.publisher.requests()[number].job_id)
        assert searched is not None
        assert f"qwhisk-p-1-{asked().step}-{searched.attempt}" == tags[number][2]
    assert tags[0][2] != tags[1][2]


def test_a_job_of_an_earlier_attempt_loses_its_tag_when_it_is_announced() -> None:
    rig = Rig()
    rig.provider.known = {"qwhisk-p-1-0": [known("earlier")]}
    assert rig.submission.submit(again(), looping())["job_id"] == "earlier"
    assert rig.provider.tagged_anew == [("earlier", ["qwhisk-p-1", "qwhisk-p-1-0"])]


@pytest.mark.parametrize("which", [{}, {"step": 0, "again": True}])
def test_the_older_of_two_simultaneous_submissions_stays(
    monkeypatch: pytest.MonkeyPatch, which: dict[str, Any]
) -> None:
    """The other is submitted between the look and our submission."""
    rig = Rig()
    asked = again() if which else run()
    tag = f"qwhisk-p-1-{asked.step}"

    def submit(*_: Any) -> str:
        rig.provider.known = {tag: [known("ours", 2), known("others", 1)]}
        return "ours"

    monkeypatch.setattr(rig.provider, "submit", submit)
    assert rig.submission.submit(asked, looping())["job_id"] == "others"
    assert rig.provider.cancelled == ["ours"]
    assert [event.job_id for event in rig.publisher.events()] == ["others"]
    # The other may have failed, and left its job to the pollers to cancel; now it is announced.
    assert rig.provider.tagged_anew == [("others", ["qwhisk-p-1", tag])]


def test_a_job_that_is_not_listed_yet_still_has_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()

    def submit(*_: Any) -> str:
        rig.provider.known = {"qwhisk-p-1-3": [known("others", 1)]}
        return "ours"

    monkeypatch.setattr(rig.provider, "submit", submit)
    # The fake's look returns a job that was just created, which is younger.
    assert rig.submission.submit(run(), looping())["job_id"] == "others"
    assert rig.provider.cancelled == ["ours"]


def test_a_younger_twin_that_cannot_be_cancelled_is_left_to_the_pollers() -> None:
    rig = Rig()
    rig.provider.cancel_error = REFUSED
    rig.provider.known = {"qwhisk-p-1-3": [known("c", 3), known("b", 2), known("a", 1)]}
    assert rig.submission.submit(run(), looping())["job_id"] == "a"
    assert rig.provider.cancelled == ["b"], "there is no attempt after the first failure"
    assert [request.job_id for request in rig.publisher.requests()] == ["stray.b", "stray.c"]


@pytest.mark.parametrize("existing", [False, True])
def test_a_step_that_cannot_be_announced_keeps_its_job(existing: bool) -> None:
    """It will be repeated; and the job may have been announced before, if this is a repetition."""
    rig = Rig()
    rig.publisher.error = StreamError("Kafka did not acknowledge within 10 s.")
    if existing:
        rig.provider.known = {"qwhisk-p-1-3": [known("first")]}
    with pytest.raises(StreamError, match="Try again"):
        rig.submission.submit(run(), looping())
    assert rig.provider.cancelled == []


@pytest.mark.parametrize(
    ("deadline", "least", "most"),
    [(None, 60, 60), ("soon", 60, 60), ("in 20 s", 15, 20), ("over", 60, 60), ("9" * 30, 60, 60)],
)
def test_the_remaining_time_of_an_activation(deadline: str | None, least: float, most: float) -> None:
    instant = {"in 20 s": time.time() + 20, "over": time.time() - 5}.get(deadline or "")
    env = (
        {}
        if deadline is None
        else {"__OW_DEADLINE": deadline if instant is None else str(int(instant * 1000))}
    )
    assert least <= time_limit(env) <= most


def test_circuits_that_may_depend_on_a_state_are_not_cached() -> None:
    rig = Rig()
    rig.submission.submit(run(step=0), looping())
    rig.submission.submit(run(step=0), looping(key="ansatz"))
    rig.submission.submit(run(step=0), looping(state=None))
    first, second, third = rig.provider.ready.keys
    assert first is None
    assert second is not None
    assert third is not None


def test_an_invalid_job_is_an_error_of_its_algorithm() -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    pub = Pub(circuit)
    for pubs in ([], [pub] * (MAX_PUBS + 1), [pub, Pub(QuantumCircuit(1), observable=SparsePauliOp("Z"))]):
        with pytest.raises(ValueError, match="PUBs"):
            Job(pubs)
    for value in (float("nan"), np.float64("inf")):
        with pytest.raises(ValueError, match="JSON"):
            Job([pub], state={"energy": value})
    with pytest.raises(TypeError):
        Job([pub], state={"counts": np.int64(1)})


def test_a_circuit_that_cannot_be_exported_runs_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the announcement nothing may fail: the caller would get an error, and later a result."""
    rig = Rig()

    def fail(*_: Any) -> None:
        raise QASM3ExporterError("no OpenQASM for this gate")

    monkeypatch.setattr("qiskit.qasm3.dumps", fail)
    assert rig.submit()["circuit"]["openqasm3"] is None
    assert len(rig.publisher.sent) == 1


# --- later steps ----------------------------------------------------------------------------------------

STEP: dict[str, Any] = {"step": 3, "backend": "fake_fez"}


def run(envelope: Envelope = ENVELOPE, **changes: Any) -> Run:
    return Run("smile", SmileInput.model_validate(OWN), OWN, envelope, **STEP | changes)


def known(job_id: str, minute: int = 0) -> JobView:
    created = datetime(2026, 5, 1, 12, minute, tzinfo=UTC)
    return JobView(job_id, "fake_fez", "QUEUED", "executor", None, created, None, None)


def looping(**changes: Any) -> Job:
    circuit = QuantumCircuit(3)
    circuit.measure_all()
    values: dict[str, Any] = {"state": {"angles": [0.5]}, "progress": Progress(step=3, of=9, value=-1.0)}
    return Job([Pub(circuit)], **values | changes)


def test_a_later_step_carries_its_state_and_its_progress() -> None:
    rig = Rig()
    answer = rig.submission.submit(run(), looping(shots=7))
    [event] = rig.publisher.events()
    assert (event.step, event.state) == (3, {"angles": [0.5]})
    assert event.progress == Progress(step=3, of=9, value=-1.0)
    assert (answer["step"], answer["progress"]["value"]) == (3, -1.0)
    [(_, _, shots, tags)] = rig.provider.submitted
    assert (shots, tags[:2]) == (7, ["qwhisk-p-1", "qwhisk-p-1-3"])


def test_a_step_that_was_submitted_before_finds_its_job_and_announces_it_again() -> None:
    """The process that submitted it died before it could reply."""
    rig = Rig()
    rig.provider.known = {
        "qwhisk-p-1-3": [known("later", 2), known("first", 1)],
        "qwhisk-p-1": [known("other")],
    }
    answer = rig.submission.submit(run(), looping())
    assert rig.provider.submitted == []
    [event] = rig.publisher.events()
    assert (event.job_id, event.backend, event.step) == ("first", "fake_fez", 3)
    assert (event.state, answer["job_id"]) == ({"angles": [0.5]}, "first")
    # It is not known how the other attempt's circuit was transpiled.
    assert event.circuit is not None
    assert event.circuit.transpiled_depth is None


def test_a_later_step_stays_on_its_backend_if_possible() -> None:
    rig = Rig()
    rig.submission.submit(run(), looping())
    assert rig.provider.chosen == [("simulator", 3, "fake_fez")]
    rig.provider.gone = {"fake_fez"}
    rig.submission.submit(run(step=4), looping())
    assert rig.provider.chosen[1:] == [("simulator", 3, "fake_fez"), ("simulator", 3, None)]


def test_the_estimator_gets_its_observable_on_the_backends_qubits() -> None:
    rig = Rig()
    pub = Pub(QuantumCircuit(2), observable=SparsePauliOp("ZZ"))
    rig.submission.submit(run(step=0), Job([pub, pub]))
    assert rig.provider.primitives == ["estimator"]
    assert len(rig.provider.ready.keys) == 1, "the circuit was transpiled more than once"


@pytest.mark.parametrize("chosen", [None, "ibm_calm"])
def test_a_backend_that_cannot_be_used_is_replaced_unless_the_caller_chose_it(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    rig, tried = Rig(), []

    def target(name: str) -> Any:
        tried.append(name)
        if len(tried) < 3:
            raise BackendUnusableError("Its calibration is incomplete.")
        return rig.provider.ready

    monkeypatch.setattr(rig.provider, "target", target)
    if chosen:
        with pytest.raises(BackendUnusableError):
            rig.submit(backend_type="hardware", backend=chosen)
        assert (len(tried), rig.provider.submitted) == (1, [])
    else:
        rig.submit(backend_type="hardware")
        assert (len(tried), len(rig.provider.submitted)) == (3, 1)


def test_what_openwhisk_adds_to_the_call_of_a_rule_is_no_input() -> None:
    caller = Caller(bell_state)
    added = {"__ow_headers": {"x-event": "push"}, "__ow_method": "post"}
    assert "job_id" in caller.submit(added)
    assert caller.events[0].params == {}
