"""The shipped manifest.yaml holds every algorithm there is, with settings that the code reads."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from actions.base import manifest
from actions.base.documents import ACTIONS, algorithms
from core.settings import KafkaSettings, ProviderSettings

ROOT = ACTIONS.parent
JSON_TYPES = {"string", "integer", "number", "boolean", "array", "object"}
FOUND = algorithms()
PACKAGE: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yaml").read_text())["packages"]["quantum"]


def test_the_manifest_in_the_repository_is_the_algorithms_own() -> None:
    assert (ROOT / "manifest.yaml").read_text() == manifest.text(FOUND.values()), (
        "stale: run `make documents`"
    )


def test_every_algorithm_is_in_it_and_nothing_else() -> None:
    folders = {path.parent.name for path in ACTIONS.glob("*/algorithm.py")} - {"base"}
    assert set(PACKAGE["actions"]) == set(FOUND) == folders


@pytest.mark.parametrize("name", FOUND)
def test_an_action_has_its_image_limits_and_annotations(name: str) -> None:
    entry, algorithm = PACKAGE["actions"][name], FOUND[name]
    assert entry["docker"] == f"qwhisk/{name}"
    # What OpenWhisk grants at most, unless its operator says otherwise.
    assert 30_000 <= entry["limits"]["timeout"] <= 300_000
    assert 256 <= entry["limits"]["memorySize"] <= 512
    annotations = entry["annotations"]
    assert annotations["require-whisk-auth"] is True
    assert annotations["description"] == algorithm.description
    assert "$" not in yaml.safe_dump(annotations), "wskdeploy would look for an environment variable"
    schema = algorithm.input.model_json_schema()
    listed = {parameter["name"]: parameter for parameter in annotations["parameters"]}
    assert set(listed) == set(schema["properties"])
    required = [field for field, parameter in listed.items() if parameter["required"]]
    assert sorted(required) == sorted(schema.get("required", []))
    for parameter in listed.values():
        assert set(parameter) == {"name", "description", "required", "type"}
        assert set(parameter["type"].split("|")) <= JSON_TYPES


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"type": "array"}, "array"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}, "integer|string"),
        ({"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}, "object"),
        ({"$ref": "#/$defs/A"}, "object"),
        ({"enum": ["a", 1]}, "string|integer"),
        ({"const": "a"}, "string"),
    ],
)
def test_the_type_of_a_parameter_is_said_in_a_word(field: dict[str, Any], kind: str) -> None:
    definitions = {name: {"type": "object"} for name in "AB"}
    assert manifest.kind(field, definitions) == kind


def test_one_dockerfile_makes_every_algorithms_image() -> None:
    assert [path.relative_to(ACTIONS).as_posix() for path in sorted(ACTIONS.rglob("Dockerfile"))] == [
        "Dockerfile",
        "base/Dockerfile",
    ]
    lines = (ACTIONS / "Dockerfile").read_text().splitlines()
    for line in ("ARG ACTION", "COPY actions/${ACTION}/ actions/${ACTION}/", "ENV QWHISK_ACTION=${ACTION}"):
        assert line in lines


def test_bound_inputs_are_settings_that_an_action_reads() -> None:
    for name, value in PACKAGE["inputs"].items():
        assert value == f"${{{name}}}", "no value, least of all a secret, stands in the manifest"
    event_streams = dict.fromkeys(PACKAGE["inputs"], "x") | {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "SIMULATOR_URL": "http://simulator:8090",
    }
    assert KafkaSettings.from_env(event_streams).sasl_password == "x"
    assert ProviderSettings.from_env(event_streams).hardware.token == "x"
    # wskdeploy binds the empty string where a variable is not set: that must count as not set.
    plain = dict.fromkeys(PACKAGE["inputs"], "") | {
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
        "SIMULATOR_URL": "http://simulator:8090",
        "SIMULATOR_API_KEY": "x",
    }
    assert KafkaSettings.from_env(plain).security_protocol == "PLAINTEXT"
    assert ProviderSettings.from_env(plain).hardware.url == "http://simulator:8090"
