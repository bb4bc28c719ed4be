"""What the local stack deploys: the shipped manifest, and the config documents."""

from __future__ import annotations

import json
from pathlib import Path

from core.shipped_documents import shipped_documents
from local.deployment import action, bound, package, write_documents

APIHOST = "http://127.0.0.1:3233"


def test_documents_are_complete_and_others_are_unchanged(tmp_path: Path) -> None:
    other = {
        "_id": "other",
        "functionBackendUrl": "https://example.com/api/v1/namespaces/_/actions/mine/other",
    }
    (tmp_path / "other.json").write_text(json.dumps(other))
    (tmp_path / "broken.json").write_text("{")
    write_documents(tmp_path, APIHOST)
    written = {path.stem: path.read_text() for path in tmp_path.glob("*.json")}
    assert set(written) == {*shipped_documents(APIHOST), "other", "broken"}
    for name in shipped_documents(APIHOST):
        url = json.loads(written[name])["functionBackendUrl"]
        assert url.startswith(f"{APIHOST}/api/v1/namespaces/_/actions/quantum/{name}?")
    assert json.loads(written["other"]) == other


def test_the_document_of_a_removed_algorithm_is_removed(tmp_path: Path) -> None:
    gone = {
        "_id": "gone",
        "functionBackendUrl": "http://127.0.0.1:9/api/v1/namespaces/_/actions/quantum/gone?blocking=true",
    }
    (tmp_path / "gone.json").write_text(json.dumps(gone))
    write_documents(tmp_path, APIHOST)
    assert not (tmp_path / "gone.json").exists()


def test_the_actions_are_those_of_the_manifest_and_each_has_its_document() -> None:
    assert set(package()["actions"]) == set(shipped_documents(APIHOST))


def test_an_action_is_deployed_as_in_the_manifest() -> None:
    body = action(
        {
            "docker": "qwhisk/x",
            "limits": {"timeout": 90_000, "memorySize": 384},
            "annotations": {"description": "X.", "require-whisk-auth": True},
        }
    )
    assert body == {
        "exec": {"kind": "blackbox", "image": "qwhisk/x"},
        "limits": {"timeout": 90_000, "memory": 384},
        "annotations": [{"key": "description", "value": "X."}, {"key": "require-whisk-auth", "value": True}],
    }


def test_only_the_manifests_settings_are_bound_and_unset_ones_are_empty() -> None:
    inputs = {"KAFKA_BOOTSTRAP_SERVERS": "${KAFKA_BOOTSTRAP_SERVERS}", "SIMULATOR_URL": "${SIMULATOR_URL}"}
    assert bound(inputs, {"SIMULATOR_URL": "http://127.0.0.1:1", "SECRET": "x"}) == [
        {"key": "KAFKA_BOOTSTRAP_SERVERS", "value": ""},
        {"key": "SIMULATOR_URL", "value": "http://127.0.0.1:1"},
    ]
