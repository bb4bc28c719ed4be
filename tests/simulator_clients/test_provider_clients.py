"""Other clients of IBM Quantum, unmodified, on the simulator: `make test-provider-clients`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.provider_clients, pytest.mark.timeout(800)]

#: Standard errors by which a measured value may differ from the device's.
SIGMAS = 3.5


@pytest.mark.parametrize("kind", ["QRS", "QCS"])
def test_qrmi(output: Callable[[str], Any], kind: str) -> None:
    """An acquisition, a sampler and an estimator job to their results, a stopped job, and the release."""
    result = output("qrmi_jobs")[kind]
    assert result["accessible"] is True
    assert result["acquired_again"] is True
    assert result["qubits"] == 156
    assert sum(result["counts"].values()) == 500
    assert result["counts"]["00"] + result["counts"]["11"] > 450
    assert result["done"] == "JobStatus.DONE"
    assert "completed" in result["logs"]
    assert result["value"] == pytest.approx(0.95, abs=0.2)
    assert result["stopped"] == "TaskStatus.Cancelled"


@pytest.mark.parametrize(("name", "reported"), [("t1", "t1"), ("t2_ramsey", "t2"), ("t2_hahn", "t2")])
def test_coherence_times(output: Callable[[str], Any], name: str, reported: str) -> None:
    """qiskit-experiments measures the times that the device reports, within 10 % and the error."""
    result = output("experiments")
    measured, expected = result[name], result["device"][reported]
    assert measured["error"] < 0.1 * expected
    assert abs(measured["value"] - expected) < min(0.1 * expected, SIGMAS * measured["error"])


def test_randomized_benchmarking(output: Callable[[str], Any]) -> None:
    """A Clifford gate has two sx gates on average, and a little more error from its x gates."""
    result = output("experiments")
    measured, sx_error = result["rb"], result["device"]["sx_error"]
    assert measured["error"] < 2 * sx_error
    assert (
        sx_error - SIGMAS * measured["error"] < measured["value"] < 3 * sx_error + SIGMAS * measured["error"]
    )


def test_readout_errors(output: Callable[[str], Any]) -> None:
    result = output("experiments")
    for matrix, flips in zip(result["readout"], result["device"]["readout"], strict=True):
        for measured, expected in zip((matrix[1][0], matrix[0][1]), flips, strict=True):
            error = (expected * (1 - expected) / 2000) ** 0.5
            assert abs(measured - expected) < 5 * error


def test_mitiq(output: Callable[[str], Any]) -> None:
    """Extrapolation and readout mitigation bring results nearer to the noiseless ones."""
    result = output("mitigation")
    assert 0.3 < result["raw"] < 0.9
    assert abs(1 - result["extrapolated"]) < 0.7 * (1 - result["raw"])
    assert 1 - result["bell_mitigated"] < 0.5 * (1 - result["bell"])


def test_circuit_cutting(output: Callable[[str], Any]) -> None:
    result = output("cutting")
    assert result["terms"] == pytest.approx(result["exact"], abs=0.08)


@pytest.mark.parametrize("backend", ["aer_simulator", "aer_simulator_noisy_fez"])
def test_pennylane(output: Callable[[str], Any], backend: str) -> None:
    result = output("pennylane_device")[backend]
    # cos(0.8) and -sin(0.8); the noise of two gates is below the tolerance.
    assert result["energy"] == pytest.approx(0.6967, abs=0.09)
    assert result["gradient"] == pytest.approx(-0.7174, abs=0.09)
    assert sum(result["counts"].values()) == 500
    assert result["counts"]["00"] + result["counts"]["11"] > 450
