"""The base image: code sent in /init runs, as source and as zip; it contains nothing unnecessary."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from testkit.action_server import zipped
from tests.images.engine import SENTINEL, Container, docker, inspect, running

BASE = "qwhisk/base"
SOURCE = """
import os

def main(params):
    print("hello from the action")
    greeting = "Hello " + params["name"]
    return {"greeting": greeting, "namespace": os.environ["__OW_NAMESPACE"], "uid": os.getuid()}
"""


@pytest.fixture
def container() -> Iterator[Container]:
    with running(BASE, memory=256) as started:
        yield started


def check_greeting(container: Container) -> None:
    answer = container.post("/run", {"value": {"name": "Ada"}, "namespace": "guest"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"greeting": "Hello Ada", "namespace": "guest", "uid": 10001}
    out, err = container.logs()
    assert "hello from the action" in out
    assert (out.count(SENTINEL), err.count(SENTINEL)) == (1, 1)


def test_source_sent_in_init_is_run(container: Container) -> None:
    answer = container.init(code=SOURCE)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    check_greeting(container)
    assert container.init(code=SOURCE).status_code == 403


def test_a_zip_sent_in_init_is_run_with_its_modules(container: Container) -> None:
    code = zipped(__main__="from greeting import main", greeting=SOURCE)
    answer = container.init(code=code, binary=True)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    check_greeting(container)


def test_it_has_no_algorithm_and_reports_that(container: Container) -> None:
    answer = container.init()
    assert answer.status_code == 403
    assert answer.json() == {"error": "Missing main/no code to execute."}


def test_bad_code_is_refused_and_its_log_has_the_reason(container: Container) -> None:
    assert container.init(code="def main(:").status_code == 502
    assert any("SyntaxError" in line for line in container.logs()[1])


def test_it_runs_as_an_unprivileged_user_and_owns_nothing(container: Container) -> None:
    assert container.sh("id -u") == "10001"
    assert (
        container.sh("touch /action/x /opt/action/x 2>/dev/null && echo written || echo refused") == "refused"
    )
    assert container.sh("find / -xdev -path /proc -prune -o -user 10001 -print 2>/dev/null; true") == ""


def test_it_contains_no_compiler_and_no_installer(container: Container) -> None:
    tools = "gcc cc g++ c++ clang make ld as pip pip3 easy_install uv conda curl wget git"
    paths = container.sh(f"for tool in {tools}; do command -v $tool; done; true")
    assert paths == ""
    for python in ("python", "/usr/bin/python3", "/usr/local/bin/python3"):
        for module in ("pip", "ensurepip", "setuptools"):
            script = f"{python} -c 'import {module}' 2>/dev/null && echo there; true"
            assert container.sh(script) == "", f"{python} has {module}"


def test_the_imports_are_compiled(container: Container) -> None:
    """Without .pyc files a cold start takes three times as long."""
    modules = ("qiskit.circuit", "qiskit_ibm_runtime", "actions.framework.algorithm", "core.protocol")
    script = f"import os, {', '.join(modules)}\n" + "\n".join(
        f'print("{module}", os.path.exists({module}.__cached__))' for module in modules
    )
    assert container.sh(f"python -c '{script}'").splitlines() == [f"{module} True" for module in modules]


def test_sigterm_ends_it_in_time(container: Container) -> None:
    container.init(code=SOURCE)
    docker("stop", "--time", "9", container.name)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container.name).strip() == "0"


def test_no_secret_is_in_its_environment_or_history() -> None:
    settings = "\n".join(inspect(BASE)["Config"]["Env"])
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", BASE)
    for text in (settings, history):
        # Python's own images contain the id of the key that signs Python.
        named = re.findall(r"\b\w*(?:TOKEN|PASSWORD|SECRET|APIKEY|API_KEY|CREDENTIAL)\w*=", text, re.I)
        assert named == []
        assert re.findall(r"//[^/\s]*:[^/\s]*@", text) == [], "an address with a password"
