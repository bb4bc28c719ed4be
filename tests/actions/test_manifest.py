"""The shipped manifest.yaml holds every algorithm there is, with settings that the code reads."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from core.protocol import Envelope
from core.settings import KafkaSettings, ProviderSettings, bound_settings
from core.settings.kafka import RETENTION_SECONDS
from core.settings.pooling import POOL_BACKEND_TYPES
from tools import manifest
from tools.documents import ACTIONS, algorithms

ROOT = ACTIONS.parent
JSON_TYPES = {"string", "integer", "number", "boolean", "array", "object"}
FOUND = algorithms()
#: Names in the actions' code that are variables of the process alone: no parameter is read by them.
ENVIRONMENT = {
    "IAM_URL",
    "LOOK_PAGE",
    "QISKIT_FUNCTIONS_EXPERIMENTAL",
    "QWHISK_ACTION",
    "QWHISK_ACTION_HOST",
    "QWHISK_ACTION_KEY",
    "QWHISK_PARENT_PID",
    "QWHISK_READY_FD",
    "USAGE_DATA_OPT_OUT",
}
PACKAGE: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yaml").read_text())["packages"]["quantum"]


def test_the_manifest_in_the_repository_is_the_algorithms_own() -> None:
    assert (ROOT / "manifest.yaml").read_text() == manifest.text(FOUND.values()), (
        "stale: run `make documents`"
    )


def test_every_algorithm_is_in_it_and_nothing_else() -> None:
    folders = {path.parent.name for path in ACTIONS.glob("*/algorithm.py")} - {"framework"}
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
    assert annotations["final"] is True, "a caller could say where the keys are sent"
    assert annotations["description"] == algorithm.description
    assert "$" not in yaml.safe_dump(annotations), "wskdeploy would look for an environment variable"
    schema = algorithm.input.model_json_schema()
    listed = {parameter["name"]: parameter for parameter in annotations["parameters"]}
    # `wsk action get NAME --summary` prints them: a direct call needs the envelope as well.
    envelope = [name for name, field in Envelope.model_fields.items() if field.is_required()]
    assert set(listed) == {*schema["properties"], *envelope}
    required = [field for field, parameter in listed.items() if parameter["required"]]
    assert sorted(required) == sorted([*schema.get("required", []), *envelope])
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
        "runtime/Dockerfile",
    ]
    lines = (ACTIONS / "Dockerfile").read_text().splitlines()
    for line in ("ARG ACTION", "COPY actions/${ACTION}/ actions/${ACTION}/", "ENV QWHISK_ACTION=${ACTION}"):
        assert line in lines


def test_bound_inputs_are_settings_that_an_action_reads() -> None:
    for name, value in PACKAGE["inputs"].items():
        assert value == f"value:${{{name}}}", "no value, least of all a secret, stands in the manifest"
    numbers = [name for name in PACKAGE["inputs"] if name.endswith(("_MS", "_FACTOR", "_PARTITIONS"))]
    event_streams = bound_settings(
        dict.fromkeys(PACKAGE["inputs"], "value:x")
        | dict.fromkeys(numbers, "value:")
        | {
            "KAFKA_SECURITY_PROTOCOL": "value:SASL_SSL",
            "KAFKA_GROUP_PROTOCOL": "value:consumer",
            "SIMULATOR_URL": "value:http://simulator:8090",
            "QISKIT_IBM_URL": "value:",
        }
    )
    assert KafkaSettings.from_env(event_streams).sasl_password == "x"
    assert ProviderSettings.from_env(event_streams).hardware.token == "x"
    # The prefix alone is bound where a variable is not set. A value that was bound by hand has none.
    plain = bound_settings(
        dict.fromkeys(PACKAGE["inputs"], "value:")
        | {
            "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
            "SIMULATOR_URL": "value:http://simulator:8090",
            "SIMULATOR_API_KEY": "x",
        }
    )
    assert KafkaSettings.from_env(plain).security_protocol == "PLAINTEXT"
    assert ProviderSettings.from_env(plain).hardware.url == "http://simulator:8090"


class Noted(dict[str, str]):
    """Settings that note which of them are read."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return super().__getitem__(name)


def test_every_setting_that_an_action_reads_is_bound() -> None:
    """One that is not could be given by the caller of an action."""
    account = {"TOKEN": "x", "INSTANCE": "x", "URL": "http://x"}
    env = Noted(
        {f"QISKIT_IBM_{name}": value for name, value in account.items()}
        | {"SIMULATOR_URL": "http://x", "SIMULATOR_API_KEY": "x", "KAFKA_BOOTSTRAP_SERVERS": "x:1"}
    )
    KafkaSettings.from_env(env)
    ProviderSettings.from_env(env)
    POOL_BACKEND_TYPES.read(env)
    # Gateways and pollers create the topics: an action has no use for their retention.
    assert env.read - {RETENTION_SECONDS.name} == set(PACKAGE["inputs"])


def test_actions_read_settings_nowhere_else() -> None:
    """The test above sees all of them: nothing else of an action's takes a name of a setting."""
    # Not the mark at the end of an activation's log.
    names = re.compile(r"""["']((?!XXX_)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)["']""")
    found = set()
    for path in [
        *ACTIONS.rglob("*.py"),
        *(ROOT / "core" / "provider").rglob("*.py"),
        ROOT / "core/kafka/publisher.py",
        ROOT / "core/openwhisk/action_server.py",
    ]:
        found.update(names.findall(path.read_text()))
    assert found == ENVIRONMENT, found ^ ENVIRONMENT


@pytest.mark.parametrize("name", ["SIMULATOR_SECRET", "PATH_TO", "KAFKA_SSL_KEY_PASSWORD"])
def test_a_name_that_is_not_bound_is_no_setting(name: str) -> None:
    assert bound_settings({name: "x", "SIMULATOR_URL": "value:http://x", "shots": 1}) == {
        "SIMULATOR_URL": "http://x"
    }


@given(st.text(max_size=40))
@settings(derandomize=True, max_examples=300)
def test_what_is_bound_is_read_as_it_was_set(value: str) -> None:
    for name, template in PACKAGE["inputs"].items():
        assert bound_settings({name: template.replace(f"${{{name}}}", value)}) == {name: value}
