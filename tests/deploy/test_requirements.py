"""Each package has one version, in constraints.txt; the requirements of the parts only name packages."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from testkit.stack import ROOT

FILES = [ROOT / "requirements.txt", *sorted(ROOT.glob("*/requirements.txt"))]
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][\w.]*)")
_NAME = re.compile(r"([A-Za-z0-9._-]+)(\[[a-z0-9,]+\])?")


def lines(path: Path) -> list[str]:
    """The file without comments."""
    return [
        line for line in (part.partition("#")[0].strip() for part in path.read_text().splitlines()) if line
    ]


def canonical(name: str) -> str:
    """Return the package's name in the form in which indexes compare it."""
    return re.sub("[-_.]+", "-", name).lower()


def constrained() -> list[str]:
    """Return the packages that have a version in constraints.txt."""
    return [match[1] for line in lines(ROOT / "constraints.txt") if (match := _PIN.fullmatch(line))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_requirements_name_packages_and_no_version(path: Path) -> None:
    options = [line for line in lines(path) if line.startswith("-")]
    packages = [line for line in lines(path) if not line.startswith("-")]
    for package in packages:
        match = _NAME.fullmatch(package)
        assert match, f"{package}: write its version into constraints.txt"
        assert canonical(match[1]) in {canonical(name) for name in constrained()}, f"{package} has no version"
    prefix = "" if path.parent == ROOT else "../"
    assert f"-c {prefix}constraints.txt" in options, "the versions are not read"
    for option in options:
        assert (path.parent / option.split()[1]).is_file(), option


def test_each_package_has_one_version_and_is_required_somewhere() -> None:
    assert len(constrained()) == len(lines(ROOT / "constraints.txt"))
    assert [name for name, count in Counter(map(canonical, constrained())).items() if count > 1] == []
    required = {canonical(line.partition("[")[0]) for path in FILES for line in lines(path)}
    assert {canonical(name) for name in constrained()} - required == set()


def test_every_image_that_installs_packages_has_the_constraints() -> None:
    dockerfiles = [path for path in ROOT.glob("*/**/Dockerfile") if "node_modules" not in path.parts]
    installing = [path for path in dockerfiles if "requirements.txt" in path.read_text()]
    assert len(installing) == 4
    for path in installing:
        text = path.read_text()
        copied = re.findall(r"^COPY (\S*(?:requirements|constraints)\.txt) /build/(\S+)$", text, re.M)
        assert all(source == target for source, target in copied), path
        assert ("constraints.txt", "constraints.txt") in copied, path


def test_pre_commit_runs_what_make_check_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entries = " ".join(hook["entry"] for hook in hooks)
    target = (ROOT / "Makefile").read_text().partition("\ncheck: ")[2].partition("\n\n")[0]
    commands = re.findall(r"@\$\(BIN\)/(.+)", target)
    assert len(commands) == 5
    for command in commands:
        assert f".venv/bin/{command.removesuffix(' .')}" in entries, command


def test_a_changed_version_renews_the_environment() -> None:
    assert (
        "REQUIREMENTS := requirements.txt constraints.txt $(wildcard */requirements.txt)"
        in (ROOT / "Makefile").read_text()
    )
