"""Jobs as the page stores them (web/src/jobs/job.ts), one for each view, to test only its appearance.

test_path.py tests what really runs; here every view is drawn from the same data on every machine.
"""

from __future__ import annotations

import math
from typing import Any

Job = dict[str, Any]

_GHZ = """OPENQASM 3.0;
include "stdgates.inc";
gate xx_plus_yy(t) a, b { rz(t) a; cx a, b; }
bit[4] c;
qubit[4] q;
h q[0];
cx q[0], q[1];
ccx q[0], q[1], q[2];
barrier q;
rz(pi/4) q[3];
cp(0.785398163397448) q[2], q[3];
swap q[0], q[3];
cz q[1], q[2];
xx_plus_yy(1.25) q[1], q[2];
negctrl @ x q[0], q[2];
reset q[1];
c[0] = measure q[0];
if (c[0]) { x q[1]; }
c[1] = measure q[1];
c[2] = measure q[2];
c[3] = measure q[3];
"""


def _job(name: str, **values: Any) -> Job:
    job: Job = {
        "process_job_id": f"sample-{name}",
        "client_id": "sample",
        "function": f"sample_{name}",
        "function_title": "Sample",
        "view": "default",
        "backend": "fake_fez",
        "backend_type": "hardware",
        "params": {"qubits": 4},
        "status": "DONE",
        "step": 0,
        "submitted_at": "2026-01-02T10:00:00Z",
        "running_at": "2026-01-02T10:00:21Z",
        "finished_at": "2026-01-02T10:00:24Z",
        "delivered_at": "2026-01-02T10:00:25Z",
        "queue_position": None,
        "queue_length_at_submit": 5,
        "queue_start": 5,
        "estimated_completion_time": None,
        "progress": None,
        "history": [],
        "provider_jobs": {"0": f"d0f{name}"},
        "circuit": {
            "qubits": 4,
            "depth": 5,
            "size": 8,
            "transpiled_depth": 9,
            "transpiled_size": 14,
            "openqasm3": _GHZ,
        },
        "result": None,
        "result_url": None,
        "answer": None,
        "error": None,
    }
    return job | values


def _result(counts: dict[str, int], **values: Any) -> Job:
    return {
        "counts": {"c": counts},
        "other": {"c": 0},
        "other_outcomes": {"c": 0},
        "shots": sum(counts.values()),
        "evs": None,
        "stds": None,
        "metadata": {"simulator": {"method": "bloch", "noise_model": "none"}},
    } | values


_POINTS = [{"step": n, "value": -1.137 + 1.3 * math.exp(-n / 6) * math.cos(n / 2)} for n in range(40)]
_EDGES = [[0, 1, 1.0], [1, 2, 2.0], [2, 3, 1.5], [3, 4, 1.0], [4, 0, 1.0], [0, 2, 0.5]]
_CUT = [0, 1, 0, 1, 1]

_SMILE = {
    "emoticons": [
        {"text": ":-)", "bitstring": "001110100010110100101001", "count": 493, "probability": 0.4814},
        {"text": ";-)", "bitstring": "001110110010110100101001", "count": 455, "probability": 0.4443},
    ],
    "others": [
        {"text": r"\x1a-)", "bitstring": "000110100010110100101001", "count": 40, "probability": 0.0391},
        {
            "text": r"\xba\xad\xa9",
            "bitstring": "101110101010110110101001",
            "count": 36,
            "probability": 0.0352,
        },
    ],
    "others_probability": 0.0743,
    "shots": 1024,
}

#: Every way of showing a job, by name.
SAMPLES: dict[str, Job] = {
    "emoticons": _job(
        "emoticons",
        function_title="Smile superposition",
        view="emoticons",
        params={"emoticon_1": ":-)", "emoticon_2": ";-)"},
        answer=_SMILE,
        result=_result(
            {outcome["bitstring"]: outcome["count"] for outcome in _SMILE["emoticons"] + _SMILE["others"]}  # type: ignore[operator]
        ),
    ),
    "default": _job(
        "default",
        function_title="GHZ state",
        answer={
            "summary": "The four qubits agreed in 91 % of the shots.",
            "note": "The device's noise turned 9 % of the shots into something else; more shots do not help.",
            "ideal": {"0000": 0.5, "1111": 0.5},
            "fidelity": 0.9123456,
            "entangled": True,
            "outcomes": ["0000", "1111"],
            "readings": [
                {"qubit": 0, "value": 0.51, "error": 0.01},
                {"qubit": 1, "value": 0.49, "error": 0.01},
            ],
        },
        result=_result({"0000": 480, "1111": 452} | {f"{n:04b}": 14 - n for n in range(1, 13)}),
    ),
    "values": _job(
        "values",
        function_title="Random numbers",
        view="values",
        answer={"summary": "24 random numbers from 0 to 255.", "values": [n * 67 % 256 for n in range(24)]},
        result=_result({f"{n * 67 % 256:08b}": 1 for n in range(24)}),
    ),
    "matrix": _job(
        "matrix",
        function_title="Quantum kernel",
        view="matrix",
        params={"vectors": [[0.4, 1.2], [0.5, 1.1], [2.4, 0.3]]},
        answer={
            "summary": "Vectors 1 and 2 are alike, vector 3 is not.",
            "matrix": [[1, 0.983, 0.121], [0.983, 1, -0.14], [0.121, -0.14, 1]],
            "labels": ["v1", "v2", "v3"],
        },
    ),
    "convergence": _job(
        "convergence",
        function_title="Variational eigensolver",
        view="convergence",
        answer={
            "summary": "The ground state's energy is -1.136 Hartree.",
            "convergence": _POINTS,
            "reference": -1.1373,
            "energy": -1.1361,
        },
    ),
    "graph": _job(
        "graph",
        function_title="Maximum cut",
        view="graph",
        params={"edges": _EDGES},
        answer={
            "summary": "The cut has weight 5.5, which is the most there is.",
            "graph": {"nodes": 5, "edges": _EDGES},
            "cut": _CUT,
            "convergence": _POINTS[:12],
            "reference": None,
        },
        result=_result({"01011": 700, "10100": 324}),
    ),
    "error": _job(
        "error",
        status="ERROR",
        error={"code": "job_failed", "message": "The device was taken out of service. Choose another one."},
    ),
    "cancelled": _job("cancelled", status="CANCELLED"),
    "lost": _job("lost", status="LOST", finished_at=None, delivered_at=None),
    "queued": _job(
        "queued",
        status="QUEUED",
        queue_position=3,
        running_at=None,
        finished_at=None,
        delivered_at=None,
        estimated_completion_time="2099-01-01T00:00:00Z",
    ),
    "running": _job(
        "running",
        status="RUNNING",
        progress={"step": 12, "of": 40, "value": _POINTS[11]["value"]},
        history=_POINTS[1:12],
        finished_at=None,
        delivered_at=None,
        backend="aer_simulator",
        backend_type="simulator",
    ),
}
