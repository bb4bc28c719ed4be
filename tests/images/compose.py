"""The services of deploy/compose.yaml, as the file defines them, with its variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from testkit.stack import ROOT

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())[
    "services"
]

#: `${NAME:-default}` and `${NAME:?what to do}`.
_VARIABLE = re.compile(r"\$\{(\w+):([-?])([^}]*)\}")


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return the text as Compose reads it. Raises ValueError if a required variable is not set."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if not values.get(name) and kind == "?":
            raise ValueError(f"{name}: {rest}")
        return values.get(name) or rest

    return _VARIABLE.sub(value, text)


def environment(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that Compose gives a service."""
    given = SERVICES[service]["environment"]
    # YAML merges a mapping, or each mapping of a list.
    return {name: filled(str(value), values) for name, value in given.items()}


def kafka_properties(environment: Mapping[str, str]) -> str:
    """Return Kafka's own settings, as its image derives them from its environment."""
    names = {name: name.removeprefix("KAFKA_").lower().replace("_", ".") for name in environment}
    return "\n".join(f"{names[name]}={value}" for name, value in environment.items())
