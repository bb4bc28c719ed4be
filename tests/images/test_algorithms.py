"""Each algorithm's image, as OpenWhisk runs it: without code, with the memory that the manifest grants."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
import requests
import yaml

from core.kafka.admin import Topics
from core.settings import KafkaSettings, bound_settings
from testkit.processes import part_environment
from testkit.stack import ROOT, Stack
from tests.actions.walk import walk
from tests.images.engine import SENTINEL, inspect, running
from tools.documents import algorithms

FOUND = algorithms()
ACTIONS: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yaml").read_text())["packages"]["quantum"][
    "actions"
]
BASE = "qwhisk/base"

every = pytest.mark.parametrize("name", FOUND)


def image_of(name: str) -> tuple[str, int]:
    """Return the action's image and its memory in MB, as in the manifest."""
    entry = ACTIONS[name]
    return entry["docker"], entry["limits"]["memorySize"]


def rounded(value: Any) -> Any:
    """Return the value with ten digits of each number: further ones depend on the machine."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


@every
def test_it_answers_init_and_run_without_code(name: str) -> None:
    image, memory = image_of(name)
    case = importlib.import_module(f"tests.actions.cases.{name}")
    # The poller's last call of it, computed here exactly, because there is no provider.
    walked = walk(FOUND[name](), case.VALUES)
    with running(image, memory) as container:
        answer = container.init()
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        assert container.init().status_code == 403
        refused = container.run()["error"]
        assert refused["code"] == "invalid_input"
        required = FOUND[name].input.model_json_schema().get("required", ["client_id"])
        assert all(field in refused["message"] for field in required)
        reply = container.run(**walked.steps[-1])
        assert list(reply) == ["answer"], reply
        assert rounded(reply["answer"]) == rounded(walked.answer)
        if walked.caller.submission.jobs[0].primitive == "sampler":
            # An exact expectation value has no uncertainty, but the cases of the others require one.
            case.check(reply["answer"], noisy=False)
        assert container.sh("id -u") == "10001"
        out, err = container.logs()
        # There were two activations; the rejected /init does not count.
        assert (out.count(SENTINEL), err.count(SENTINEL)) == (2, 2)


@every
def test_it_adds_under_1_mb_to_the_base(name: str) -> None:
    base, image = inspect(BASE), inspect(image_of(name)[0])
    layers = base["RootFS"]["Layers"]
    assert image["RootFS"]["Layers"][: len(layers)] == layers, (
        "it is not built on the base: run `make images`"
    )
    added = image["Size"] - base["Size"]
    assert 0 < added < 1_000_000, f"{added} bytes"


@every
def test_its_configuration_holds_its_name_and_no_secret(name: str) -> None:
    config = inspect(image_of(name)[0])["Config"]
    assert f"QWHISK_ACTION={name}" in config["Env"]
    assert config["User"] == "action"
    more = set(config["Env"]) - set(inspect(BASE)["Config"]["Env"])
    assert more == {f"QWHISK_ACTION={name}"}


@pytest.fixture(scope="module")
def bound(stack: Stack) -> dict[str, Any]:
    """Return what the running stack binds to its actions."""
    user, _, password = part_environment(stack, "gateway")["WHISK_AUTH"].partition(":")
    url = f"http://127.0.0.1:{stack.env['OPENWHISK_PORT']}/api/v1/namespaces/_/packages/quantum"
    package = requests.get(url, auth=(user, password), timeout=20).json()
    return dict(bound_settings({item["key"]: item["value"] for item in package["parameters"]}))


@pytest.fixture(scope="module")
def envelope(bound: dict[str, Any]) -> dict[str, str]:
    """A client whose topic exists, so that the poller can deliver the results of these jobs."""
    topic = "results." + "i" * 24
    Topics(KafkaSettings.from_env(bound)).ensure({topic: 1})
    return {"client_id": "images", "process_job_id": "images-1", "topic": topic}


@every
def test_it_submits_within_the_memory_that_the_manifest_grants(
    name: str, bound: dict[str, Any], envelope: dict[str, str], record_property: Any
) -> None:
    image, memory = image_of(name)
    values = importlib.import_module(f"tests.actions.cases.{name}").VALUES
    with running(image, memory, host=True) as container:
        container.init()
        for backend_type in ("simulator", "noisy_simulator", "hardware"):
            submitted = container.run(**bound, **envelope, **values, backend_type=backend_type)
            assert "job_id" in submitted, submitted
            output = json.dumps([submitted, *container.logs()])
            assert bound["SIMULATOR_API_KEY"] not in output, "the provider's key was disclosed"
        peak = container.peak_memory()
        record_property("peak_mb", round(peak))
        assert not peak > memory
