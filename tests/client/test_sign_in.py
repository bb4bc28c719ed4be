"""The command and the client at a gateway that requires a sign-in."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwhisk_client import AuthenticationError, Client
from qwhisk_client.cli.exits import Exit
from testkit.replicas import FREE, Replica, broker, documents, replica
from testkit.stack import ROOT

KEY = "an-api-key-of-the-tests"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A gateway that requires a sign-in."""
    folder = tmp_path_factory.mktemp("signed")
    path = folder / "documents"
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    with broker(folder) as kafka, documents(path) as settings:
        more = {"GATEWAY_API_KEYS": f"batch:{digest}"}
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
    assert qwhisk(gateway, config, "jobs", QWHISK_KEY=KEY).returncode == 0
    assert KEY not in (config / "credentials.json").read_text()
    with Client(gateway.url, key=KEY) as client:
        token = client.open_session().token
    other = tmp_path / "other"
    assert qwhisk(gateway, other, "jobs", QWHISK_TOKEN=token).returncode == 0
    assert qwhisk(gateway, other, "jobs", QWHISK_TOKEN="not.a.token").returncode == Exit.SIGN_IN
    assert not other.exists()
