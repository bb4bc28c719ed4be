"""Manifests as wskdeploy reads them, deployed by wskdeploy and by Adobe's library, on any OpenWhisk."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients.conftest import HERE, Target

#: Seconds that a tool may take.
TIMEOUT = 150

CODE = {
    "shout.py": "def main(p):\n"
    "    text = ' '.join([p['text'].upper()] * p['times'])\n"
    "    return {'text': text, 'town': p['town'], 'seen': p['outside']}\n"
    "def whisper(p):\n"
    "    return {'text': p.get('text', '').lower()}\n",
    "page.py": "def main(p):\n    return {'body': {'got': p}}\n",
    "loop.py": "def main(p):\n"
    "    n = p.get('n', 0)\n"
    "    if n == 2:\n"
    "        return {'params': {'text': p['text']}}\n"
    "    return {'action': '/_/PACKAGE/shout', 'params': {'times': 1}, 'state': {'n': n + 1}}\n",
}

Deploy = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["aio-lib-runtime", "wskdeploy"])
def deploy(request: pytest.FixtureRequest, target: Target, tmp_path: Path) -> Deploy:
    """Return what deploys, or undeploys, the manifest of the temporary folder."""
    env = target.environment | {"FROM_OUTSIDE": "seen"}
    if request.param == "wskdeploy":
        tool = request.getfixturevalue("wskdeploy")
        properties = tmp_path / "wskprops"
        properties.write_text(f"APIHOST={target.host}\nAUTH={target.auth}\nNAMESPACE=_\n")
        command = [tool, "-m", str(tmp_path / "manifest.yaml"), "--config", str(properties)]
    else:
        command = [request.getfixturevalue("node"), str(HERE / "deploy-manifest.mjs"), str(tmp_path)]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        is_go = request.param == "wskdeploy"
        line = [command[0], *words, *command[1:]] if is_go else [*command, *words]
        manifest = tmp_path / "manifest.yaml"
        if not is_go:
            # This library knows no kinds but those of Node.js.
            manifest.write_text(
                manifest.read_text().replace("runtime: python:default", "docker: qwhisk/base")
            )
        return subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=TIMEOUT)

    return run


@pytest.fixture
def package() -> str:
    """Return a name that no other test uses."""
    return f"test-{secrets.token_hex(5)}"


def ask(target: Target, method: str, path: str, body: Any = None) -> requests.Response:
    """Send a request below the namespace."""
    user, _, password = target.auth.partition(":")
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (user, password)
        return session.request(method, f"{target.host}/api/v1/namespaces/_{path}", json=body, timeout=60)


def fetch(target: Target, path: str, **headers: str) -> requests.Response:
    """Request a web action without a key."""
    namespace = requests_namespace(target)
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{target.host}/api/v1/web/{namespace}{path}", headers=headers, timeout=60)


def requests_namespace(target: Target) -> str:
    """Return the namespace of the key."""
    user, _, password = target.auth.partition(":")
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (user, password)
        return str(session.get(f"{target.host}/api/v1/namespaces", timeout=60).json()[0])


def notes(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return annotations or parameters as a dictionary."""
    return {item["key"]: item["value"] for item in items}


def test_everything_that_a_manifest_may_have(
    deploy: Deploy, target: Target, tmp_path: Path, package: str, request: pytest.FixtureRequest
) -> None:
    text = (HERE / "manifests" / "everything.yaml").read_text()
    text = text.replace("PACKAGE", package).replace("TRIGGER", f"{package}-t").replace("RULE", f"{package}-r")
    (tmp_path / "manifest.yaml").write_text(text)
    for name, code in CODE.items():
        (tmp_path / name).write_text(code.replace("PACKAGE", package))
    for _ in range(2):  # a second time updates
        ended = deploy()
        assert ended.returncode == 0, ended.stdout + ended.stderr

    shown = ask(target, "GET", f"/packages/{package}").json()
    assert notes(shown["parameters"]) == {"town": "Delft", "outside": "seen"}
    is_library = "aio" in request.node.name
    # The library leaves out a package's version.
    assert is_library or shown["version"] == "1.0.0"
    actions = {item["name"] for item in shown["actions"]}
    assert actions == {"shout", "in-image", "other-main", "page", "raw-page", "closed-page", "loop", "twice"}

    shout = ask(target, "GET", f"/actions/{package}/shout").json()
    assert is_library or shout["exec"]["kind"].startswith("python:3.")
    limits = {"timeout": 5000, "memory": 128, "logs": 1}
    assert {key: shout["limits"][key] for key in limits} == limits
    assert (notes(shout["annotations"])["author"], notes(shout["annotations"])["tags"]) == (
        "somebody",
        ["loud", "short"],
    )
    image = ask(target, "GET", f"/actions/{package}/in-image").json()["exec"]
    assert (image["kind"], image["image"]) == ("blackbox", "qwhisk/base")

    def result(name: str, body: dict[str, Any]) -> Any:
        return ask(target, "POST", f"/actions/{package}/{name}?blocking=true&result=true", body).json()

    assert result("shout", {}) == {"text": "HELLO HELLO", "town": "Delft", "seen": "seen"}
    assert result("shout", {"times": 1})["text"] == "HELLO"
    assert result("other-main", {"text": "ABC"}) == {"text": "abc"}
    assert result("twice", {"text": "a"}) == {"text": "a a"}
    assert result("loop", {}) == {"text": "HELLO"}

    page = fetch(target, f"/{package}/page?q=1")
    assert (page.status_code, page.json()["got"]["q"], page.json()["got"]["title"]) == (200, "1", "fixed")
    assert fetch(target, f"/{package}/page?title=other").status_code == 400
    assert fetch(target, f"/{package}/raw-page?q=1&q=2").json()["got"]["__ow_query"] == "q=1&q=2"
    assert fetch(target, f"/{package}/closed-page").status_code == 401
    secret = {"X-Require-Whisk-Auth": "open sesame"}
    assert fetch(target, f"/{package}/closed-page", **secret).status_code == 200

    fired = ask(target, "POST", f"/triggers/{package}-t", {}).json()["activationId"]
    deadline = time.monotonic() + 30
    while (record := ask(target, "GET", f"/activations/{fired}")).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert json.loads(record.json()["logs"][0])["success"]

    ended = deploy("undeploy")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for path in (f"/packages/{package}", f"/triggers/{package}-t", f"/rules/{package}-r"):
        assert ask(target, "GET", path).status_code == 404


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("actions:\n      a:\n        function: shout.py\n        runtime: cobol:85\n", "cobol:85"),
        (
            "actions:\n      a:\n        function: shout.py\n        runtime: python:default\n"
            "        limits:\n          memorySize: 100000\n",
            "memory",
        ),
        ("actions:\n      a:\n        function: shout.py\n        docker: not an image\n", "image"),
        ("sequences:\n      s:\n        actions: absent\n", "does not exist"),
    ],
    ids=["kind", "memory", "image", "sequence"],
)
def test_what_a_manifest_may_not_have_is_named(
    deploy: Deploy,
    target: Target,
    tmp_path: Path,
    package: str,
    content: str,
    named: str,
    request: pytest.FixtureRequest,
) -> None:
    if "aio" in request.node.name and named == "cobol:85":
        pytest.skip("Adobe's library refuses all kinds but those of Node.js itself")
    (tmp_path / "shout.py").write_text(CODE["shout.py"])
    (tmp_path / "manifest.yaml").write_text(f"packages:\n  {package}:\n    {content}")
    ended = deploy()
    assert ended.returncode != 0
    assert named in ended.stdout + ended.stderr
    ask(target, "DELETE", f"/packages/{package}?force=true")
