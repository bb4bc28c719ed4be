"""The command and the client at a gateway that requires a sign-in."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qwhisk_client import AuthenticationError, Client, Session
from qwhisk_client.cli.access import connect, store
from qwhisk_client.cli.exits import Exit
from qwhisk_client.cli.main import main
from qwhisk_client.cli.store import Store, StoreError
from testkit.replicas import FREE, Replica, broker, documents, replica
from testkit.stack import ROOT

KEY, OTHER_KEY = "an-api-key-of-the-tests", "another-api-key-of-the-tests"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A gateway that requires a sign-in."""
    folder = tmp_path_factory.mktemp("signed")
    path = folder / "documents"
    keys = {"batch": KEY, "other": OTHER_KEY}
    digests = ",".join(f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in keys.items())
    with broker(folder) as kafka, documents(path) as settings:
        more = {"GATEWAY_API_KEYS": digests}
        with replica(folder, kafka, path, **FREE, **more, **settings) as gateway:
            yield gateway


def qwhisk(
    gateway: Replica, config: Path, *words: str, given: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "qwhisk_client", *words],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "clients/python/src"),
            "QWHISK_URL": gateway.url,
            "QWHISK_CONFIG": str(config),
            **env,
        },
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_key_opens_a_session(gateway: Replica) -> None:
    with Client(gateway.url, key=KEY) as client:
        assert client.functions() == []
        assert list(client.jobs()) == []
    for key in (None, "wrong"):
        with Client(gateway.url, key=key) as client, pytest.raises(AuthenticationError, match="Sign in"):
            client.functions()


def test_the_command_keeps_the_key_for_its_user_only(gateway: Replica, tmp_path: Path) -> None:
    config = tmp_path / "config"
    refused = qwhisk(gateway, config, "functions")
    assert refused.returncode == Exit.SIGN_IN
    assert "Sign in with `qwhisk login`." in refused.stderr
    wrong = qwhisk(gateway, config, "login", "--key-stdin", given="wrong")
    assert wrong.returncode == Exit.SIGN_IN
    assert qwhisk(gateway, config, "login", "--key-stdin", given="\n").returncode == Exit.USAGE
    assert not (config / "credentials.json").exists()
    signed = qwhisk(gateway, config, "login", "--key-stdin", given=f"{KEY}\n")
    assert (signed.returncode, signed.stderr) == (0, "")
    assert KEY not in signed.stdout
    kept = config / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    token = json.loads(kept.read_text())[gateway.url]["session"]["token"]
    listed = qwhisk(gateway, config, "functions", "--json")
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
    assert json.loads(kept.read_text())[gateway.url]["session"]["token"] == token
    # A session that is over is replaced with the key.
    entries = json.loads(kept.read_text())
    entries[gateway.url]["session"]["expires_at"] = 1.0
    kept.write_text(json.dumps(entries))
    assert qwhisk(gateway, config, "functions").returncode == 0
    assert json.loads(kept.read_text())[gateway.url]["session"]["expires_at"] > 1.0
    kept.chmod(0o644)
    open_to_all = qwhisk(gateway, config, "functions")
    assert open_to_all.returncode == Exit.SIGN_IN
    assert "chmod 600" in open_to_all.stderr
    kept.chmod(0o600)
    assert qwhisk(gateway, config, "logout").returncode == 0
    assert json.loads(kept.read_text()) == {}
    assert qwhisk(gateway, config, "functions").returncode == Exit.SIGN_IN


def test_a_token_or_a_key_of_the_environment_is_used(gateway: Replica, tmp_path: Path) -> None:
    config = tmp_path / "config"
    # A key that was read from a file may end with its line.
    assert qwhisk(gateway, config, "jobs", QWHISK_KEY=f" {KEY}\r\n").returncode == 0
    assert not (config / "credentials.json").exists()
    assert qwhisk(gateway, config, "jobs").returncode == Exit.SIGN_IN
    with Client(gateway.url, key=KEY) as client:
        token = client.open_session().token
    other = tmp_path / "other"
    assert qwhisk(gateway, other, "jobs", QWHISK_TOKEN=f"{token}\n").returncode == 0
    assert qwhisk(gateway, other, "jobs", QWHISK_TOKEN="not.a.token").returncode == Exit.SIGN_IN
    assert not other.exists()


@pytest.fixture
def signed_in(gateway: Replica, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Session:
    """Sign in with a key, and return the kept session."""
    monkeypatch.setenv("QWHISK_CONFIG", str(tmp_path))
    monkeypatch.delenv("QWHISK_TOKEN", raising=False)
    return sign_in(gateway, monkeypatch, KEY)


def sign_in(gateway: Replica, monkeypatch: pytest.MonkeyPatch, key: str) -> Session:
    monkeypatch.setenv("QWHISK_KEY", key)
    assert main(["login", "--url", gateway.url]) == Exit.OK
    monkeypatch.delenv("QWHISK_KEY")
    kept = store().get(gateway.url)
    assert kept.key == key
    assert kept.session is not None
    return kept.session


def test_another_key_is_not_used_with_the_kept_session(
    gateway: Replica, monkeypatch: pytest.MonkeyPatch, signed_in: Session
) -> None:
    before = store().get(gateway.url)
    monkeypatch.setenv("QWHISK_KEY", OTHER_KEY)
    with connect(gateway.url) as client:
        client.functions()
        assert client.session is not None
        assert client.session.client_id != signed_in.client_id
    monkeypatch.setenv("QWHISK_KEY", "wrong")
    with pytest.raises(AuthenticationError), connect(gateway.url) as client:
        client.functions()
    assert store().get(gateway.url) == before
    # The kept key has the kept session.
    monkeypatch.setenv("QWHISK_KEY", f"{KEY}\n")
    with connect(gateway.url) as client:
        assert client.session == signed_in


def renew(client: Client) -> Session:
    """Let the client renew its session, as if half of its life were over, and return the new one."""
    session = client.session
    assert session is not None
    client._protocol.session = replace(session, opened_at=session.opened_at - 10 * 86_400)
    client.functions()
    assert client.session is not None
    assert client.session.token != session.token or client.session.opened_at > session.opened_at
    return client.session


@pytest.mark.usefixtures("signed_in")
def test_a_session_that_is_renewed_is_kept(gateway: Replica) -> None:
    with connect(gateway.url) as client:
        renewed = renew(client)
    kept = store().get(gateway.url)
    assert (kept.key, kept.session) == (KEY, renewed)


@pytest.mark.usefixtures("signed_in")
def test_the_connections_end_if_a_new_session_cannot_be_kept(
    gateway: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Client] = []

    class Recorded(Client):
        def close(self) -> None:
            closed.append(self)
            super().close()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    credentials = store()
    credentials.put(gateway.url, replace(credentials.get(gateway.url), session=None))
    monkeypatch.setattr("qwhisk_client.cli.access.Client", Recorded)
    monkeypatch.setattr(Store, "_write", fail)
    with pytest.raises(StoreError, match="No space left on device"), connect(gateway.url):
        pass
    [client] = closed
    assert client.session is not None


@pytest.mark.usefixtures("signed_in")
def test_a_session_that_is_renewed_does_not_undo_a_sign_out_or_another_sign_in(
    gateway: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(gateway.url) as client:
        renew(client)
        other = sign_in(gateway, monkeypatch, OTHER_KEY)
    kept = store().get(gateway.url)
    assert (kept.key, kept.session) == (OTHER_KEY, other)
    with connect(gateway.url) as client:
        renew(client)
        assert main(["logout", "--url", gateway.url]) == Exit.OK
    assert json.loads(store().path.read_text()) == {}
