"""Settings from environment variables, flags, or an action's bound parameters.

Each part has one table with a row for each setting. Parsing, `--help`, the documentation's tables and the
checks of the manifests all come from it. Names are those of the field: `QISKIT_IBM_*` as qiskit-ibm-runtime
reads them, `KAFKA_*` for the client's property names in upper case, `WHISK_*` as the properties of `wsk`.
"""

from core.settings.actions import ACTION_SETTINGS, BOUND, bound_settings, is_setting
from core.settings.kafka import KafkaSettings
from core.settings.kinds import Kind
from core.settings.provider import AccountSettings, ProviderSettings
from core.settings.setting import REQUIRED, Rows, Setting, SettingsTable, Source

__all__ = [
    "ACTION_SETTINGS",
    "BOUND",
    "REQUIRED",
    "AccountSettings",
    "KafkaSettings",
    "Kind",
    "ProviderSettings",
    "Rows",
    "Setting",
    "SettingsTable",
    "Source",
    "bound_settings",
    "is_setting",
]
