"""The accounts behind the backend types."""

from __future__ import annotations

from core.errors import ProviderUnavailableError
from core.protocol import BackendInfo, BackendType
from core.provider.choice import choose
from core.provider.ibm.account import BACKENDS_FRESH, Account
from core.provider.ibm.transport import TIMEOUT
from core.settings import ProviderSettings


class Provider:
    """The accounts behind the backend types.

    Args:
        settings: of the accounts.
        repeats: whether requests that change nothing are sent again; see `Account`.
        timeout: seconds to connect, and seconds without a byte of an answer.
    """

    def __init__(
        self, settings: ProviderSettings, repeats: bool = True, timeout: tuple[float, float] = TIMEOUT
    ) -> None:
        self._hardware = Account(settings.hardware, repeats, timeout)
        same = settings.hardware == settings.simulator
        self._simulator = self._hardware if same else Account(settings.simulator, repeats, timeout)

    def account(self, backend_type: str) -> Account:
        """The account that jobs of this `backend_type` belong to."""
        return self._hardware if backend_type == "hardware" else self._simulator

    def backends(self, fresh: float = BACKENDS_FRESH) -> list[BackendInfo]:
        """Every backend of both accounts; a device counts only where hardware jobs go."""
        hardware = self._hardware.backends(fresh)
        if self._simulator is self._hardware:
            return hardware
        simulators = [b for b in self._simulator.backends(fresh) if b.backend_type != "hardware"]
        return [b for b in hardware if b.backend_type == "hardware"] + simulators

    def choose(self, backend_type: BackendType, qubits: int, name: str | None = None) -> BackendInfo:
        """See `choose`. A noiseless job never asks the hardware account, and the reverse."""
        if backend_type == "noisy_simulator" and name is None:
            try:
                return choose(self.backends(), backend_type, qubits)
            except ProviderUnavailableError:
                # Without the devices' queues any of the simulators will do.
                if self._simulator is self._hardware:
                    raise
        known = self.account(backend_type).backends()
        return choose(known, backend_type, qubits, name)
