"""Each package has one version, in constraints.txt; the requirements of the parts only name packages."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
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


#: The file from which each image installs, and where its requirements are.
LOCKED = {"actions/runtime": "actions", "gateway": "gateway", "poller": "poller", "simulator": "simulator"}


def locked(part: str) -> dict[str, tuple[str, list[str]]]:
    """Return the version and the hashes of each package in a requirements.lock."""
    entries = lines(ROOT / part / "requirements.lock")
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in "\n".join(entries).replace("\\\n", " ").splitlines():
        match = re.fullmatch(r"([\w.-]+)==(\S+)(?: ; .*?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", entry)
        assert match, f"{part}: {entry[:100]}"
        found[canonical(match[1])] = match[2], match[3].split()
    return found


def installing(text: str) -> list[str]:
    """Return the commands of a Dockerfile or a script that install packages."""
    return re.findall(r"\bpip install\b(?:\\\n|[^\n&|])*", text)


def test_every_image_is_installed_from_hashes() -> None:
    dockerfiles = [path for path in ROOT.glob("*/**/Dockerfile") if "node_modules" not in path.parts]
    commands = {
        str(path.parent.relative_to(ROOT)): found
        for path in dockerfiles
        if (found := installing(path.read_text()))
    }
    assert commands.keys() == LOCKED.keys()
    for folder, [command] in commands.items():
        assert "--require-hashes" in command
        assert command.endswith("-r /build/requirements.lock \\\n    ")
        assert (
            f"COPY {LOCKED[folder]}/requirements.lock /build/" in (ROOT / folder / "Dockerfile").read_text()
        )
    # The build of the page, in the gateway's image.
    [command] = installing((ROOT / "web" / "build.sh").read_text())
    assert "--require-hashes -r requirements.lock" in command


@pytest.mark.parametrize("part", [*LOCKED.values(), "web"])
def test_the_locked_versions_are_those_of_the_constraints(part: str) -> None:
    versions = dict(line.split("==") for line in lines(ROOT / "constraints.txt"))
    given = {canonical(name): version for name, version in versions.items()}
    packages = locked(part)
    files = [ROOT / part / "requirements.txt"]
    if any("core/requirements.txt" in line for line in files[0].read_text().splitlines()):
        files.append(ROOT / "core" / "requirements.txt")
    names = [line for path in files for line in lines(path) if not line.startswith("-")]
    required = {canonical(line.partition("[")[0]) for line in names}
    assert required <= packages.keys(), "run `make locks`"
    for name, (version, _) in packages.items():
        assert version == given.get(name, version), f"{name}: run `make locks`"


def test_a_changed_hash_fails_the_installation(tmp_path: Path) -> None:
    # With the options of the images' own command, and a package made here: nothing is downloaded.
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    [command] = installing((ROOT / "poller" / "Dockerfile").read_text())
    options = [word for word in command.split() if word.startswith("--")]
    lock = tmp_path / "requirements.lock"
    target = [
        "--no-index",
        "--find-links",
        str(tmp_path),
        "--target",
        str(tmp_path / "site"),
        "-r",
        str(lock),
    ]

    def install(digest: str) -> subprocess.CompletedProcess[str]:
        lock.write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
        pip = [sys.executable, "-m", "pip", "install", *options, *target]
        return subprocess.run(pip, capture_output=True, text=True, timeout=120)

    wrong = install("0" * 64)
    assert wrong.returncode != 0
    assert "DO NOT MATCH THE HASHES" in wrong.stderr
    assert install(right).returncode == 0


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
