"""The accounts at quantum providers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.errors import SettingsError
from core.settings.kinds import TEXT, URL
from core.settings.setting import REQUIRED, Rows, Setting, Source

#: A well-formed CRN for a service that has no instances.
NO_INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/qwhisk:qwhisk::"

HARDWARE_URL = Setting(
    "QISKIT_IBM_URL",
    URL,
    "",
    "a service with IBM Quantum's API instead of IBM Quantum",
    default_text="IBM Quantum",
)
HARDWARE_TOKEN = Setting(
    "QISKIT_IBM_TOKEN", TEXT, "", "API key of the account for hardware", secret=True, common=True
)
HARDWARE_INSTANCE = Setting(
    "QISKIT_IBM_INSTANCE",
    TEXT,
    NO_INSTANCE,
    "CRN of the instance, required for IBM Quantum",
    default_text="none",
    common=True,
)
SIMULATOR_URL = Setting("SIMULATOR_URL", URL, "", "address of the simulator", common=True)
SIMULATOR_API_KEY = Setting(
    "SIMULATOR_API_KEY", TEXT, "", "API key of the simulator", secret=True, common=True
)
SIMULATOR_INSTANCE = Setting(
    "SIMULATOR_INSTANCE", TEXT, NO_INSTANCE, "CRN sent to the simulator", default_text="none"
)

PROVIDER_ROWS: Rows = (
    HARDWARE_URL,
    HARDWARE_TOKEN,
    HARDWARE_INSTANCE,
    SIMULATOR_URL,
    SIMULATOR_API_KEY,
    SIMULATOR_INSTANCE,
)


@dataclass(frozen=True)
class AccountSettings:
    """One account at IBM Quantum, or at a service with the same API, such as the simulator."""

    token: str = field(repr=False)
    instance: str
    #: Base URL of the service; None for IBM Quantum.
    url: str | None = None


@dataclass(frozen=True)
class ProviderSettings:
    """The account for hardware, and the one for simulators. Both are the same if only one is set."""

    hardware: AccountSettings
    simulator: AccountSettings

    @classmethod
    def from_env(cls, env: Source) -> ProviderSettings:
        """Read the settings.

        Raises:
            SettingsError: no account is set, or a setting is missing or wrong.
        """
        # The simulator's key must never be sent to IBM Quantum because an address is missing.
        simulator = _account(
            env, replace(SIMULATOR_URL, default=REQUIRED), SIMULATOR_API_KEY, SIMULATOR_INSTANCE
        )
        hardware = _account(env, HARDWARE_URL, HARDWARE_TOKEN, HARDWARE_INSTANCE)
        if hardware is None and simulator is None:
            raise SettingsError(
                "No quantum provider is configured. Set QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE for IBM "
                "Quantum, or SIMULATOR_URL and SIMULATOR_API_KEY for the simulator.",
                variable=HARDWARE_TOKEN.name,
            )
        return cls(hardware=hardware or simulator, simulator=simulator or hardware)  # type: ignore[arg-type]

    def account(self, backend_type: str) -> AccountSettings:
        """Return the account with which jobs of a `backend_type` are submitted."""
        return self.hardware if backend_type == "hardware" else self.simulator


def _account(
    env: Source, url: Setting[str], token: Setting[str], instance: Setting[str]
) -> AccountSettings | None:
    if not token.is_set(env) and not url.is_set(env):
        return None
    base = url.read(env) or None
    return AccountSettings(
        token=token.require(env),
        instance=instance.read(env) if base else instance.require(env),
        url=base,
    )
