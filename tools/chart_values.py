"""`python -m tools.chart_values`: write the Helm chart's values.schema.json, and the table of its values in
docs/deploy.md.

The part of the schema that describes settings and secrets comes from the settings tables, so that the chart
accepts each setting of a part and no other. The rest of the file is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from core.settings import Setting
from core.settings.command_line import default_text
from tools.settings_tables import TABLES

ROOT = Path(__file__).resolve().parents[1]
CHART = Path("deploy/helm/qwhisk")
SCHEMA, VALUES, PAGE = CHART / "values.schema.json", CHART / "values.yaml", Path("docs/deploy.md")

#: Lines of the page between which the table stands.
BEGIN, END = "<!-- chart values: begin (make documents) -->", "<!-- chart values: end -->"

#: The parts of the chart, by the headings of their settings.
PARTS = {"gateway": "Gateway", "poller": "Poller", "simulator": "Simulator", "documents": "make config"}
#: Names that are secret to the chart besides those that the tables mark: half of a credential.
CREDENTIALS = {"RESULTS_S3_ACCESS_KEY"}
#: What the chart or the image decides: ports of containers and probes, and paths of volumes.
DECIDED = {
    *(f"{part.upper()}_{name}" for part in PARTS for name in ("HOST", "PORT")),
    *("CONFIG_FOLDER", "RESULTS_FOLDER", "KAFKA_SSL_CA_LOCATION", "SIMULATOR_DATABASE", "SIMULATOR_COSTS"),
    # The audit is in the log: each replica would need a volume of its own.
    *("GATEWAY_AUDIT_FILE", "GATEWAY_AUDIT_BYTES", "GATEWAY_AUDIT_FILES", "GATEWAY_PAGE"),
}


def is_secret(row: Setting[Any]) -> bool:
    """Return whether the chart has a setting among the secrets."""
    return row.secret or row.name in CREDENTIALS


def definitions() -> dict[str, Any]:
    """Return the schemas of the settings and secrets of each part, by their names in `$defs`."""
    rows = {part: [row for row in TABLES[heading].rows if row.name] for part, heading in PARTS.items()}
    pollers = {row.name for row in rows["poller"]}
    found = {"settings": _settings(row for row in rows["gateway"] if row.name in pollers)}
    for part in PARTS:
        found[f"{part}Settings"] = _settings(rows[part])
        found[f"{part}Secrets"] = _object(
            {row.name: _described(row, _secret(row)) for row in rows[part] if is_secret(row)}
        )
    return found


def _settings(rows: Iterable[Setting[Any]]) -> dict[str, Any]:
    kept = (row for row in rows if not is_secret(row) and row.name not in DECIDED)
    return _object({row.name: _described(row, _or_empty(row.kind.schema)) for row in kept})


def _or_empty(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An empty text counts as not set."""
    if schema.get("type") != "string" or len(schema) == 1:
        return dict(schema)
    if "enum" in schema:
        return {**schema, "enum": ["", *schema["enum"]]}
    if "pattern" in schema:
        return {**schema, "pattern": f"^$|{schema['pattern']}"}
    return dict(schema)


def _secret(row: Setting[Any]) -> dict[str, Any]:
    """Return the schema of a secret. No pattern: what does not match one would be printed."""
    return {"type": "string", "minLength": row.kind.schema.get("minLength", 1)}


def _described(row: Setting[Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": f"{row.help} (default: {default_text(row)})", **schema}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def schema_text(known: str) -> str:
    """Return the schema's text with the definitions of settings and secrets replaced."""
    schema = json.loads(known)
    schema["$defs"] |= definitions()
    return json.dumps(schema, indent=2) + "\n"


def page_text(known: str, schema: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return the page with its table replaced."""
    lines = ["| value | meaning | default |", "|---|---|---|"]
    for name, description, default in leaves(schema, schema, values):
        shown = "" if default in ("", None, {}, []) else f"`{json.dumps(default)}`"
        lines.append(f"| `{name}` | {description} | {shown} |".replace("\n", " "))
    table = "\n".join(lines)
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{table}\n{END}", known)


def leaves(
    schema: Mapping[str, Any], root: Mapping[str, Any], values: Any, name: str = ""
) -> Iterator[tuple[str, str, Any]]:
    """Give the name, the description and the default of each value.

    Args:
        schema: the schema of the values, or of a part of them.
        root: the whole schema, for its definitions.
        values: the defaults of that part.
        name: where it is, with a dot at the end.
    """
    for key, found in schema["properties"].items():
        default = values.get(key) if isinstance(values, Mapping) else None
        reference = found.get("$ref", "").removeprefix("#/$defs/")
        target = {**root["$defs"][reference], **found} if reference else found
        if "properties" in target and "description" not in target:
            yield from leaves(target, root, default, f"{name}{key}.")
        else:
            yield f"{name}{key}", target["description"], default


def write(root: Path) -> list[Path]:
    """Write both files below the repository's `root` and return their paths."""
    schema = schema_text((root / SCHEMA).read_text(encoding="utf-8"))
    (root / SCHEMA).write_text(schema, encoding="utf-8")
    values = yaml.safe_load((root / VALUES).read_text(encoding="utf-8"))
    page = page_text((root / PAGE).read_text(encoding="utf-8"), json.loads(schema), values)
    (root / PAGE).write_text(page, encoding="utf-8")
    return [root / SCHEMA, root / PAGE]


if __name__ == "__main__":
    for written in write(ROOT):
        print(written.relative_to(ROOT))
