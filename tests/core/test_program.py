"""PUBs become the program that a provider runs, which includes the options of the simulators."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from core.provider import Primitive
from core.provider.ibm.program import encoded


@pytest.mark.parametrize("primitive", ["sampler", "estimator"])
@pytest.mark.parametrize("options", [{}, {"seed_simulator": 7}])
def test_options_of_the_simulators_reach_the_program(primitive: Primitive, options: dict[str, int]) -> None:
    device = FakeManilaV2()
    circuit = QuantumCircuit(1)
    circuit.h(0)
    if primitive == "sampler":
        circuit.measure_all()
    ready = transpile(circuit, device)
    pub: tuple[Any, ...] = (ready,)
    if primitive == "estimator":
        pub = (ready, SparsePauliOp("Z").apply_layout(ready.layout))
    program = encoded([pub], device, 10, primitive, options)
    assert program["options"]["experimental"] == options
