"""The port of quantum accounts: an action submits and the poller delivers, with an account in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from qiskit import QuantumCircuit

from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub
from actions.framework.submission import Run, Submission
from core.errors import InputError, JobNotFoundError, ProviderError
from core.protocol import Envelope, JobResult, ResultEvent, decode
from core.provider import Provider, QuantumAccount, run_tag, step_tag
from core.provider.ibm.account import IBMAccount
from poller.delivery.result_delivery import ResultDelivery
from testkit.quantum_account import EPOCH, InMemoryAccount
from tests.actions import fakes as action_fakes
from tests.core.samples import TOPIC
from tests.poller import fakes

ENVELOPE = Envelope(client_id="c", process_job_id="run", topic=TOPIC)
COUNTS = {"01": 3, "10": 5}
#: mypy checks that IBM's client implements the port.
IMPLEMENTATIONS: list[type[QuantumAccount]] = [IBMAccount, InMemoryAccount]


def submit(account: QuantumAccount, publisher: Any, again: bool = False, **params: Any) -> dict[str, Any]:
    circuit = QuantumCircuit(2)
    circuit.measure_all()
    envelope = ENVELOPE.model_copy(update={"again": again})
    run = Run("smile_super_position", ActionInput(**params), params, envelope)
    made = Submission(Provider(account, account), publisher, (0.0,), 0.0)
    return made.submit(run, Job([Pub(circuit)]))


def test_a_job_goes_from_the_action_through_the_account_to_the_client() -> None:
    account, announced, published = InMemoryAccount(), action_fakes.Publisher(), fakes.Publisher()
    reply = submit(account, announced, shots=8)
    [event] = announced.events()
    [job_id] = account.submitted
    assert (reply["job_id"], event.job_id, event.backend) == (job_id, job_id, "aer_simulator")
    assert account.submitted[job_id].shots == 8
    account.finish(job_id, JobResult(counts={"meas": COUNTS}, shots=8))
    arguments: Any = (published, fakes.Documents(), fakes.Invoke({"answer": {"summary": "yes"}}))
    ResultDelivery(Provider(account, account), *arguments).deliver(event, account.look(job_id))
    [(topic, _, value)] = published.sent
    final = decode(ResultEvent, value)
    assert (topic, final.status, final.answer) == (TOPIC, "DONE", {"summary": "yes"})
    assert final.result == JobResult(counts={"meas": COUNTS}, shots=8)


def test_a_submission_that_is_repeated_finds_its_job() -> None:
    account, publisher = InMemoryAccount(), action_fakes.Publisher()
    first = submit(account, publisher, again=True)
    second = submit(account, publisher, again=True)
    assert first["job_id"] == second["job_id"]
    assert len(account.submitted) == 1
    assert {event.job_id for event in publisher.events()} == {first["job_id"]}


def test_a_backend_that_the_account_does_not_have_is_named() -> None:
    with pytest.raises(InputError, match="Available: fake_fez"):
        submit(InMemoryAccount(), action_fakes.Publisher(), backend="ibm_fez", backend_type="hardware")


def test_tags_looks_and_cancellations() -> None:
    account = InMemoryAccount()
    ids = [account.submit([], "fake_fez", 1, [run_tag("r"), step_tag("r", step)]) for step in range(3)]
    assert [view.job_id for view in account.tagged(run_tag("r"))] == ids[::-1]
    assert [view.job_id for view in account.tagged(run_tag("r"), step_tag("r", 1))] == [ids[1]]
    assert list(account.look_since(EPOCH)) == [ids[2], ids[1]]
    assert list(account.look_since(EPOCH - timedelta(seconds=1), newest_first=False)) == ids
    account.abandon(ids[0])
    assert account.look(ids[0]).status == "CANCELLED"
    assert ids[0] not in [view.job_id for view in account.tagged(run_tag("r"))]
    account.finish(ids[1], None, "It broke.")
    account.cancel(ids[1])
    assert (account.look(ids[1]).status, account.look(ids[1]).reason) == ("ERROR", "It broke.")
    with pytest.raises(ProviderError, match="no result"):
        account.result(account.look(ids[1]))
    with pytest.raises(JobNotFoundError):
        account.cancel("unknown")
