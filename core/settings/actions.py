"""The settings of actions. They reach an action as parameters that are bound to it when it is deployed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.settings.kafka import KAFKA_ROWS
from core.settings.pooling import POOL_BACKEND_TYPES
from core.settings.provider import PROVIDER_ROWS
from core.settings.setting import SettingsTable

_SETTING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")

ACTIONS_TABLE = SettingsTable(
    "actions", "Settings bound to every action.", (*KAFKA_ROWS, *PROVIDER_ROWS, POOL_BACKEND_TYPES)
)

#: Every setting that an action reads, and so every name that is bound to actions when they are deployed: a
#: caller may give a value to a parameter that has none.
ACTION_SETTINGS = tuple(row.name for row in ACTIONS_TABLE.rows)

#: What the manifest writes before the value of a setting. A setting that is not set is bound as this alone, a
#: string that is not empty: OpenWhisk's annotation `final` protects the parameters that have a value.
BOUND = "value:"


def bound_settings(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings among an action's parameters, each as its variable would be.

    A setting that is not set is empty. Other parameters with names like those of settings were not bound at
    deployment. They are left out.
    """
    return {
        name: str(params[name]).removeprefix(BOUND)
        for name in ACTION_SETTINGS
        if params.get(name) is not None
    }


def is_setting(name: str) -> bool:
    """Return whether a name looks like that of a setting, such as `KAFKA_BOOTSTRAP_SERVERS`.

    A single upper-case word, such as the `N` of an algorithm, does not.
    """
    return _SETTING.fullmatch(name) is not None
