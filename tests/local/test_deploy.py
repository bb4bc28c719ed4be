"""`make deploy` and `make undeploy`, on a real OpenWhisk API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.local_folder import OPENWHISK_KEY
from local.deployment import deploy, deployed_values, package
from testkit.openwhisk import KEY, ROOT, OpenWhisk


@pytest.fixture
def whisk(tmp_path: Path) -> Iterator[OpenWhisk]:
    """A separate server, with nothing deployed."""
    folder = tmp_path / "whisk"
    folder.mkdir()
    server = OpenWhisk(folder)
    yield server
    server.close()


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it with this environment."""
    return subprocess.run(
        [sys.executable, "-m", "local.deploy", *arguments],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": os.environ.get("HOME", "/"),
            # A folder without a key of this machine.
            "LOCAL_FOLDER": os.devnull,
            **env,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_manifests_actions_are_deployed_and_undeployed(whisk: OpenWhisk) -> None:
    names = set(package()["actions"])
    env = {"WHISK_APIHOST": whisk.url.removesuffix("/api/v1"), "WHISK_AUTH": KEY}
    for _ in range(2):  # a second time updates
        ended = command(SIMULATOR_URL="https://simulator.example.com", SOMETHING="else", **env)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"package quantum with {len(names)} actions deployed to" in ended.stdout
    shown = whisk.ask("GET", "/packages/quantum").json()
    # As wskdeploy does, however often it is deployed.
    assert shown["version"] == package()["version"]
    assert {item["name"] for item in shown["actions"]} == names
    parameters = {item["key"]: item["value"] for item in shown["parameters"]}
    # A setting that is not set still has a value, which no caller may replace.
    assert parameters == dict.fromkeys(package()["inputs"], "value:") | {
        "SIMULATOR_URL": "value:https://simulator.example.com"
    }
    for name in names:
        annotations = whisk.ask("GET", f"/actions/quantum/{name}").json()["annotations"]
        assert {"key": "final", "value": True} in annotations
    for setting in parameters:
        refused = whisk.ask("POST", "/actions/quantum/smile_super_position?blocking=true", {setting: "x"})
        assert refused.status_code == 400
        assert refused.json()["error"].startswith("Request defines parameters that are not allowed")
    mine = {"exec": {"kind": "python:default", "code": "def main(p):\n    return p\n"}}
    whisk.ask("PUT", "/actions/mine", mine)
    for _ in range(2):  # removing it again is not an error
        assert command("--undo", **env).returncode == 0
    assert whisk.ask("GET", "/packages").json() == []
    assert [item["name"] for item in whisk.ask("GET", "/actions").json()] == ["mine"]


def test_the_local_openwhisk_needs_no_explicit_key(tmp_path: Path) -> None:
    """Both use the key in LOCAL_FOLDER; it is not used for another OpenWhisk."""
    for name in ("whisk", "stack"):
        (tmp_path / name).mkdir(mode=0o700)
    folder = str(tmp_path / "stack")
    server = OpenWhisk(tmp_path / "whisk", WHISK_AUTH="", LOCAL_FOLDER=folder)
    try:
        ended = command(WHISK_APIHOST=server.url.removesuffix("/api/v1"), LOCAL_FOLDER=folder)
        assert (ended.returncode, ended.stderr) == (0, "")
        key = (tmp_path / "stack" / "whisk.key").read_text().strip()
        user, _, password = key.partition(":")
        server.session.auth = (user, password)
        assert len(server.ask("GET", "/actions").json()) == len(package()["actions"])
        assert key not in ended.stdout + server.log()
    finally:
        server.close()
    elsewhere = command(WHISK_APIHOST="http://whisk.invalid", LOCAL_FOLDER=folder)
    assert "WHISK_AUTH is not set" in elsewhere.stderr
    (tmp_path / "stack" / "whisk.key").chmod(0o644)
    ended = command(WHISK_APIHOST="http://127.0.0.1:1", LOCAL_FOLDER=folder)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "chmod 600" in ended.stderr


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"WHISK_AUTH": KEY}, "WHISK_APIHOST is not set"),
        ({"WHISK_APIHOST": "ftp://x", "WHISK_AUTH": KEY}, "WHISK_APIHOST must be an address"),
        ({"WHISK_APIHOST": "http://127.0.0.1:1"}, "WHISK_AUTH is not set"),
        ({"WHISK_APIHOST": "http://127.0.0.1:1", "WHISK_AUTH": KEY}, "cannot be reached"),
    ],
)
def test_an_error_is_reported_in_one_line(env: dict[str, str], message: str) -> None:
    ended = command(**env)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert message in ended.stderr
    assert KEY not in ended.stderr


@pytest.mark.parametrize("tool", [False, True], ids=["http", "wskdeploy"])
@pytest.mark.parametrize("explicit", [False, True], ids=["own key", "own key, set"])
def test_the_settings_of_a_running_stack_stay(tmp_path: Path, tool: bool, explicit: bool) -> None:
    """The address is enough, as docs/deploy.md says: the stack's actions still work."""
    for name in ("whisk", "stack", "bin"):
        (tmp_path / name).mkdir(mode=0o700)
    folder = str(tmp_path / "stack")
    if tool:
        # A replacement that prints what it would bind. test_wskdeploy runs the real one.
        script = tmp_path / "bin" / "wskdeploy"
        script.write_text('#!/bin/sh\necho "seen $SIMULATOR_URL $SIMULATOR_API_KEY $KAFKA_PARTITIONS"\n')
        script.chmod(0o755)
    server = OpenWhisk(tmp_path / "whisk", WHISK_AUTH="", LOCAL_FOLDER=folder)
    try:
        key = OPENWHISK_KEY.key(Path(folder))
        apihost = server.url.removesuffix("/api/v1")
        deploy(apihost, key, {"SIMULATOR_URL": "http://127.0.0.1:1", "SIMULATOR_API_KEY": "of-this-run"})
        env = {"WHISK_APIHOST": apihost, "LOCAL_FOLDER": folder, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
        env |= {"WHISK_AUTH": key} if explicit else {}
        # A variable that is set is bound; an empty one counts as not set.
        ended = command(KAFKA_PARTITIONS="3", SIMULATOR_URL="", **env)
        assert (ended.returncode, ended.stderr) == (0, "")
        if tool:
            assert "seen http://127.0.0.1:1 of-this-run 3" in ended.stdout
            return
        assert "of-this-run" not in ended.stdout
        values = deployed_values(apihost, key)
        assert {name: value for name, value in values.items() if value} == {
            "SIMULATOR_URL": "http://127.0.0.1:1",
            "SIMULATOR_API_KEY": "of-this-run",
            "KAFKA_PARTITIONS": "3",
        }
        assert command("--undo", **{**env, "PATH": "/usr/bin:/bin"}).returncode == 0
        assert deployed_values(apihost, key) == {}
    finally:
        server.close()


def test_a_wrong_key_is_refused_and_not_shown(whisk: OpenWhisk) -> None:
    ended = command(WHISK_APIHOST=whisk.url.removesuffix("/api/v1"), WHISK_AUTH="who:what-secret")
    assert ended.returncode == 1
    assert "401" in ended.stderr
    assert "what-secret" not in ended.stderr


def test_wskdeploy_is_used_if_it_is_on_path(whisk: OpenWhisk, tmp_path: Path) -> None:
    """A script replaces it and records its arguments; the key is in none of them."""
    tool = tmp_path / "wskdeploy"
    tool.write_text(
        '#!/bin/sh\necho "$@" > "$TOLD"\nwhile [ "$1" != --config ]; do shift; done\ncp "$2" "$TOLD.props"\n'
    )
    tool.chmod(0o755)
    record = tmp_path / "record"
    host = whisk.url.removesuffix("/api/v1")
    for arguments, first in (([], "-m"), (["--undo"], "undeploy")):
        env = {
            "WHISK_APIHOST": host,
            "WHISK_AUTH": KEY,
            "TOLD": str(record),
            "PATH": f"{tmp_path}:/usr/bin:/bin",
        }
        ended = command(*arguments, **env)
        assert ended.returncode == 0, ended.stderr
        assert "by wskdeploy" in ended.stdout
        words = record.read_text().split()
        assert words[0] == first
        assert words[words.index("-m") + 1] == str(ROOT / "manifest.yaml")
        assert KEY not in record.read_text()
        properties = (tmp_path / "record.props").read_text()
        assert f"APIHOST={host}\n" in properties
        assert f"AUTH={KEY}\n" in properties


def test_a_failure_of_wskdeploy_is_reported(tmp_path: Path) -> None:
    tool = tmp_path / "wskdeploy"
    tool.write_text("#!/bin/sh\nexit 3\n")
    tool.chmod(0o755)
    ended = command(WHISK_APIHOST="http://127.0.0.1:1", WHISK_AUTH=KEY, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (ended.returncode, ended.stderr) == (1, "wskdeploy ended with status 3\n")


def test_another_manifest_may_name_the_images_differently(whisk: OpenWhisk, tmp_path: Path) -> None:
    """The commands of docs/deploy.md for a private registry."""
    script = next(
        line for line in (ROOT / "docs" / "deploy.md").read_text().splitlines() if "> mine.yaml" in line
    )
    mine = tmp_path / "mine.yaml"
    subprocess.run(
        ["bash", "-euc", script.replace("mine.yaml", str(mine))],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "REGISTRY": "registry.example.com/me", "TAG": "1"},
        check=True,
        timeout=20,
    )
    env = {"WHISK_APIHOST": whisk.url.removesuffix("/api/v1"), "WHISK_AUTH": KEY}
    assert command("--manifest", str(mine), **env).returncode == 0
    for name in package()["actions"]:
        shown = whisk.ask("GET", f"/actions/quantum/{name}").json()
        assert shown["exec"]["image"] == f"registry.example.com/me/qwhisk/{name}:1"
    assert command("--manifest", str(tmp_path / "none.yaml"), **env).returncode == 2


@pytest.mark.parametrize("tool", [False, True], ids=["http", "wskdeploy"])
def test_images_may_have_a_tag_that_the_manifest_does_not_name(
    whisk: OpenWhisk, tmp_path: Path, tool: bool
) -> None:
    manifest = tmp_path / "mine.yaml"
    images = {"a": "qwhisk/a", "b": "registry:5000/me/b", "c": "me/c:2", "d": "me/d@sha256:" + "0" * 64}
    entries = "".join(
        f"      {name}:\n        docker: {image}\n        limits: {{timeout: 60000, memorySize: 256}}\n"
        "        annotations: {final: true}\n"
        for name, image in images.items()
    )
    manifest.write_text(f"packages:\n  quantum:\n    version: 1.0\n    inputs: {{}}\n    actions:\n{entries}")
    expected = images | {"a": "qwhisk/a:0.1.0", "b": "registry:5000/me/b:0.1.0"}
    env = {"WHISK_APIHOST": whisk.url.removesuffix("/api/v1"), "WHISK_AUTH": KEY, "IMAGE_TAG": "0.1.0"}
    if tool:
        script = tmp_path / "wskdeploy"
        script.write_text('#!/bin/sh\nwhile [ "$1" != -m ]; do shift; done\ncat "$2"\n')
        script.chmod(0o755)
        ended = command("--manifest", str(manifest), PATH=f"{tmp_path}:/usr/bin:/bin", **env)
        assert ended.returncode == 0, ended.stderr
        for image in expected.values():
            assert f"docker: {image}\n" in ended.stdout
        return
    ended = command("--manifest", str(manifest), **env)
    assert ended.returncode == 0, ended.stderr
    for name, image in expected.items():
        assert whisk.ask("GET", f"/actions/quantum/{name}").json()["exec"]["image"] == image
    assert whisk.ask("GET", "/packages/quantum").json()["version"] == "1.0.0"


def test_a_wrong_tag_is_named(whisk: OpenWhisk) -> None:
    host = whisk.url.removesuffix("/api/v1")
    ended = command(WHISK_APIHOST=host, WHISK_AUTH=KEY, IMAGE_TAG="a b")
    assert ended.returncode == 2
    assert "IMAGE_TAG" in ended.stderr


def test_each_action_may_get_a_container(whisk: OpenWhisk, tmp_path: Path) -> None:
    manifest = tmp_path / "mine.yaml"
    entries = "".join(
        f"      {name}:\n        docker: {image}\n        limits: {{timeout: 60000, memorySize: 256}}\n"
        "        annotations: {final: true}\n"
        for name, image in {"bell_state": "qwhisk/bell_state", "absent": "me/absent:1"}.items()
    )
    manifest.write_text(f"packages:\n  quantum:\n    version: 1.0\n    inputs: {{}}\n    actions:\n{entries}")
    env = {"WHISK_APIHOST": whisk.url.removesuffix("/api/v1"), "WHISK_AUTH": KEY}
    ended = command("--manifest", str(manifest), "--warm", **env)
    assert (ended.returncode, ended.stderr) == (
        1,
        "absent: Failed to pull container image 'me/absent:1'.\n",
    )
    assert whisk.numbers()["idle"] == 1
    manifest.write_text(manifest.read_text().replace("me/absent:1", "qwhisk/bell_state"))
    ended = command("--manifest", str(manifest), "--warm", **env)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("every action has a container\n")
    assert whisk.numbers()["idle"] == 2
