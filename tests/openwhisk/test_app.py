"""The outside of the API: its description of itself, who has access, and the form of its errors."""

from __future__ import annotations

import subprocess
import sys

import pytest
import requests

from local.openwhisk.settings import parse
from testkit.openwhisk import ROOT, OpenWhisk


def test_info_and_ping_need_no_key(whisk: OpenWhisk) -> None:
    root = whisk.url.removesuffix("/api/v1")
    info = requests.get(root, timeout=10).json()
    assert info["api_paths"] == ["/api/v1"]
    assert info["limits"]["max_action_duration"] == 300_000
    kinds = [item["kind"] for item in info["runtimes"]["python"] if item["default"]]
    assert kinds == [f"python:{sys.version_info.major}.{sys.version_info.minor}"]
    version = requests.get(whisk.url, timeout=10).json()
    assert {"build", "buildno", "api_version"} <= version.keys()
    for url in (f"{root}/ping", f"{whisk.url}/ping"):
        assert requests.get(url, timeout=10).text == "pong"


def test_the_namespaces_are_the_one_of_the_key(whisk: OpenWhisk) -> None:
    assert whisk.session.get(f"{whisk.url}/namespaces", timeout=10).json() == ["guest"]


@pytest.mark.parametrize(
    "header", [None, "", "Basic", "Basic !", "Bearer c29tZWJvZHk6c29tZXRoaW5n", "Basic c29tZWJvZHk6d3Jvbmc="]
)
def test_a_wrong_key_is_401(whisk: OpenWhisk, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    session = requests.Session()
    session.trust_env = False
    with session:
        answer = session.get(f"{whisk.url}/namespaces/_/actions", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "code"}
    # Otherwise a browser would keep the key of a link, and send it with the requests of every page.
    assert "WWW-Authenticate" not in answer.headers


def test_another_namespace_is_403_and_the_name_of_the_own_one_is_not(whisk: OpenWhisk) -> None:
    assert whisk.session.get(f"{whisk.url}/namespaces/guest/actions", timeout=10).status_code == 200
    answer = whisk.session.get(f"{whisk.url}/namespaces/other/actions", timeout=10)
    assert answer.status_code == 403
    assert "other/actions" in answer.json()["error"]


def test_errors_have_the_transaction_id(whisk: OpenWhisk) -> None:
    answer = whisk.ask("GET", "/actions/absent", headers={"X-Request-ID": "my-request"})
    assert answer.status_code == 404
    assert answer.json() == {"error": "The requested resource does not exist.", "code": "my-request"}
    assert answer.headers["X-Request-ID"] == "my-request"
    # An invalid id is replaced.
    answer = whisk.ask("GET", "/actions", headers={"X-Request-ID": "a b"})
    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nonsense", 404),
        ("GET", "/activations/0123456789abcdef0123456789abcdef", 404),
        ("GET", "/activations/short", 400),
        ("PATCH", "/actions/some", 405),
        ("GET", "/actions/!", 400),
        ("GET", "/packages/absent", 404),
        ("DELETE", "/packages/absent", 404),
        ("DELETE", "/actions/absent/some", 404),
        ("POST", "/actions/absent/some", 404),
        ("GET", "/actions?limit=201", 400),
        ("GET", "/actions?limit=x", 400),
        ("GET", "/actions?skip=-1", 400),
        ("GET", "/activations?since=yesterday", 400),
        ("GET", "/activations?docs=perhaps", 400),
    ],
)
def test_wrong_requests(whisk: OpenWhisk, method: str, path: str, status: int) -> None:
    answer = whisk.ask(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "code"}


def test_help_explains_every_variable() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "local.openwhisk", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.returncode == 0
    for variable in ("OPENWHISK_HOST", "OPENWHISK_PORT", "WHISK_AUTH", "OPENWHISK_PREWARM"):
        assert variable in ended.stdout


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--port", "x"),
        ("--port", "70000"),
        ("--auth", "key"),
        ("--max-processes", "0"),
        ("--idle-seconds", "-1"),
        ("--start-timeout", "0"),
        ("--stop-grace", "60"),
        ("--image-command", "image"),
    ],
)
def test_wrong_options_are_refused_by_name(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([option, value], {})
    assert ended.value.code == 2
    assert option in capsys.readouterr().err


def test_the_environment_sets_what_no_option_sets() -> None:
    environment = {"OPENWHISK_PORT": "1234", "OPENWHISK_PREWARM": "1", "WHISK_AUTH": "a:b"}
    settings = parse(["--port", "4321"], environment)
    assert (settings.port, settings.prewarm, settings.auth) == (4321, 1, "a:b")
    assert settings.max_per_action == settings.max_processes


def test_no_request_of_these_tests_left_a_traceback(whisk: OpenWhisk) -> None:
    assert "Traceback" not in whisk.log()
