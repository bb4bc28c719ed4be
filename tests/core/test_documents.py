"""Where config documents come from: a folder that changes while it is read."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core import documents
from core.documents import MAX_DOCUMENT_BYTES, Documents, FolderSource, from_env
from core.errors import DocumentError, NotFoundError, SettingsError
from tests.core.samples import raw_document


class Clock:
    """The monotonic time that the module under test sees."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("core.documents.time.monotonic", made.monotonic)
    return made


def write(folder: Path, name: str, **changes: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(raw_document(_id=name, **changes)))
    return path


class Listed:
    """A source that gives what it is told to, or fails."""

    def __init__(self, found: dict[str, Mapping[str, Any] | DocumentError]) -> None:
        self.found = found
        self.error: Exception | None = None
        self.reads = 0

    def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.found


def test_a_new_file_is_a_new_function_and_a_removed_one_is_gone(tmp_path: Path, clock: Clock) -> None:
    found = Documents(FolderSource(tmp_path))
    write(tmp_path, "first")
    assert set(found.all()) == {"first"}
    second = write(tmp_path, "second", functionTitle="Zwei")
    clock.now += documents.FRESH_SECONDS
    assert found.get("second").function_title == "Zwei"
    second.unlink()
    clock.now += documents.FRESH_SECONDS
    assert set(found.all()) == {"first"}


def test_what_was_just_read_is_not_read_again(clock: Clock) -> None:
    source = Listed({"one": raw_document(_id="one")})
    found = Documents(source)
    found.all()
    clock.now += documents.FRESH_SECONDS * 0.9
    found.all()
    assert source.reads == 1
    clock.now += documents.FRESH_SECONDS * 0.2
    found.all()
    assert source.reads == 2


def test_a_slow_source_is_not_asked_by_every_call(clock: Clock) -> None:
    """While the database times out, requests must not each wait for it in turn."""

    class Slow(Listed):
        def read(self) -> dict[str, Mapping[str, Any] | DocumentError]:
            clock.now += documents.DATABASE_TIMEOUT
            return super().read()

    source = Slow({"one": raw_document(_id="one")})
    source.error = TimeoutError("no answer")
    found = Documents(source)
    found.all()
    found.all()
    assert source.reads == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"", "cannot be read"),
        (b"[]", "must be a JSON object"),
        (b"[" * 100_000, "cannot be read"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "bytes"),
        (json.dumps(raw_document(functionHttpMethod="GET")).encode(), "functionHttpMethod"),
    ],
)
def test_a_broken_file_is_reported_by_name_and_the_others_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: Clock, content: bytes, reason: str
) -> None:
    write(tmp_path, "good")
    (tmp_path / "broken.json").write_bytes(content)
    found = Documents(FolderSource(tmp_path))
    with caplog.at_level(logging.ERROR):
        assert set(found.all()) == {"good"}
        clock.now += documents.FRESH_SECONDS
        found.all()
    # Once for each change of what is wrong, not at every look.
    assert len(caplog.messages) == 1
    assert "broken" in caplog.messages[0]
    assert reason in caplog.messages[0]
    write(tmp_path, "broken")
    clock.now += documents.FRESH_SECONDS
    assert set(found.all()) == {"good", "broken"}


def test_other_files_and_folders_are_left_alone(tmp_path: Path, clock: Clock) -> None:
    write(tmp_path, "good")
    (tmp_path / "README.md").write_text("not a document")
    (tmp_path / "folder.json").mkdir()
    assert set(Documents(FolderSource(tmp_path)).all()) == {"good"}


def test_a_folder_that_is_gone_leaves_what_was_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    write(folder, "good")
    found = Documents(FolderSource(folder))
    assert set(found.all()) == {"good"}
    shutil.rmtree(folder)
    clock.now += documents.FRESH_SECONDS
    with caplog.at_level(logging.ERROR):
        assert set(found.all()) == {"good"}
    assert "cannot be read" in caplog.text
    folder.mkdir()
    clock.now += documents.FRESH_SECONDS
    assert found.all() == {}


def test_a_source_that_fails_leaves_what_was_known(caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
    source = Listed({"one": raw_document(_id="one")})
    found = Documents(source)
    assert set(found.all()) == {"one"}
    source.error = RuntimeError("the database is down")
    clock.now += documents.FRESH_SECONDS
    with caplog.at_level(logging.ERROR):
        assert set(found.all()) == {"one"}
    assert "RuntimeError: the database is down" in caplog.text


def test_an_unknown_function_is_told_which_there_are(clock: Clock) -> None:
    found = Documents(Listed({"b": raw_document(_id="b"), "a": raw_document(_id="a")}))
    with pytest.raises(NotFoundError, match=r"There is no function 'c'\. Functions: a, b\.") as caught:
        found.get("c")
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
