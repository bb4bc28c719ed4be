"""Transpiles circuits for a backend and caches the results."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager

from core.simulators import NOISELESS

#: The most gates of all cached circuits of one backend. A gate takes some 60 bytes.
MAX_GATES = 400_000


class IBMTarget:
    """A backend with its pass manager and the circuits that are already transpiled.

    Args:
        device: the client's backend object.
    """

    def __init__(self, device: Any) -> None:
        self.created = time.monotonic()
        self.device = device
        # A noiseless simulator gains nothing from fewer gates; with noise they are worth the search.
        self._passes = generate_preset_pass_manager(
            optimization_level=1 if device.name == NOISELESS else 2, target=device.target, seed_transpiler=0
        )
        self._transpiled: OrderedDict[Hashable, QuantumCircuit] = OrderedDict()
        self._gates = 0

    def transpile(self, circuit: QuantumCircuit, key: Hashable | None) -> QuantumCircuit:
        """Return the circuit in the backend's gates, on the backend's qubits.

        Args:
            circuit: a circuit with at most as many qubits as the backend.
            key: identifies the circuit in the cache; None to not cache it.
        """
        if key is None:
            return self._passes.run(circuit)
        transpiled = self._transpiled.get(key)
        if transpiled is not None:
            self._transpiled.move_to_end(key)
            return transpiled
        transpiled = self._passes.run(circuit)
        self._transpiled[key] = transpiled
        self._gates += transpiled.size()
        while self._gates > MAX_GATES and len(self._transpiled) > 1:
            self._gates -= self._transpiled.popitem(last=False)[1].size()
        return transpiled
