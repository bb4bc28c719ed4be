"""Warm `main()` of every algorithm, compared with Qiskit building and transpiling the same circuits.

Both begin with circuits that have not been transpiled before: the action's caches are cleared. In addition,
`main` validates, encodes the job as the provider requires it, submits it over HTTP, publishes the event until
it is acknowledged, and writes the circuit as OpenQASM.
"""

from __future__ import annotations

import importlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager

from actions.framework import submission
from actions.framework.algorithm import Algorithm
from actions.framework.submission import Submission
from benchmarks.around import ENVELOPE
from core.kafka.publisher import Publisher
from core.protocol import FINAL
from core.provider import QuantumAccount
from core.provider.ibm import account
from core.provider.ibm.account import IBMAccount
from core.provider.ibm.target import IBMTarget
from core.provider.tags import run_tag
from testkit.percentile import percentile

#: Calls of each kind that are measured.
ROUNDS = 15
#: Seconds that one job may take at the simulator before the next call.
JOB_TIMEOUT = 60.0

#: What is measured inside of `main`, by the name that the table gives it.
PARTS: dict[str, tuple[Any, str]] = {
    "transpile": (submission, "transpiled"),
    "encode the job": (account, "encoded"),
    "submit over HTTP": (IBMAccount, "_call"),
    "publish": (Publisher, "publish"),
    "write OpenQASM": (submission, "describe"),
}


@dataclass
class Warm:
    """Seconds at p50.

    Args:
        qubits: of the largest circuit.
        circuits: that differ.
        direct: building and transpiling.
        new: `main` with circuits that it has not seen.
        known: `main` with circuits that it has.
        processor: of `new` less `direct`, this process's own time on a processor: without the provider's and
            the broker's, and without waiting for a processor that others use.
        parts: of `new`.
    """

    qubits: int
    circuits: int
    direct: float
    new: float
    known: float
    processor: float
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def added(self) -> float:
        """What `main` takes in addition to Qiskit for the same circuits."""
        return self.new - self.direct


def warm(algorithm: Algorithm[Any], bound: dict[str, str]) -> Warm:
    """Measure one algorithm's first job, with the input of its case."""
    values = importlib.import_module(f"tests.actions.cases.{algorithm.name}").VALUES | {
        "shots": _shots(algorithm)
    }
    params = algorithm.input.model_validate(values)
    call = values | ENVELOPE | bound

    def main() -> str:
        answer = algorithm.main(call)
        if "job_id" not in answer:
            raise RuntimeError(f"{algorithm.name}: {answer}")
        return str(answer["backend"])

    name = main()
    provider = Submission.shared(bound)._provider.account("simulator")
    target = provider.target(name)
    assert isinstance(target, IBMTarget)
    passes = generate_preset_pass_manager(
        optimization_level=1, target=target.device.target, seed_transpiler=0
    )

    def direct() -> list[QuantumCircuit]:
        job = algorithm.start(params)
        return [
            passes.run(circuit) for circuit in {id(pub.circuit): pub.circuit for pub in job.pubs}.values()
        ]

    circuits = direct()
    seconds = defaultdict[str, list[float]](list)
    with timed_parts() as parts:
        for _ in range(ROUNDS):
            began = time.process_time()
            seconds["direct"].append(_seconds(direct))
            of_direct = time.process_time() - began
            target._transpiled.clear()
            parts.clear()
            began = time.process_time()
            seconds["new"].append(_seconds(main))
            seconds["processor"].append(time.process_time() - began - of_direct)
            for part, spent in parts.items():
                seconds[part].append(spent)
            _idle(provider)
            seconds["known"].append(_seconds(main))
            _idle(provider)
    p50 = {what: percentile(found, 0.5) for what, found in seconds.items()}
    return Warm(
        algorithm.start(params).qubits,
        len(circuits),
        p50["direct"],
        p50["new"],
        p50["known"],
        p50["processor"],
        {part: p50.get(part, 0.0) for part in PARTS},
    )


@contextmanager
def timed_parts() -> Iterator[dict[str, float]]:
    """Seconds in each part of `main`, summed until they are cleared."""
    spent: dict[str, float] = defaultdict(float)

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent[part] += time.perf_counter() - began

        return call

    with ExitStack() as stack:
        for part, (owner, name) in PARTS.items():
            stack.enter_context(patch.object(owner, name, timed(part, getattr(owner, name))))
        yield spent


def _shots(algorithm: Algorithm[Any]) -> int:
    """As few shots as possible: the simulator's work in the meantime must not count."""
    return int(algorithm.input.model_json_schema()["properties"]["shots"]["minimum"])


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _idle(provider: QuantumAccount) -> None:
    """Wait until the simulator has finished its jobs."""
    deadline = time.monotonic() + JOB_TIMEOUT
    tag = run_tag(ENVELOPE["process_job_id"])
    while any(view.status not in FINAL for view in provider.tagged(tag)[:1]):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the simulator has not done a job within {JOB_TIMEOUT:.0f} s")
        time.sleep(0.01)


def close() -> None:
    """Close the connections that the measured calls kept."""
    if Submission._shared is not None:
        Submission._shared[1]._publisher.close()
        Submission._shared = None
