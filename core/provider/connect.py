"""Connects the accounts of the settings: the one place that selects the client behind the port."""

from __future__ import annotations

from core.provider.ibm.account import IBMAccount
from core.provider.ibm.transport import TIMEOUT
from core.provider.port import QuantumAccount
from core.provider.provider import Provider
from core.settings import ProviderSettings


def connect(
    settings: ProviderSettings, repeats: bool = True, timeout: tuple[float, float] = TIMEOUT
) -> Provider:
    """Return the provider of the settings. Each account connects with its first call.

    Args:
        settings: the settings of the accounts.
        repeats: whether requests that change nothing are retried (see `IBMAccount`).
        timeout: seconds to connect, and seconds without a byte of an answer.
    """
    hardware: QuantumAccount = IBMAccount(settings.hardware, repeats, timeout)
    if settings.hardware == settings.simulator:
        return Provider(hardware, hardware)
    return Provider(hardware, IBMAccount(settings.simulator, repeats, timeout))
