"""The messages between the parts, recorded from the parts themselves, between in-memory fakes.

Current times and the prose of errors are replaced. Everything else is the same in each run.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from flask import Flask
from qiskit import QuantumCircuit

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.framework.submission import Submission
from core.config_docs.model import ConfigDocument
from core.errors import InputError, ProviderUnavailableError, StreamError
from core.kafka import delayed_consumer
from core.kafka.topics import BACKENDS
from core.large_results import Folder
from core.protocol import BackendInfo, JobEvent, Progress
from core.settings import KafkaSettings
from gateway.api import api
from gateway.auth.tokens import ClientSession
from gateway.edge.exchange import json_parts
from gateway.edge.processor import Processor
from gateway.idempotency import InFlight
from gateway.inbox.inbox import Inbox
from gateway.limits import Limit
from gateway.permissions import UNLIMITED, Permissions
from gateway.webhooks.delivery import parse_delivery
from poller.delivery.result_delivery import ResultDelivery
from poller.worker import Poller
from tests.actions import fakes as action_fakes
from tests.core.samples import TOPIC, job, raw_document, raw_job, wire
from tests.poller import fakes, results

GOLDEN = Path(__file__).parent / "golden" / "wire.json"

CALLBACK = "https://app.example.org/results"
ENVELOPE = {"client_id": "client-1", "process_job_id": "process-1", "topic": TOPIC}
COUNTS = {"01": 3, "10": 5}
_INSTANT = re.compile(r"(?!2026-05-01)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?")
_MESSAGE = re.compile(r'("message": ?)"(?:[^"\\]|\\.)*"')

Traffic = dict[str, list[str]]


def record() -> Traffic:
    """Return every kind of message, by name: its topic or route, its key and its bytes as text."""
    return {
        "action": list(_action()),
        "gateway": list(_gateway()),
        "poller": list(_poller()),
        "loop": list(_loop()),
    }


def golden() -> Traffic:
    """Return the recorded messages of the repository."""
    traffic: Traffic = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return traffic


def _text(value: bytes | dict[str, Any]) -> str:
    text = value.decode() if isinstance(value, bytes) else json.dumps(value)
    return _MESSAGE.sub(r'\1"<text>"', _INSTANT.sub("<now>", text))


# --- actions ------------------------------------------------------------------------------------------


class _Input(ActionInput):
    n: int = 1


class _TwoSteps(Algorithm[_Input]):
    """A job, a second one, and an answer."""

    name = "two_steps"
    title = "Two steps"
    description = "A job, a second one, and an answer."
    max_jobs = 2
    input = _Input

    def start(self, params: _Input) -> Job:
        if params.n == 0:
            raise InputError("n must not be 0.", field="n")
        if params.n < 0:
            raise ZeroDivisionError
        return _job({"seen": [params.n]}, 0, None)

    def proceed(self, params: _Input, step: Step) -> Job | dict[str, Any]:
        if step.number == 0:
            return _job({"seen": [params.n, step.counts()["01"]]}, 1, 0.375)
        return {"summary": "done", "counts": step.counts()}


def _job(state: dict[str, Any], step: int, value: float | None) -> Job:
    circuit = QuantumCircuit(2)
    circuit.measure_all()
    return Job([Pub(circuit)], state=state, progress=Progress(step=step, of=2, value=value), key=step)


@contextmanager
def _container(provider: Any, publisher: Any) -> Iterator[None]:
    made = Submission(provider, publisher, (0.0,), 0.0)
    with (
        patch.object(Submission, "_shared", ({}, made)),
        patch("actions.framework.submission.secrets.token_hex", lambda _: "a1b2c3"),
    ):
        yield


def _action() -> Iterator[str]:
    """Return what an action publishes and replies."""
    algorithm = _TwoSteps()
    step = raw_job(
        job_id="d1",
        function="two_steps",
        params={"n": 2},
        status="DONE",
        step=0,
        state={"seen": [2]},
        result={"counts": {"meas": COUNTS}, "shots": 8},
    )
    calls: list[dict[str, Any]] = [
        ENVELOPE | {"n": 2},
        ENVELOPE | {"n": 2, "shots": 5, "backend_type": "hardware", "again": True, "callback_url": CALLBACK},
        {"step": step},
        {"step": step | {"step": 1, "callback_url": CALLBACK}},
        {"step": step | {"step": 1, "result": None}},
        {"step": {"status": "DONE"}},
        ENVELOPE | {"n": 0},
        ENVELOPE | {"n": -1},
        ENVELOPE | {"n": "many", "topic": "elsewhere"},
        {"n": 1},
    ]
    for params in calls:
        provider, publisher = action_fakes.Provider(), action_fakes.Publisher()
        yield f"call {_text(params)}"
        with _container(provider, publisher):
            yield f"reply {_text(algorithm.main(dict(params)))}"
        yield from _sent(publisher)
    # The job is submitted, but neither announced nor cancelled: the pollers get a cancellation request.
    provider, publisher = action_fakes.Provider(), action_fakes.Publisher()
    provider.cancel_error = ProviderUnavailableError("Later.")
    publisher.error = StreamError("Kafka did not acknowledge.")
    with _container(provider, publisher):
        yield f"reply {_text(algorithm.main(ENVELOPE | {'n': 2}))}"
    yield from _sent(publisher)
    # The provider's answer is lost, and so is the job.
    provider, publisher = action_fakes.Provider(), action_fakes.Publisher()
    lost = ProviderUnavailableError("No answer.", unclear=True)
    with _container(provider, publisher), patch.object(provider, "submit", side_effect=lost):
        yield f"reply {_text(algorithm.main(ENVELOPE | {'n': 2, 'again': True}))}"
    yield from _sent(publisher)


def _sent(publisher: Any) -> Iterator[str]:
    for topic, key, value in publisher.sent:
        yield f"{topic} {key} {_text(value)}"


# --- the gateway ----------------------------------------------------------------------------------------


def _gateway() -> Iterator[str]:
    """Return what the gateway sends to functions, publishes, and replies to its clients."""
    inbox, publisher = Inbox(TOPIC, 0), fakes.Publisher()
    reply: dict[str, Any] = ENVELOPE | {
        "job_id": "d1",
        "backend": "fake_fez",
        "backend_type": "hardware",
        "function": "smile_super_position",
        "step": 0,
        "progress": {"step": 0, "of": 2, "value": None},
        "circuit": {
            "qubits": 2,
            "depth": 2,
            "size": 4,
            "transpiled_depth": 5,
            "transpiled_size": 9,
            "pubs": 1,
            "openqasm3": "OPENQASM 3.0;",
        },
    }
    invoke = fakes.Invoke(reply)
    document = ConfigDocument.model_validate(raw_document())
    services = SimpleNamespace(
        settings=SimpleNamespace(
            secret="s" * 32,
            previous_secret="",
            webhooks="public",
            jobs_in_flight=10,
            invoke_timeout=1.0,
            jobs_per_minute=99,
        ),
        tokens=SimpleNamespace(
            read=lambda _: ClientSession("client-1", TOPIC, datetime.now(UTC), secret="s" * 32)
        ),
        documents=SimpleNamespace(get=lambda _: document, all=lambda: {document.id: document}),
        permissions=Permissions(UNLIMITED, "s" * 32),
        invoke=invoke,
        processor=Processor(),
        publisher=publisher,
        inbox=lambda _: inbox,
        inbox_for_job=lambda _: inbox,
        job_limit=Limit("jobs", 99),
        session_limit=Limit("sessions", 99),
        in_flight=InFlight(),
        unread=SimpleNamespace(response=lambda _, parts: json_parts(parts)),
        large_results=None,
    )
    app = Flask("gateway")
    app.extensions["qwhisk"] = services
    app.register_blueprint(api)
    client, body = app.test_client(), {"emoticon_1": ":)", "n": [1, 2.5]}
    submit = "/api/v1/functions/smile_super_position/jobs"
    with patch("gateway.api.secrets.token_urlsafe", lambda _: "process-1"):
        first = client.post(submit, json=body)
    yield f"invocation {_text(invoke.bodies[-1])}"
    yield f"{first.status_code} {first.headers['Location']} {_text(first.data)}"
    inbox.append(0, publisher.sent[-1][2])
    headers = {"Idempotency-Key": "k", "Callback-Url": CALLBACK}
    second = client.post(submit, json=body, headers=headers)
    yield f"invocation {_text(invoke.bodies[-1])}"
    yield f"{second.status_code} {second.headers['Location']} {_text(second.data)}"
    inbox.append(1, publisher.sent[-1][2])
    again = client.post(submit, json=body, headers=headers)
    yield f"{again.status_code} {again.headers['Location']} {_text(again.data)}"
    cancelled = client.delete(f"/api/v1/jobs/{ENVELOPE['process_job_id']}")
    yield f"{cancelled.status_code} {_text(cancelled.data)}"
    yield from _sent(publisher)
    final = wire(
        status="DONE", callback_url=CALLBACK, answer={"summary": "yes"}, finished_at="2026-05-01T12:05:00Z"
    )
    yield f"webhook {_text(parse_delivery(final, None, 0.0).body)}"


# --- the poller -----------------------------------------------------------------------------------------


def _delivery(reply: dict[str, Any] | Exception, store: Any = None) -> tuple[ResultDelivery, Any, Any]:
    provider, publisher, invoke = fakes.Provider(), fakes.Publisher(), fakes.Invoke(reply)
    provider.raw = results.sampler(COUNTS)
    arguments: Any = (provider, publisher, fakes.Documents(), invoke, store)
    return ResultDelivery(*arguments), publisher, invoke


def _poller() -> Iterator[str]:
    """Return what the poller sends to functions, and what it publishes when a job is final."""
    answer = {"answer": {"emoticons": [":)", ":("]}}
    following = {
        "job_id": "d2",
        "backend": "fake_fez",
        "step": 3,
        "progress": {"step": 1, "of": 2, "value": 0.5},
    }
    cases: list[tuple[JobEvent, Any, dict[str, Any] | Exception]] = [
        (job(), fakes.view("DONE"), answer),
        (job(callback_url=CALLBACK), fakes.view("DONE"), answer),
        (job(), fakes.view("DONE"), {}),
        (job(), fakes.view("ERROR", reason="It broke (code 1234)"), {}),
        (job(step=1), fakes.view("CANCELLED"), {}),
        (job(step=2, state={"seen": [1, 2]}, progress={"step": 0, "of": 2}), fakes.view("DONE"), following),
        (job(step=2, state={"seen": [1, 2]}, looked_at="2026-05-01T12:01:00Z"), fakes.view("DONE"), {}),
    ]
    for event, view, reply in cases:
        delivery, publisher, invoke = _delivery(reply)
        delivery.deliver(event, view, failures=99)
        for body in invoke.bodies:
            yield f"invocation {_text(body)}"
        yield from _sent(publisher)
    delivery, publisher, _ = _delivery({})
    delivery.fail_permanently(job(estimated_completion_time="2026-05-01T12:01:00Z"), "gone", "It is gone.")
    yield from _sent(publisher)
    large = {"answer": {"text": "a" * 1_000_000}}
    with tempfile.TemporaryDirectory() as folder:
        for store in (Folder(Path(folder)), None):
            delivery, publisher, _ = _delivery(large, store)
            delivery.deliver(job(), fakes.view("DONE"))
            yield from _sent(publisher)
        for path in Path(folder).glob("results/*/*.json"):
            yield f"{path.relative_to(folder)} {path.read_text().replace('a' * 1_000_000, 'a...')}"


def _loop() -> Iterator[str]:
    """Return what the poller publishes itself: progress, requeued jobs, backends, unreadable messages."""
    with patch.object(delayed_consumer, "group_consumer", fakes.group_consumer):
        delivery, publisher, _ = _delivery({"answer": {}})
        provider = fakes.Provider()
        listed = BackendInfo(
            name="fake_fez",
            backend_type="hardware",
            qubits=156,
            operational=True,
            queue_length=4,
            seen_at=datetime(2026, 5, 1, tzinfo=UTC),
        )
        provider.backends = lambda fresh=0.0: [listed]  # type: ignore[method-assign]
        arguments: Any = (provider, delivery, publisher, 1, 1e12)
        poller = Poller(KafkaSettings("nowhere:9092", partitions=1), *arguments)
        consumer, _waiting = fakes.consumers_of(poller.job_consumer)
        now = datetime.now(UTC).isoformat()
        poller.poll(time.time())
        provider.views["d1abc"] = fakes.view("QUEUED", queue_position=4, finished=None)
        message = wire(submitted_at=now, queue_length_at_submit=400, callback_url=CALLBACK, state={"seen": 1})
        consumer.messages.append(fakes.Message("jobs", 0, message))
        consumer.messages.append(fakes.Message("jobs", 1, b"no event"))
        end = time.monotonic() + 20
        wanted = (TOPIC, "jobs.wait.2m", "jobs.dead", BACKENDS)
        while not set(wanted) <= {topic for topic, _, _ in publisher.sent}:
            assert time.monotonic() < end, "the poller did not publish everything"
            poller.step(time.monotonic())
        poller.close()
        by_topic = {topic: (key, value) for topic, key, value in reversed(publisher.sent)}
        for topic in wanted:
            key, value = by_topic[topic]
            yield f"{topic} {key} {_text(value)}"


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
