"""The accounts behind the backend types."""

from __future__ import annotations

from core.errors import ProviderUnavailableError
from core.protocol import BackendInfo, BackendType
from core.provider.choice import choose
from core.provider.port import BACKENDS_FRESH, QuantumAccount


class Provider:
    """The accounts behind the backend types.

    Args:
        hardware: the account for jobs on devices.
        simulator: the account for jobs on simulators. It may be the same.
    """

    def __init__(self, hardware: QuantumAccount, simulator: QuantumAccount) -> None:
        self._hardware = hardware
        self._simulator = simulator

    def account(self, backend_type: str) -> QuantumAccount:
        """Return the account that jobs of a backend type belong to."""
        return self._hardware if backend_type == "hardware" else self._simulator

    def backends(self, fresh: float = BACKENDS_FRESH) -> list[BackendInfo]:
        """Return every backend of both accounts. Devices of the simulators' account are omitted.

        Args:
            fresh: the maximum age of the lists in seconds.
        """
        hardware = self._hardware.backends(fresh)
        if self._simulator is self._hardware:
            return hardware
        simulators = [b for b in self._simulator.backends(fresh) if b.backend_type != "hardware"]
        return [b for b in hardware if b.backend_type == "hardware"] + simulators

    def choose(self, backend_type: BackendType, qubits: int, name: str | None = None) -> BackendInfo:
        """Return the backend to use (see `choice.choose`). It lists one account only, if possible."""
        if backend_type == "noisy_simulator" and name is None:
            try:
                return choose(self.backends(), backend_type, qubits)
            except ProviderUnavailableError:
                # Without the queues of the devices, any of the simulators is as good.
                if self._simulator is self._hardware:
                    raise
        known = self.account(backend_type).backends()
        return choose(known, backend_type, qubits, name)
