"""The poller counts the provider's rejections, waits as requested, and continues.

The real simulator, the unmodified client, and the poller's own iterations; only Kafka is replaced.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from qiskit import QuantumCircuit

from core.kafka import delayed_consumer
from core.protocol import ResultEvent, decode
from core.provider import QuantumAccount, connect
from core.provider.ibm.account import IBMAccount
from core.settings import AccountSettings, KafkaSettings, ProviderSettings
from poller.delivery.result_delivery import ResultDelivery
from poller.worker import Poller
from tests.core.samples import wire
from tests.poller.fakes import Documents, Invoke, Message, Publisher, consumers_of, group_consumer
from tests.simulator.conftest import INSTANCE, Running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    database = tmp_path_factory.mktemp("refusals") / "jobs.db"
    made = Running("--database", str(database), "--admin", "1", "--workers", "1")
    yield made
    made.stop()


class Wire:
    """A poller with one account, and the times of each of its requests about jobs and of their answers."""

    def __init__(self, service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.service = service
        monkeypatch.setattr(delayed_consumer, "group_consumer", group_consumer)
        account = AccountSettings(service.api_key, INSTANCE, service.url)
        self.provider = connect(ProviderSettings(account, account), repeats=False)
        self.publisher = Publisher()
        delivery = ResultDelivery(self.provider, self.publisher, Documents(), Invoke({"answer": {}}))
        kafka = KafkaSettings("nowhere:9092", partitions=1)
        self.poller = Poller(kafka, self.provider, delivery, self.publisher)
        self.consumer, _ = consumers_of(self.poller.job_consumer)
        self.sent: list[tuple[float, float]] = []
        self._record(self.provider.account("simulator"))

    def _record(self, account: QuantumAccount) -> None:
        account.backends()
        assert isinstance(account, IBMAccount)
        http: Any = account._service._active_api_client._session
        send = http.send

        def recording(request: requests.PreparedRequest, **more: Any) -> requests.Response:
            begun = time.monotonic()
            try:
                answer: requests.Response = send(request, **more)
                return answer
            finally:
                if "/jobs" in str(request.url) and request.method == "GET":
                    self.sent.append((begun, time.monotonic()))

        http.send = recording

    def events(self) -> list[ResultEvent]:
        """Return the events that the client got."""
        return [
            decode(ResultEvent, value)
            for topic, _, value in self.publisher.sent
            if topic.startswith("results.")
        ]

    def run(self, fault: dict[str, Any]) -> str:
        """Run a job from its event to its final event during these faults; return the metrics."""
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        job_id = self.provider.account("simulator").submit([(circuit,)], "aer_simulator", 16, [])
        answer = requests.put(
            f"{self.service.url}/admin/faults",
            json={"http": [fault | {"method": "GET", "path": "/jobs"}]},
            headers={"Authorization": f"Bearer {self.service.token()}"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        self.consumer.messages.append(Message("jobs", 0, wire(job_id=job_id, backend_type="simulator")))
        deadline = time.monotonic() + 40
        while not any(event.final for event in self.events()):
            assert time.monotonic() < deadline, "the job did not end"
            self.poller.step(time.monotonic())
        self.poller.close()
        assert [event.status for event in self.events() if event.final] == ["DONE"]
        return self.poller.metrics.text(self.poller.tracker.states).decode()


@pytest.fixture
def wire_of(service: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    made = Wire(service, monkeypatch)
    yield made
    made.poller.close()


def count(text: str, name: str, **labels: str) -> float:
    """Return the sum of the samples of this name with these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith(name) and all(label in line for label in wanted)
    )


@pytest.mark.parametrize(
    ("fault", "status", "pause"),
    [
        ({"status": 503}, "503", 0.5),
        ({"status": 500, "after": True}, "500", 0.5),
        ({"status": 502}, "502", 0.5),
        ({"status": 429, "retry_after": 2}, "429", 2.0),
        ({"drop": True}, "", 0.5),
    ],
    ids=["503", "500", "502", "429", "dropped"],
)
def test_a_rejection_is_counted_and_waited_for(
    wire_of: Wire, fault: dict[str, Any], status: str, pause: float
) -> None:
    text = wire_of.run(fault | {"count": 2})
    assert count(text, "qwhisk_poller_errors_total", code="provider_unavailable", status=status) == 2
    reason = "retry_after" if status == "429" else "backoff"
    assert count(text, "qwhisk_poller_pauses_total", reason=reason) == 2
    # There was no request that the budget does not know.
    asked = count(text, "qwhisk_poller_api_calls_total", kind="look")
    assert len(wire_of.sent) == asked + count(text, "qwhisk_poller_api_calls_total", kind="fetch")
    first, second, third = sorted(wire_of.sent)[:3]
    assert second[0] - first[1] >= pause
    assert third[0] - second[1] >= max(pause, 1.0), "the pause did not grow with each rejection"


def test_a_slow_answer_is_waited_for_and_counted(wire_of: Wire) -> None:
    text = wire_of.run({"delay": 1.5, "count": 1})
    assert count(text, "qwhisk_poller_errors_total") == 0
    slow = count(text, "qwhisk_poller_call_seconds_count") - count(
        text, "qwhisk_poller_call_seconds_bucket", le="1.0"
    )
    assert slow >= 1
