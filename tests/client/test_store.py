"""What the command keeps: only for its user, for each gateway, and always complete."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from qwhisk_client import Session
from qwhisk_client.cli.store import Credentials, Store, StoreError, folder

ONE = Credentials("a key", Session("a token", "client", 1.0, 2.0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "qwhisk" / "credentials.json")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_gateway_has_its_own_credentials(store: Store) -> None:
    assert store.get("http://one") == Credentials()
    store.put("http://one", ONE)
    store.put("http://two", Credentials("other"))
    assert store.get("http://one") == ONE
    assert store.get("http://two") == Credentials("other")
    store.put("http://one", Credentials())
    assert store.get("http://one") == Credentials()
    assert "a key" not in store.path.read_text()


def test_only_the_user_may_read_the_file_and_its_folder(store: Store) -> None:
    before = os.umask(0)
    try:
        with store.locked():
            store.put("http://one", ONE)
    finally:
        os.umask(before)
    assert mode(store.path) == 0o600
    assert mode(store.path.parent) == 0o700
    assert {mode(path) for path in store.path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o666])
def test_a_file_that_others_may_read_is_refused_with_the_correction(store: Store, bits: int) -> None:
    store.put("http://one", ONE)
    store.path.chmod(bits)
    with pytest.raises(StoreError, match=r"Others may read .* Run: chmod 600 "):
        store.get("http://one")


DAMAGED = ["", "{", "[]", '{"http://one": []}', '{"http://one": {"session": {"x": 1}}}']


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_named(store: Store, text: str) -> None:
    store.put("http://one", ONE)
    store.path.write_text(text)
    with pytest.raises(StoreError, match=r"credentials\.json is damaged\. Remove it"):
        store.get("http://one")


def test_a_file_that_cannot_be_written_is_left_as_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("http://one", ONE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreError, match="No space left on device"):
        store.put("http://one", Credentials("new"))
    monkeypatch.undo()
    assert store.get("http://one") == ONE
    assert [path.name for path in store.path.parent.iterdir()] == ["credentials.json"]


def test_no_two_commands_hold_the_lock(store: Store) -> None:
    held, release, waited = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with store.locked():
            held.set()
            release.wait(30)

    def follow() -> None:
        with store.locked():
            assert release.is_set()
            waited.set()

    holder, follower = threading.Thread(target=hold), threading.Thread(target=follow)
    holder.start()
    assert held.wait(30)
    with pytest.raises(StoreError, match="Another command holds"), store.locked(0.0):
        pass
    follower.start()
    assert not waited.is_set()
    release.set()
    assert waited.wait(30)
    holder.join(30)
    follower.join(30)


def test_the_folder_is_that_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("QWHISK_CONFIG", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder() == tmp_path / ".config" / "qwhisk"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/elsewhere")
    assert folder() == Path("/elsewhere/qwhisk")
    monkeypatch.setenv("QWHISK_CONFIG", "/mine")
    assert folder() == Path("/mine")


def test_the_file_is_json(store: Store) -> None:
    store.put("http://one", ONE)
    session = {"token": "a token", "client_id": "client", "opened_at": 1.0, "expires_at": 2.0}
    assert json.loads(store.path.read_text()) == {
        "http://one": {"key": "a key", "session": session, "openid": None}
    }
