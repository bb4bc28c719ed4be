"""Programs that define gates under names that Qiskit knows, over HTTP, on each type of backend."""

from __future__ import annotations

import time
from typing import get_args

import pytest

from core.protocol import FINAL, BackendType
from testkit.stack import Client, Stack
from tests.actions.own_gates import generated

#: Seconds a job may take on a machine that is busy with others.
JOB_TIMEOUT = 240.0

#: Programs and their only outcome.
PROGRAMS: dict[str, tuple[str, str]] = {
    "h": ("OPENQASM 3.0; gate h a { U(pi, 0, pi) a; } qubit[1] q; bit[1] c; h q[0]; c = measure q;", "1"),
    "iswap": (
        'OPENQASM 2.0; include "qelib1.inc"; gate iswap a,b { x a; x b; } '
        "qreg q[2]; creg c[2]; iswap q[0],q[1]; measure q -> c;",
        "11",
    ),
    "cu": (
        'OPENQASM 2.0; include "qelib1.inc"; gate cu a,b { cx a,b; } '
        "qreg q[2]; creg c[2]; x q[0]; cu q[0],q[1]; measure q->c;",
        "11",
    ),
    "rz": ("OPENQASM 3.0; gate rz a { U(pi, 0, pi) a; } qubit[1] q; bit[1] c; rz q[0]; c = measure q;", "1"),
}
for _version, _names in ((2, ["sx", "unitary", "store"]), (3, ["save_state", "ecr", "if_else"])):
    _program = generated(_names, _version, True, 5, reversible=True, modifiers=False)
    [_right] = _program.probabilities()
    PROGRAMS[f"generated-{_version}"] = str(_program), _right


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend_type", get_args(BackendType))
def test_the_definition_is_what_runs(stack: Stack, backend_type: str) -> None:
    client = Client(stack)
    try:
        jobs = {}
        for name, (program, _) in PROGRAMS.items():
            answer = client.submit(function="run_openqasm", program=program, backend_type=backend_type)
            assert answer.status_code == 202, answer.text
            jobs[name] = answer.json()["process_job_id"]
        deadline = time.monotonic() + JOB_TIMEOUT
        for name, job in jobs.items():
            event = client.get(f"/jobs/{job}", wait=30).json()
            while event["status"] not in FINAL:
                assert time.monotonic() < deadline, event
                event = client.get(f"/jobs/{job}", wait=30).json()
            assert (event["status"], event["error"]) == ("DONE", None), name
            right = PROGRAMS[name][1]
            top = event["answer"]["registers"][0]["outcomes"][0]
            assert top["bitstring"] == right, name
            assert event["answer"]["ideal"] == {right: pytest.approx(1.0)}, name
            assert event["answer"]["fidelity"] > (0.999 if backend_type == "simulator" else 0.5), name
    finally:
        client.http.close()
