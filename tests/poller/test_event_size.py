"""Final events that do not fit into a message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ResultStoreError
from core.large_results import Folder, name_of
from core.protocol import MAX_EVENT_BYTES, MAX_OPENQASM, Circuit, JobResult, encode
from poller.delivery.event_size import fit_event
from tests.core.samples import TOPIC, result_event

#: Some two million bytes of counts.
COUNTS = {"meas": {f"{number:020b}": 1 for number in range(80_000)}}


def test_a_result_that_is_too_large_is_stored_and_named(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    event = result_event(status="DONE").model_copy(
        update={"result": JobResult(counts=COUNTS, shots=80_000), "answer": {"summary": "Many."}}
    )
    found = fit_event(event, store)
    assert len(encode(found)) < MAX_EVENT_BYTES
    assert found.result is None
    assert found.answer == {"summary": "Many."}
    assert found.error is None
    assert found.result_url == "/api/v1/jobs/process-1/result"
    kept = json.loads(store.get(name_of(TOPIC, "process-1")))
    assert kept["result"]["counts"] == COUNTS
    assert kept["answer"] == {"summary": "Many."}


def test_the_circuit_is_omitted_before_the_answer_if_it_is_larger() -> None:
    circuit = Circuit(
        qubits=1,
        depth=1,
        size=1,
        transpiled_depth=1,
        transpiled_size=1,
        pubs=1,
        openqasm3="x" * MAX_OPENQASM,
    )
    event = result_event(status="DONE", answer={"summary": "Few."}).model_copy(update={"circuit": circuit})
    found = fit_event(event, limit=MAX_OPENQASM)
    assert (found.circuit, found.answer, found.error) == (None, {"summary": "Few."}, None)
    assert fit_event(event).circuit == circuit


def test_a_result_that_fits_is_unchanged(tmp_path: Path) -> None:
    event = result_event(status="DONE", answer={"summary": "Few."})
    assert fit_event(event, Folder(tmp_path)) == event
    assert not list(tmp_path.iterdir())


def test_without_a_store_the_reason_is_reported() -> None:
    event = result_event(status="DONE").model_copy(update={"result": JobResult(counts=COUNTS)})
    found = fit_event(event)
    assert (found.result, found.result_url) == (None, None)
    assert found.error is not None
    assert found.error.code == "result_too_large"


def test_the_poller_retries_if_the_store_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    event = result_event(status="DONE").model_copy(update={"result": JobResult(counts=COUNTS)})
    with pytest.raises(ResultStoreError):
        fit_event(event, Folder(tmp_path))
