"""The schema and the table of the Helm chart's values follow the settings tables; needs no Helm."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from testkit.stack import ROOT
from tests.deploy.test_environments import PERMITTED
from tools.chart_values import BEGIN, CHART, DECIDED, END, PAGE, PARTS, SCHEMA, VALUES, page_text, schema_text
from tools.settings_tables import TABLES

TEXT = (ROOT / SCHEMA).read_text()
KNOWN: dict[str, Any] = json.loads(TEXT)
DEFAULTS: dict[str, Any] = yaml.safe_load((ROOT / VALUES).read_text())


def problems(values: dict[str, Any]) -> list[str]:
    """What the schema refuses, by its path."""
    errors = jsonschema.Draft7Validator(KNOWN).iter_errors(values)
    return [".".join(map(str, error.absolute_path)) for error in errors]


def test_schema_and_table_are_up_to_date() -> None:
    """`make documents` writes them."""
    assert schema_text(TEXT) == TEXT
    page = (ROOT / PAGE).read_text()
    assert page_text(page, KNOWN, DEFAULTS) == page
    assert page.count(BEGIN) == page.count(END) == 1


def test_a_schema_or_table_that_is_out_of_date_is_noticed() -> None:
    assert schema_text(TEXT.replace('"GATEWAY_THREADS"', '"GATEWAY_THREAD"')) == TEXT
    page = (ROOT / PAGE).read_text()
    changed = page.replace("| `poller.keda.enabled`", "| `poller.keda.disabled`")
    assert changed != page
    assert page_text(changed, KNOWN, DEFAULTS) == page


def test_the_defaults_are_permitted_and_every_value_has_one() -> None:
    assert problems(DEFAULTS) == []

    def without(schema: dict[str, Any], values: dict[str, Any], name: str) -> list[str]:
        missing = []
        for key, found in schema["properties"].items():
            target = KNOWN["$defs"][found["$ref"][8:]] if "$ref" in found else found
            if key not in values:
                missing.append(f"{name}{key}")
            elif "properties" in target and "description" not in found and key != "resources":
                missing += without(target, values[key], f"{name}{key}.")
        return missing

    assert without(KNOWN, DEFAULTS, "") == ["global"]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_accepts_each_of_its_settings_and_its_secrets_alone(part: str) -> None:
    table = TABLES[PARTS[part]]
    settings = set(KNOWN["$defs"][f"{part}Settings"]["properties"])
    secrets = set(KNOWN["$defs"][f"{part}Secrets"]["properties"])
    assert not settings & secrets
    assert settings | secrets | DECIDED >= table.variables >= settings | secrets
    permitted = PERMITTED.get(part, {"CLOUDANT_PASSWORD", "CLOUDANT_APIKEY"})
    assert secrets - {"RESULTS_S3_ACCESS_KEY"} == permitted
    # The pods name the same ones.
    helpers = (ROOT / CHART / "templates" / "_helpers.tpl").read_text()
    listed = helpers.partition('define "qwhisk.secretNames"')[2].partition("end -")[0]
    required, optional = re.findall(rf"^{part}:\n  required: \[(.*)\]\n  optional: \[(.*)\]$", listed, re.M)[
        0
    ]
    assert set(filter(None, f"{required}, {optional}".split(", "))) == secrets


def test_the_schema_permits_a_settings_default_and_refuses_what_the_part_refuses() -> None:
    for part, heading in PARTS.items():
        properties = KNOWN["$defs"][f"{part}Settings"]["properties"]
        for row in TABLES[heading].rows:
            simple = isinstance(row.default, int | float | str) and row.name in properties
            if simple:
                jsonschema.validate(row.default, properties[row.name])
    refused: dict[str, list[Any]] = {
        "GATEWAY_THREADS": [3, 4097, "8", True],
        "GATEWAY_WEBHOOKS": ["sometimes", False],
        "CLOUDANT_URL": ["couchdb:5984", "ftp://a"],
        "LOG_LEVEL": ["LOUD"],
    }
    for name, wrong in refused.items():
        for value in wrong:
            values = DEFAULTS | {"gateway": DEFAULTS["gateway"] | {"settings": {name: value}}}
            assert set(problems(values)) == {f"gateway.settings.{name}"}
