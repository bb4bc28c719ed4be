"""A backend as circuits are prepared for it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager

from core.simulators import NOISELESS

#: Gates of all the transpiled circuits that are kept for one backend; a gate takes some 60 bytes.
MAX_GATES = 400_000


class IBMTarget:
    """A backend with a pass manager kept for it, and the circuits already transpiled.

    Args:
        device: the client's backend object.
    """

    def __init__(self, device: Any) -> None:
        self.made = time.monotonic()
        self.device = device
        # A noiseless simulator gains nothing from fewer gates; noise makes them worth looking for.
        self._passes = generate_preset_pass_manager(
            optimization_level=1 if device.name == NOISELESS else 2, target=device.target, seed_transpiler=0
        )
        self._transpiled: OrderedDict[Hashable, QuantumCircuit] = OrderedDict()
        self._gates = 0

    def transpile(self, circuit: QuantumCircuit, key: Hashable | None) -> QuantumCircuit:
        """The circuit in the backend's own gates, on its own qubits.

        Args:
            circuit: with as many qubits as the backend has at most.
            key: the same for the same circuit; what was transpiled for it before is given again. None: it is
                not kept.
        """
        if key is None:
            return self._passes.run(circuit)
        ready = self._transpiled.get(key)
        if ready is not None:
            self._transpiled.move_to_end(key)
            return ready
        ready = self._passes.run(circuit)
        self._transpiled[key] = ready
        self._gates += ready.size()
        while self._gates > MAX_GATES and len(self._transpiled) > 1:
            self._gates -= self._transpiled.popitem(last=False)[1].size()
        return ready
