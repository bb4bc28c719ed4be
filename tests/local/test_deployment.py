"""The config documents that the local stack writes."""

from __future__ import annotations

import json
from pathlib import Path

from local.deployment import functions, write_documents

APIHOST = "http://127.0.0.1:3233"


def test_documents_are_complete_and_leave_others_alone(tmp_path: Path) -> None:
    other = {
        "_id": "other",
        "functionBackendUrl": "https://example.com/api/v1/namespaces/_/actions/mine/other",
    }
    (tmp_path / "other.json").write_text(json.dumps(other))
    (tmp_path / "broken.json").write_text("{")
    write_documents(tmp_path, APIHOST)
    written = {path.stem: path.read_text() for path in tmp_path.glob("*.json")}
    assert set(written) == {*functions(), "other", "broken"}
    for name in functions():
        url = json.loads(written[name])["functionBackendUrl"]
        assert url.startswith(f"{APIHOST}/api/v1/namespaces/_/actions/quantum/{name}?")
    assert json.loads(written["other"]) == other


def test_the_document_of_an_algorithm_that_is_no_more_goes(tmp_path: Path) -> None:
    gone = {
        "_id": "gone",
        "functionBackendUrl": "http://127.0.0.1:9/api/v1/namespaces/_/actions/quantum/gone?blocking=true",
    }
    (tmp_path / "gone.json").write_text(json.dumps(gone))
    write_documents(tmp_path, APIHOST)
    assert not (tmp_path / "gone.json").exists()
