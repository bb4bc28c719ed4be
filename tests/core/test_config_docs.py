"""The sources of config documents, such as a folder that changes while it is read."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.config_docs import Documents, bounds, folder, from_env, registry
from core.config_docs.bounds import MAX_DOCUMENT_BYTES
from core.config_docs.folder import FolderSource
from core.errors import DocumentError, DocumentsUnreadableError, NotFoundError, SettingsError
from testkit.stack import wait_for
from tests.core.samples import raw_document


def write(folder: Path, name: str, **changes: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(raw_document(_id=name, **changes)))
    return path


class Listed:
    """A source that returns what the test sets, or fails."""

    def __init__(self, documents: dict[str, Mapping[str, Any] | DocumentError]) -> None:
        self.found = documents
        self.error: Exception | None = None
        self.reads = 0

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.found

    def wait(self, timeout: float) -> None:
        """Everything has changed, each time."""


def test_a_new_file_is_a_new_function_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    write(tmp_path, "first")
    documents = Documents(FolderSource(tmp_path))
    assert set(documents.all()) == {"first"}
    second = write(tmp_path, "second", functionTitle="Zwei")
    documents.refresh()
    assert documents.get("second").function_title == "Zwei"
    second.unlink()
    documents.refresh()
    assert set(documents.all()) == {"first"}


def test_changes_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "first")
    documents = Documents(FolderSource(tmp_path))
    documents.follow()
    try:
        second = write(tmp_path, "second")
        wait_for(lambda: set(documents.all()) == {"first", "second"})
        # As when a text editor saves: the same length, other contents, within one tick of a coarse clock.
        write(tmp_path, "first", functionTitle="Eins")
        wait_for(lambda: documents.get("first").function_title == "Eins")
        second.unlink()
        wait_for(lambda: set(documents.all()) == {"first"})
    finally:
        documents.close()


def test_no_request_waits_for_the_source() -> None:
    """While the database times out, requests are answered with the known documents."""
    source = Listed({"one": raw_document(_id="one")})
    documents = Documents(source)
    source.error = TimeoutError("no answer")
    for _ in range(3):
        assert set(documents.all()) == {"one"}
    assert source.reads == 1


def test_a_request_for_an_unknown_function_makes_the_source_be_read() -> None:
    """One process has seen a new document; another has not yet, and may get the request for it."""
    source = Listed({})
    documents = Documents(source)
    source.found = {"one": raw_document(_id="one")}
    assert documents.find("one").id == "one"
    assert (documents.find("one").id, source.reads) == ("one", 2)
    with pytest.raises(NotFoundError, match="'two'"):
        documents.find("two")
    source.error = TimeoutError("no answer")
    with pytest.raises(DocumentsUnreadableError):
        documents.find("two")
    assert documents.find("one").id == "one"


def test_a_source_that_fails_is_read_at_growing_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Listed({})
    source.error = TimeoutError("no answer")
    documents = Documents(source)
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 9:
            documents._closed.set()
        return True

    monkeypatch.setattr(documents._closed, "wait", wait)
    documents._follow()
    assert waits[:3] == [0.5, 1.0, 2.0]
    assert waits[-1] == registry.RETRY_MAX


def test_documents_are_read_after_a_wait_that_failed() -> None:
    """As when a database was deleted and created again: it no longer knows the last change."""

    class Forgetful(Listed):
        def wait(self, timeout: float) -> None:
            raise OSError("unknown sequence")

    source = Forgetful({})
    documents = Documents(source)
    source.found = {"one": raw_document(_id="one")}
    documents.follow()
    try:
        wait_for(lambda: set(documents.all()) == {"one"})
    finally:
        documents.close()


@pytest.mark.parametrize("more", [0, 3])
def test_a_folder_with_too_many_documents_is_reported(
    tmp_path: Path, more: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bounds, "MAX_DOCUMENTS", 5)
    monkeypatch.setattr(folder, "MAX_DOCUMENTS", 5)
    for number in range(5 + more):
        write(tmp_path, f"f{number}")
    with caplog.at_level(logging.ERROR):
        documents = Documents(FolderSource(tmp_path))
        documents.refresh()
    assert sorted(documents.all()) == [f"f{number}" for number in range(5)]
    reports = [record.getMessage() for record in caplog.records]
    assert len(reports) == (1 if more else 0)
    assert all("folder has 3 more config documents than the 5" in report for report in reports)


def test_a_file_is_read_again_only_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = folder._load

    def recorded(path: Path) -> Mapping[str, Any]:
        loaded.append(path.stem)
        return load(path)

    monkeypatch.setattr(folder, "_load", recorded)
    write(tmp_path, "first")
    write(tmp_path, "second")
    documents = Documents(FolderSource(tmp_path))
    write(tmp_path, "second", functionTitle="Zwei")
    documents.refresh()
    assert loaded == ["first", "second", "second"]
    assert documents.get("second").function_title == "Zwei"


def test_two_documents_of_one_id_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        documents = Documents(Listed({"a": raw_document(_id="same"), "b": raw_document(_id="same")}))
    assert set(documents.all()) == {"same"}
    assert "Config document b: another document has the _id same" in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"", "cannot be read"),
        (b"[]", "must be a JSON object"),
        (b"[" * 100_000, "cannot be read"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "bytes"),
        (json.dumps(raw_document(functionParams={"body": [[0]] * 11_000})).encode(), "values"),
        (json.dumps(raw_document(functionInputSchema={"$ref": "#"})).encode(), "lead back to themselves"),
        (json.dumps(raw_document(functionInputSchema={"pattern": "(?=a)"})).encode(), "look-around"),
        (json.dumps(raw_document(functionTitle="\ud800")).encode(), "broken"),
        (json.dumps(raw_document(functionHttpMethod="GET")).encode(), "functionHttpMethod"),
    ],
)
def test_a_broken_file_is_reported_by_name_and_the_others_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, reason: str
) -> None:
    write(tmp_path, "good")
    (tmp_path / "broken.json").write_bytes(content)
    with caplog.at_level(logging.ERROR):
        documents = Documents(FolderSource(tmp_path))
        assert set(documents.all()) == {"good"}
        documents.refresh()
    # Once for each change of the problem, not at every look.
    assert len(caplog.messages) == 1
    assert "broken" in caplog.messages[0]
    assert reason in caplog.messages[0]
    write(tmp_path, "broken")
    documents.refresh()
    assert set(documents.all()) == {"good", "broken"}


def test_other_files_and_folders_are_ignored(tmp_path: Path) -> None:
    write(tmp_path, "good")
    (tmp_path / "README.md").write_text("not a document")
    (tmp_path / "folder.json").mkdir()
    assert set(Documents(FolderSource(tmp_path)).all()) == {"good"}


def test_a_folder_that_disappears_leaves_the_known_documents(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    write(folder, "good")
    documents = Documents(FolderSource(folder))
    assert set(documents.all()) == {"good"}
    shutil.rmtree(folder)
    with caplog.at_level(logging.ERROR):
        documents.refresh()
    assert set(documents.all()) == {"good"}
    assert "cannot be read" in caplog.text
    folder.mkdir()
    documents.refresh()
    assert documents.all() == {}


def test_a_source_that_fails_leaves_the_known_documents(caplog: pytest.LogCaptureFixture) -> None:
    source = Listed({"one": raw_document(_id="one")})
    documents = Documents(source)
    assert set(documents.all()) == {"one"}
    source.error = RuntimeError("the database is down")
    with caplog.at_level(logging.ERROR):
        documents.refresh()
    assert set(documents.all()) == {"one"}
    assert "RuntimeError: the database is down" in caplog.text


def test_the_error_for_an_unknown_function_lists_the_known_ones() -> None:
    documents = Documents(Listed({"b": raw_document(_id="b"), "a": raw_document(_id="a")}))
    with pytest.raises(NotFoundError, match=r"There is no function 'c'\. Functions: a, b\.") as caught:
        documents.get("c")
    assert caught.value.details == {"field": "function"}
    with pytest.raises(NotFoundError, match="Functions: none"):
        Documents(Listed({})).get("x" * 10_000)


def test_the_environment_names_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "good")
    assert set(from_env({"CONFIG_FOLDER": str(tmp_path)}).all()) == {"good"}
    with pytest.raises(SettingsError, match="CONFIG_FOLDER is not set"):
        from_env({})
    with pytest.raises(SettingsError, match="CONFIG_FOLDER is not a folder"):
        from_env({"CONFIG_FOLDER": str(tmp_path / "absent")})


def test_a_document_that_has_not_changed_is_not_parsed_again() -> None:
    source = Listed({"one": raw_document(_id="one"), "two": raw_document(_id="two")})
    documents = Documents(source)
    first, second = documents.get("one"), documents.get("two")
    source.found = {"one": raw_document(_id="one"), "two": raw_document(_id="two", functionTitle="Two")}
    documents.refresh()
    assert documents.get("one") is first
    assert documents.get("two") is not second
    assert documents.get("two").function_title == "Two"
    source.found = {"one": raw_document(_id="one", functionHttpMethod="GET")}
    documents.refresh()
    assert documents.all() == {}


@pytest.mark.parametrize(("before", "after"), [(True, 1), (1, True), (0, False), (1, 1.0), ([0], [False])])
def test_a_change_that_is_equal_in_python_is_seen(before: Any, after: Any) -> None:
    source = Listed({"a": raw_document(_id="a", functionInputSchema={"const": before})})
    documents = Documents(source)
    source.found = {"a": raw_document(_id="a", functionInputSchema={"const": after})}
    documents.refresh()
    assert repr(documents.get("a").function_input_schema["const"]) == repr(after)


def test_a_hostile_document_hides_no_other_and_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    hostile = {"n" * 7_000: raw_document(_id="A"), "deep": raw_document(_id="deep", x=deep)}
    documents = Documents(Listed({**hostile, "good": raw_document(_id="good")}))
    for _ in range(2):
        assert documents.refresh()
        assert set(documents.all()) == {"good"}
    assert len(caplog.records) == 2
    assert all(len(str(record.__dict__)) < 3_000 for record in caplog.records)
    while isinstance(deep, list):  # taken apart from outside: releasing it at once would recurse
        deep = deep[0]
