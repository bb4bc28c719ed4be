"""What the client's package needs: few packages, and nothing of the repository."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata

from packaging.requirements import Requirement

import qwhisk_client
from testkit.stack import ROOT

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
