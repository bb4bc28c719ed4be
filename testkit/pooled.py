"""Circuits that carry a secret pattern of bits, by which a client recognises its own result."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

from core.protocol import FINAL, PoolRecord
from core.settings import KafkaSettings
from poller.pooling.pool_log import PoolLog
from testkit.processes import part_environment
from testkit.stack import Client, Stack, wait_for

#: Bits of a pattern, shots of a circuit, and the device.
BITS, SHOTS, DEVICE = 10, 100, "fake_fez"
#: Qubits of an entangled circuit that the simulator accepts from no one: its state vector does not fit.
TOO_MANY = 30
#: Seconds in which a submission that is refused for now is accepted.
PATIENCE = 150.0


def secret(dice: random.Random) -> str:
    """Return a random pattern."""
    return format(dice.randrange(1, 2**BITS), f"0{BITS}b")


def pattern_program(bits: str) -> str:
    """Return a program that measures a pattern."""
    flips = "\n".join(f"x q[{place}];" for place, bit in enumerate(reversed(bits)) if bit == "1")
    return program(len(bits), flips)


def refused_program() -> str:
    """Return a program that is valid and fits the device, but whose provider job fails as a whole."""
    gates = "\n".join(
        f"h q[{place}];\nt q[{place}];\ncx q[{place}],q[{place + 1}];" for place in range(TOO_MANY - 1)
    )
    return program(TOO_MANY, gates)


def program(qubits: int, gates: str) -> str:
    """Return a program of these gates that measures all qubits into the register `c`."""
    registers = f"qreg q[{qubits}];\ncreg c[{qubits}];"
    return f'OPENQASM 2.0;\ninclude "qelib1.inc";\n{registers}\n{gates}\nmeasure q -> c;\n'


def submit_program(client: Client, text: str, **values: Any) -> str:
    """Submit a program to the device, again while it is refused for now; return the job's id."""
    given: dict[str, Any] = {
        "program": text,
        "backend_type": "hardware",
        "backend": DEVICE,
        "shots": SHOTS,
    }
    given |= values
    deadline = time.monotonic() + PATIENCE
    while (answer := client.submit(function="run_openqasm", **given)).status_code != 202:
        assert answer.status_code in (429, 502, 503, 504), answer.text
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    job: dict[str, Any] = answer.json()
    if given.get("pooling", True):
        assert (job["status"], job["provider_jobs"]) == ("POOLED", [])
    return str(job["process_job_id"])


def submit_pattern(client: Client, bits: str, **values: Any) -> str:
    """Submit a circuit that measures a pattern on the device; return the job's id."""
    return submit_program(client, pattern_program(bits), **values)


def ended(client: Client, job: str, seconds: float = PATIENCE) -> dict[str, Any]:
    """Wait for a job's end and return it."""
    found: dict[str, Any] = {}

    def final() -> bool:
        found.update(client.get(f"/jobs/{job}", wait=30).json())
        return found["status"] in FINAL

    wait_for(final, seconds)
    return found


def has_pattern(job: dict[str, Any], bits: str) -> bool:
    """Return whether the counts of a job that is done are those of a pattern."""
    counts = job["result"]["counts"]["c"]
    return bool(max(counts, key=counts.get) == bits and sum(counts.values()) == SHOTS)


def check_pattern(job: dict[str, Any], bits: str) -> None:
    """Check that a job is done, and that its counts are those of its own pattern."""
    assert job["status"] == "DONE", job["error"]
    assert has_pattern(job, bits), (bits, job["result"]["counts"])


def pool_records(stack: Stack) -> list[PoolRecord]:
    """Return what the pollers of a stack have recorded about pooled jobs."""
    records: list[PoolRecord] = []
    log = PoolLog(KafkaSettings.from_env(part_environment(stack, "poller")), records.append)
    try:
        log.catch_up(30)
    finally:
        log.close()
    return records


def takes_part(records: list[PoolRecord]) -> Counter[str]:
    """Return in how many provider jobs each client's job was to take part."""
    return Counter(run for record in records if record.state == "composed" for run, _, _ in record.members)
