"""The contract of an algorithm's steps: they lead to an answer, and are the same when repeated."""

from __future__ import annotations

from typing import Any

from qiskit import QuantumCircuit, transpile

from actions.framework.algorithm import Algorithm
from actions.framework.job import Job
from tests.actions.inputs import full
from tests.actions.runs import at_the_edges, finite, schema_of, walked
from tests.actions.walk import Caller, useless


def it_comes_to_an_answer(algorithm: Algorithm[Any]) -> None:
    """There is an answer after a bounded number of jobs, and each event of several has its progress."""
    run = walked(type(algorithm))
    assert isinstance(run.answer, dict)
    events = run.caller.events
    for number, event in enumerate(events):
        assert event.step == number
        if len(events) > 1:
            assert event.progress is not None, f"job {number} of {len(events)} has no progress"
            assert event.progress.step <= event.progress.of, f"job {number}: {event.progress}"


def start_says_the_same_twice(algorithm: Algorithm[Any]) -> None:
    """The first job is the same each time, except for random parts; a key means one set of circuits."""
    values = full(schema_of(algorithm))
    first, second = (algorithm.start(algorithm.input.model_validate(values)) for _ in range(2))
    if first.state == second.state:
        _same_job(first, second)
    if first.key == second.key:
        _same_circuits(first, second)


def proceed_says_the_same_twice(algorithm: Algorithm[Any]) -> None:
    """After every job of a run, a repeated step gives the same next job, or the same answer."""
    run = walked(type(algorithm))
    again = Caller(algorithm)
    for number, step in enumerate(run.steps):
        output = again.call(step)
        assert ("answer" in output) == (number == len(run.steps) - 1), output
        if "answer" in output:
            assert output == run.outputs[-1], "a different answer to the same step"
        else:
            _same_job(again.submission.jobs[-1], run.caller.submission.jobs[number + 1])
    known: dict[Any, Job] = {}
    for job in run.caller.submission.jobs:
        # What was transpiled for a key is run again for it.
        _same_circuits(known.setdefault(job.key, job), job)


def useless_results_are_answered(algorithm: Algorithm[Any]) -> None:
    """Outcomes of pure noise, at every end of the input, give the next job or an answer with a summary."""
    for variant, caller, submitted in at_the_edges(type(algorithm)):
        if "job_id" not in submitted:
            continue
        output = caller.call(caller.step(useless(caller.submission.jobs[-1]), noisy=True))
        assert "error" not in output, f"{variant.field} {variant.why}: {output}"
        if "answer" in output:
            assert isinstance(output["answer"].get("summary"), str), f"no summary: {output}"
            assert finite(output), f"{variant.field} {variant.why}: a number is not finite: {output}"


def _same_job(first: Job, second: Job) -> None:
    _same_circuits(first, second)
    assert _values(first) == _values(second), "other parameter values"
    assert (first.shots, first.state, first.progress) == (second.shots, second.state, second.progress), (
        "a different job"
    )


def _same_circuits(first: Job, second: Job) -> None:
    assert len(first.pubs) == len(second.pubs), "a different number of PUBs under the same key"
    for pub, other in zip(first.pubs, second.pubs, strict=True):
        same = pub.circuit == other.circuit or _plain(pub.circuit) == _plain(other.circuit)
        assert same, "different circuits under the same key"
    observables = [[pub.observable for pub in job.pubs] for job in (first, second)]
    assert observables[0] == observables[1], "different observables"


def _plain(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit without what differs between two builds, such as the names of boxes."""
    bound = circuit.assign_parameters([0.1 * (place + 1) for place in range(circuit.num_parameters)])
    return transpile(bound, basis_gates=["u", "cx"], optimization_level=0)


def _values(job: Job) -> list[Any]:
    return [None if pub.values is None else list(pub.values) for pub in job.pubs]
