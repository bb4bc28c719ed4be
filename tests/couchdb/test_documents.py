"""Config documents in CouchDB: loaded, followed, and kept while the database is away."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from ibm_cloud_sdk_core import ApiException

from core.config_docs import Documents, from_env, registry
from core.config_docs.bounds import MAX_DOCUMENTS
from core.config_docs.cloudant import CloudantSource, connect
from testkit.couchdb.server import couchdb
from testkit.stack import ROOT, wait_for
from tests.core.samples import raw_document
from tools.load_config_documents import valid_documents


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with couchdb(tmp_path_factory.mktemp("couchdb")) as address:
        yield address


@pytest.fixture
def env(url: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """A database for one test."""
    name = "config-" + re.sub(r"[^a-z]+", "-", request.node.name)[:60]
    return {"CLOUDANT_URL": url, "CLOUDANT_DATABASE": name, "WHISK_APIHOST": "http://127.0.0.1:3233"}


@pytest.fixture
def client(env: dict[str, str]) -> Any:
    made = connect(env)
    create(made, env)
    return made


def create(client: Any, env: dict[str, str]) -> None:
    """Create the database. On a busy machine, pouchdb-server may reset the connection first."""

    def created() -> bool:
        try:
            client.put_database(db=env["CLOUDANT_DATABASE"])
        except requests.ConnectionError:
            return False
        except ApiException as error:
            if error.status_code != 412:  # it was created before the connection was reset
                raise
        return True

    wait_for(created, 30)


@pytest.fixture
def documents(env: dict[str, str], client: Any) -> Iterator[Documents]:
    configured = from_env(env)
    yield configured
    configured.close()


def put(client: Any, env: dict[str, str], name: str, **changes: Any) -> str:
    document = raw_document(_id=name, **changes)
    answer = client.put_document(db=env["CLOUDANT_DATABASE"], doc_id=name, document=document)
    return str(answer.get_result()["rev"])


def load(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.load_config_documents"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | env,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_documents_are_added_changed_and_removed_without_a_restart(
    env: dict[str, str], client: Any, documents: Documents
) -> None:
    assert documents.all() == {}
    revision = put(client, env, "first")
    wait_for(lambda: set(documents.all()) == {"first"})
    revision = put(client, env, "first", functionTitle="Eins", _rev=revision)
    wait_for(lambda: documents.get("first").function_title == "Eins")
    put(client, env, "second")
    wait_for(lambda: set(documents.all()) == {"first", "second"})
    client.delete_document(db=env["CLOUDANT_DATABASE"], doc_id="first", rev=revision)
    wait_for(lambda: set(documents.all()) == {"second"})


def test_a_broken_document_is_reported_by_name(
    env: dict[str, str], client: Any, documents: Documents, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        put(client, env, "broken", functionHttpMethod="GET")
        put(client, env, "good")
        wait_for(lambda: set(documents.all()) == {"good"})
    assert "Config document broken: functionHttpMethod" in caplog.text


def test_a_document_that_cannot_be_parsed_hides_no_other(
    env: dict[str, str], client: Any, documents: Documents, caplog: pytest.LogCaptureFixture
) -> None:
    deep = '{"_id": "%s", "x": ' + "[" * 3_000 + "]" * 3_000 + "}"
    with caplog.at_level(logging.ERROR):
        for name, text in (("deep", deep % "deep"), ("large", '{"x": "' + "x" * 300_000 + '"}')):
            answer = requests.put(
                f"{env['CLOUDANT_URL']}/{env['CLOUDANT_DATABASE']}/{name}",
                data=text,
                headers={"Content-Type": "application/json"},
                timeout=30,
            )
            assert answer.status_code == 201, answer.text
        put(client, env, "good")
        wait_for(lambda: set(documents.all()) == {"good"})
    assert "Config document deep cannot be read" in caplog.text
    assert "Config document large has over" in caplog.text


def test_every_actions_document_is_loaded_once(env: dict[str, str]) -> None:
    """`make config`: the database is made, documents are added, then unchanged."""
    names = [document["_id"] for document in valid_documents(env["WHISK_APIHOST"])]
    first, second = load(env), load(env)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.splitlines() == [f"{name}: added" for name in names]
    assert second.stdout.splitlines() == [f"{name}: unchanged" for name in names]
    elsewhere = load(env | {"WHISK_APIHOST": "https://whisk.example.org"})
    assert elsewhere.stdout.splitlines() == [f"{name}: updated" for name in names]
    configured = from_env(env)
    configured.close()
    assert set(configured.all()) == set(names)
    url = configured.get("smile_super_position").function_backend_url
    assert url.startswith(
        "https://whisk.example.org/api/v1/namespaces/_/actions/quantum/smile_super_position"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"WHISK_APIHOST": ""}, "WHISK_APIHOST is not set"),
        ({"WHISK_APIHOST": "whisk"}, "WHISK_APIHOST must be an http(s) URL"),
        ({"CLOUDANT_URL": "http://127.0.0.1:1"}, "The database cannot be reached"),
        ({"CLOUDANT_DATABASE": "No Capitals"}, "CLOUDANT_DATABASE must be a lower-case letter"),
    ],
)
def test_problems_with_loading_are_reported(env: dict[str, str], changes: dict[str, str], words: str) -> None:
    done = load(env | changes)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_created_later_is_followed(env: dict[str, str]) -> None:
    """As in a deployment: the services are running before `make config` creates the database."""
    configured = from_env(env)
    try:
        assert configured.all() == {}
        assert load(env).returncode == 0
        wait_for(lambda: "grover" in configured.all())
    finally:
        configured.close()


def test_a_database_that_is_deleted_and_created_again_is_followed(
    env: dict[str, str], client: Any, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pouchdb-server does not end a wait for changes when the database is deleted.
    monkeypatch.setattr(registry, "RESYNC", 3.0)
    put(client, env, "first")
    wait_for(lambda: set(documents.all()) == {"first"})
    client.delete_database(db=env["CLOUDANT_DATABASE"])
    create(client, env)
    put(client, env, "second")
    wait_for(lambda: set(documents.all()) == {"second"}, 60)
    put(client, env, "third")
    wait_for(lambda: set(documents.all()) == {"second", "third"}, 60)


def test_ten_thousand_documents_work_and_those_beyond_are_reported(
    env: dict[str, str], client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{env['CLOUDANT_URL']}/{env['CLOUDANT_DATABASE']}"
    names = [f"f{number:05}" for number in range(MAX_DOCUMENTS + 7)]
    design = {"_id": "_design/other", "language": "javascript"}
    documents = [raw_document(_id=name) for name in names]
    for start in range(0, len(documents), 1_000):
        batch = documents[start : start + 1_000] + ([design] if start == 0 else [])
        requests.post(f"{url}/_bulk_docs", json={"docs": batch}, timeout=60).raise_for_status()
    with caplog.at_level(logging.ERROR):
        source = CloudantSource(env)
        configured = Documents(source)
        assert list(configured.all()) == names[:MAX_DOCUMENTS]
    assert "database has 7 more config documents than the 10000 that are read" in caplog.text
    client.delete_document(db=env["CLOUDANT_DATABASE"], doc_id=names[0], rev=source._documents[names[0]][0])
    assert configured.refresh()
    assert list(configured.all()) == names[1 : MAX_DOCUMENTS + 1]


def test_an_unreachable_database_leaves_the_known_documents(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with couchdb(tmp_path) as url:
        env = {"CLOUDANT_URL": url, "WHISK_APIHOST": "http://127.0.0.1:3233"}
        assert load(env).returncode == 0
        configured = from_env(env)
        known = set(configured.all())
        assert "smile_super_position" in known
    try:
        with caplog.at_level(logging.ERROR):
            wait_for(lambda: "cannot be read" in caplog.text, 30)
        assert set(configured.all()) == known
    finally:
        configured.close()
