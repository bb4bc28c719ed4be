"""What CI installs is what the tests need, and what it could not install is said."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest

from testkit.programs import ABSENT, path_of
from testkit.stack import ROOT

CI = (ROOT / ".ci" / "run").read_text()
#: What the build of the page brings, or each Debian has.
BROUGHT = {("node", "nodejs"), ("npm", "npm"), ("sh", "dash")}


def named() -> set[tuple[str, str]]:
    """The commands, each with its package, of all calls of `path_of` with texts."""
    found = set()
    for folder in ("tests", "testkit"):
        for path in (ROOT / folder).rglob("*.py"):
            if path == Path(__file__) or "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == path_of.__name__:
                    values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                    if len(values) == 2:
                        found.add((str(values[0]), str(values[1])))
    return found


def test_ci_installs_each_program_that_a_test_needs() -> None:
    installed = {
        (words[1], words[2])
        for words in (line.split() for line in CI.splitlines())
        if words[:1] in (["need"], ["want"])
    }
    assert {("javac", "default-jdk-headless"), ("mvn", "maven"), ("curl", "curl")} <= named()
    assert named() - BROUGHT <= installed
    # The shells whose completion is tested.
    assert {("zsh", "zsh"), ("fish", "fish")} <= installed


def run_ci(folder: Path, apt: str) -> subprocess.CompletedProcess[str]:
    """Run the part of .ci/run that installs, on a machine that has only `zsh`; `apt` is its apt-get."""
    functions = CI.partition("export CI=")[2].partition("\nneed ")[0]
    for name, text in {"id": "echo 0", "apt-get": apt, "zsh": ""}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    wanted = 'want zsh zsh\nwant fish fish\nwant mvn maven\necho "<${ABSENT_PROGRAMS:-}>"'
    return subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", f"export CI={functions}\n{wanted}"],
        env={"PATH": str(folder), "FOLDER": str(folder), "CHMOD": "/bin/chmod"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_ci_says_which_programs_it_could_not_install(tmp_path: Path) -> None:
    ended = run_ci(tmp_path, 'echo "$@" >> "$FOLDER/log"; exit 100')
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "== no fish (Debian: apt install fish): the tests that need it are skipped" in ended.stdout
    assert "no zsh" not in ended.stdout
    assert ended.stdout.endswith("< fish mvn>\n")
    assert "install -y -qq --no-install-recommends maven" in (tmp_path / "log").read_text()


def test_ci_installs_what_is_missing(tmp_path: Path) -> None:
    name = '[ "$1" = update ] && exit; for name in "$@"; do :; done; [ "$name" = maven ] && name=mvn'
    ended = run_ci(tmp_path, f'{name}\necho > "$FOLDER/$name"; "$CHMOD" 755 "$FOLDER/$name"')
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "are skipped" not in ended.stdout
    assert ended.stdout.endswith("<>\n")


@pytest.mark.parametrize(
    ("ci", "absent", "outcome"),
    [
        ("", "", pytest.skip.Exception),
        ("true", "", pytest.fail.Exception),
        ("true", "mvn nothing-like-it", pytest.skip.Exception),
    ],
)
def test_a_test_without_its_program_is_skipped_or_fails(
    monkeypatch: pytest.MonkeyPatch, ci: str, absent: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv(ABSENT, absent)
    with pytest.raises(outcome, match="apt install likely"):
        path_of("nothing-like-it", "likely")
    assert os.access(path_of("sh", "dash"), os.X_OK)
