"""One run of each function on the simulator, for docs/functions.md."""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from qiskit import QuantumCircuit

from actions.framework.algorithm import Algorithm
from actions.framework.answer import ActionAnswer
from actions.framework.job import Job, Step
from actions.framework.submission import native
from core.protocol import JobResult
from core.provider import Provider, connect
from core.settings import ProviderSettings
from testkit.simulator import SimulatorProcess

#: The seed of every run.
SEED = 7
#: Input that is drawn at random unless it is given.
_CHOSEN: dict[str, dict[str, Any]] = {"shor": {"base": 7}}
#: Seconds that one job may take.
JOB_SECONDS = 300.0
#: Seconds between two looks at a job.
_PAUSE = 0.05


def example_input(algorithm: Algorithm[Any]) -> dict[str, Any]:
    """Return the input of the run: the first example of each required field, and the seed."""
    fields = algorithm.input.model_fields.items()
    required = {name: field.examples[0] for name, field in fields if field.is_required() and field.examples}
    return required | _CHOSEN.get(algorithm.name, {}) | {"seed": SEED}


@contextmanager
def simulator() -> Iterator[Provider]:
    """Start a simulator of its own; it ends with the context.

    Raises:
        RuntimeError: it does not start.
    """
    with SimulatorProcess() as running:
        account = {"SIMULATOR_URL": running.url, "SIMULATOR_API_KEY": running.api_key}
        yield connect(ProviderSettings.from_env(account))


def run(algorithm: Algorithm[Any], values: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """Run an algorithm to its end and return the answer.

    A function that draws random numbers itself draws the same in each run.

    Args:
        algorithm: the algorithm.
        values: the caller's input.
        provider: the provider of the simulator.
    """
    params = algorithm.input.model_validate(values)
    drawn = random.Random(SEED)
    with patch.multiple(secrets, randbits=drawn.getrandbits, SystemRandom=lambda: drawn):
        job = algorithm.start(params)
    number = 0
    while True:
        result, backend = _result(job, params, provider)
        # The state of a job travels as JSON.
        step = Step(number, result, json.loads(json.dumps(job.state)), backend, noisy=False)
        outcome = algorithm.proceed(params, step)
        if isinstance(outcome, ActionAnswer):
            return outcome.as_dict()
        if not isinstance(outcome, Job):
            return outcome
        job, number = outcome, number + 1


def _result(job: Job, params: Any, provider: Provider) -> tuple[JobResult, str]:
    account = provider.account("simulator")
    backend = provider.choose("simulator", job.qubits, None).name
    target = account.target(backend)
    circuits: dict[int, QuantumCircuit] = {}
    for pub in job.pubs:
        if id(pub.circuit) not in circuits:
            circuits[id(pub.circuit)] = target.transpile(pub.circuit, None)
    pubs = [native(pub, circuits[id(pub.circuit)]) for pub in job.pubs]
    shots, options = job.shots or params.shots, params.simulator_options()
    job_id = account.submit(pubs, backend, shots, (), job.primitive, options)
    deadline = time.monotonic() + JOB_SECONDS
    while (view := account.look(job_id)).status != "DONE":
        if view.status in ("ERROR", "CANCELLED") or time.monotonic() > deadline:
            raise RuntimeError(f"the job is {view.status}: {view.reason}")
        time.sleep(_PAUSE)
    return account.result(view), backend
