"""Measures the constants of the cost model on this machine, at the first start, and keeps them in a file."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from .blocks import Tensor
from .costs import Costs
from .operations import program

logger = logging.getLogger(__name__)

#: Number of times that each measurement is made; the shortest counts, since other processes only add time.
REPEATS = 5
#: How much a constant may differ from its default. More would be an accident.
FACTOR = 8.0
#: Qubits of the state vectors that are measured, and of the density matrix.
QUBITS = 14
DENSITY_QUBITS = 7
#: Packages whose speed the constants are.
PACKAGES = ("qiskit-aer", "numpy", "stim")


def calibrated(path: Path | None) -> Costs:
    """Return the constants of this machine.

    Args:
        path: The file that keeps them, and is written at the first start; None for the default constants.
    """
    if path is None:
        return Costs()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            # The first worker measures, and the others wait for it.
            fcntl.flock(lock, fcntl.LOCK_EX)
            versions = {name: version(name) for name in PACKAGES}
            if (kept := _read(path, versions)) is not None:
                return kept
            measured = measure()
            partial = path.with_suffix(".partial")
            partial.write_bytes(
                orjson.dumps({"versions": versions, "seconds": asdict(measured)}, option=orjson.OPT_INDENT_2)
            )
            partial.replace(path)
            return measured
    except OSError as error:
        logger.warning("the cost model's file %s cannot be used, its defaults are: %s", path, error)
        return Costs()


def _read(path: Path, versions: dict[str, str]) -> Costs | None:
    """Return the constants in a file; None if it has none for these versions."""
    try:
        content: Any = orjson.loads(path.read_bytes())
        seconds = {name: float(value) for name, value in content["seconds"].items()}
        costs = Costs(**seconds)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return costs if content.get("versions") == versions and min(seconds.values()) > 0 else None


def measure() -> Costs:
    """Return the constants as measured, which takes about a second."""
    default = Costs()
    circuit = QuantumCircuit(QUBITS)
    for qubit in range(QUBITS):
        circuit.ry(0.3 + qubit, qubit)
        circuit.cx(qubit, (qubit + 1) % QUBITS)
    gates = circuit.size()
    circuit.measure_all()
    simulator = AerSimulator(method="statevector")
    call = QuantumCircuit(1, 1)
    call.measure(0, 0)

    def on_aer(each: QuantumCircuit) -> Callable[[], object]:
        return lambda: simulator.run(each, shots=1, max_parallel_threads=1).result()

    aer = _shortest(on_aer(call))
    amplitude = (_shortest(on_aer(circuit)) - aer) / (gates * 2**QUBITS)
    operation = _shortest(lambda: program(circuit, None)) / gates
    rng = np.random.default_rng(0)
    vector = Tensor(rng.random((2,) * QUBITS).astype(np.complex64), tuple(range(QUBITS)))
    block = rng.random((32, 32)).astype(np.complex64)
    branch = _shortest(lambda: vector.apply(block, [1, 9, 4, 12, 6]))
    density = Tensor(rng.random((4,) * DENSITY_QUBITS), tuple(range(DENSITY_QUBITS)))
    transfer = _shortest(lambda: density.apply(rng.random((64, 64)), [1, 5, 3]))
    # The interpreter's speed is that of everything that happens once per gate, block or history.
    speed = _bounded(operation / default.operation, 1.0)
    return replace(
        default,
        call=_bounded(aer, default.call),
        amplitude=_bounded(amplitude, default.amplitude),
        operation=default.operation * speed,
        branch_block=default.branch_block * speed,
        history=default.history * speed,
        pattern_gate=default.pattern_gate * speed,
        branch_amplitude=_bounded(branch / 2**QUBITS, default.branch_amplitude),
        transfer_element=_bounded(transfer / 4**DENSITY_QUBITS, default.transfer_element),
    )


def _bounded(value: float, default: float) -> float:
    return float(np.clip(value, default / FACTOR, default * FACTOR))


def _shortest(action: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)
