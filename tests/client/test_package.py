"""What the client's package needs: few packages, and nothing of the repository."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import qwhisk_client
from testkit.stack import ROOT
from tests.conftest import IN_CI

PACKAGE = ROOT / "clients" / "python"
PROJECT = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]


def required(names: set[str]) -> set[str]:
    """Return the packages, and those that they require, as they are installed here."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            requirements = [Requirement(line) for line in metadata.requires(name) or []]
            todo += [
                re.sub("[-_.]+", "-", requirement.name).lower()
                for requirement in requirements
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            ]
    return found


def test_the_client_brings_less_than_ten_packages() -> None:
    direct = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert direct == {"httpx", "websockets"}
    packages = required(direct) | {PROJECT["name"]}
    assert {"httpcore", "anyio"} <= packages
    assert len(packages) < 10, packages


def test_pip_installs_less_than_ten_packages(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "--report", str(report), str(PACKAGE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    if done.returncode and not IN_CI and "No matching distribution" in done.stderr:
        pytest.skip("pip reaches no package index: connect to try the installation of the client")
    assert done.returncode == 0, done.stderr
    names = {item["metadata"]["name"].lower() for item in json.loads(report.read_text())["install"]}
    assert {"qwhisk-client", "httpx", "websockets"} <= names
    assert len(names) < 10, names
    assert not any("qiskit" in name for name in names)


def test_the_client_imports_only_what_it_requires() -> None:
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names == {"httpx", "websockets", "qwhisk_client"}


def test_the_locked_versions_are_permitted() -> None:
    for line in PROJECT["dependencies"]:
        requirement = Requirement(line)
        assert metadata.version(requirement.name) in requirement.specifier


def test_everything_public_is_exported_and_typed() -> None:
    assert sorted(qwhisk_client.__all__) == qwhisk_client.__all__
    assert all(hasattr(qwhisk_client, name) for name in qwhisk_client.__all__)
    assert (PACKAGE / "src/qwhisk_client/py.typed").exists()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(qwhisk_client.Client) - {"close"} == public(qwhisk_client.AsyncClient) - {"aclose"}
    assert public(qwhisk_client.Job) == public(qwhisk_client.AsyncJob)
