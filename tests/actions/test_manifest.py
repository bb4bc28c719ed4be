"""The shipped manifest.yaml holds every algorithm there is, with settings that the code reads."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from actions.base.documents import ACTIONS, algorithms
from core.settings import KafkaSettings, ProviderSettings

PACKAGE: dict[str, Any] = yaml.safe_load((ACTIONS.parent / "manifest.yaml").read_text())["packages"][
    "quantum"
]


def test_every_algorithm_is_in_it_and_nothing_else() -> None:
    assert set(PACKAGE["actions"]) == set(algorithms())


@pytest.mark.parametrize("name", algorithms())
def test_image_is_the_one_that_its_dockerfile_makes(name: str) -> None:
    assert PACKAGE["actions"][name]["docker"] == f"qwhisk/{name}"
    dockerfile = (ACTIONS / name / "Dockerfile").read_text()
    assert f"ENV QWHISK_ACTION={name}\n" in dockerfile
    assert f"COPY actions/{name}/ actions/{name}/\n" in dockerfile


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
