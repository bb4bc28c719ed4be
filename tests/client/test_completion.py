"""Completion of the command in shells."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qwhisk_client.cli import store
from qwhisk_client.cli.access import store as credentials
from qwhisk_client.cli.arguments import COMMANDS, options_of
from qwhisk_client.cli.completion import SCRIPTS, candidates
from qwhisk_client.cli.exits import Exit
from qwhisk_client.cli.main import main
from testkit.programs import path_of
from testkit.stack import ROOT

OPTIONS = {command: options_of(command) for command in COMMANDS}


class Shipped:
    """Looks up the functions of this repository, and two jobs."""

    def functions(self) -> Iterable[str]:
        return [path.parent.name for path in ROOT.glob("actions/*/document.json")]

    def input_schema(self, function: str) -> Mapping[str, Any]:
        document = json.loads((ROOT / "actions" / function / "document.json").read_text())
        return dict(document["functionInputSchema"])

    def jobs(self) -> Iterable[str]:
        return ["job-1", "job-2"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], sorted(COMMANDS)),
        (["re"], ["result"]),
        (["run", "gr"], ["grover"]),
        (["run", "--timeout", "5", "gr"], ["grover"]),
        (["run", "--timeout", "g"], []),
        (["run", "--det"], ["--detach"]),
        (["run", "grover", "--q"], ["--qubits"]),
        # bash would split name=value, and add a space after it.
        (["run", "grover", "q"], []),
        (["run", "grover", "--detach", "--idem"], ["--idempotency-key"]),
        (["run", "grover", "--i"], ["--idempotency-key", "--input", "--iterations"]),
        (["run", "grover", "--backend_type", ""], ["hardware", "noisy_simulator", "simulator"]),
        (["run", "bb84", "--eavesdropper", "t"], ["true"]),
        (["functions", "s"], ["shor", "simon", "smile_super_position", "superdense_coding"]),
        (["result", ""], ["job-1", "job-2"]),
        (["cancel", "job-2"], ["job-2"]),
        (["erase", "job-1"], ["job-1"]),
        (["watch", "job-1", ""], []),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["jobs", "--l"], ["--limit"]),
        (["nothing", ""], []),
        ([], sorted(COMMANDS)),
    ],
)
def test_what_the_last_word_may_become(words: list[str], found: list[str]) -> None:
    assert candidates(words, OPTIONS, Shipped()) == found


class Hostile(Shipped):
    """Its names and choices are commands of a shell or of a terminal, or split into words."""

    def functions(self) -> Iterable[str]:
        return ["$(reboot)", "a b", "`x`", "\x1b[2J", "*", "fine-1.2", ""]

    def input_schema(self, function: str) -> Mapping[str, Any]:
        return {"properties": {"n;m": {}, "kind": {"enum": ["$HOME", 3]}}}


def test_words_that_a_shell_would_have_to_quote_are_not_offered() -> None:
    assert candidates(["run", ""], OPTIONS, Hostile()) == ["fine-1.2"]
    assert candidates(["run", "f", "--n"], OPTIONS, Hostile()) == []
    assert candidates(["run", "f", "--kind", ""], OPTIONS, Hostile()) == ["3"]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_shell_accepts_its_script_and_completes_with_it(shell: str, tmp_path: Path) -> None:
    path = path_of(shell, shell)
    # Stands for the command, and shows the words that the shell gives it.
    fake = tmp_path / "qwhisk"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$SEEN"\nprintf "grover\\nghz state\\n*\\n"\n')
    fake.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(SCRIPTS[shell])
    lines = {
        "bash": f"source {script}; COMP_WORDS=(qwhisk run 'g x'); COMP_CWORD=2; _qwhisk; "
        'printf "%s|" "${COMPREPLY[@]}"',
        "zsh": f"autoload -Uz compinit; compinit -D; compadd() {{ shift; printf '%s|' \"$@\" }}; "
        f"source {script}; words=(qwhisk run 'g x'); CURRENT=3; _qwhisk",
        "fish": f"source {script}; complete -C 'qwhisk run g' | string join '|'",
    }
    ended = subprocess.run(
        [path, "-c", lines[shell]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SEEN": str(tmp_path / "seen"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stderr == ""
    # fish itself offers only what begins with the word, sorted.
    assert ended.stdout.startswith("ghz state|grover\n" if shell == "fish" else "grover|ghz state|*|")
    last = "g" if shell == "fish" else "g x"
    assert (tmp_path / "seen").read_text().split("\n") == ["complete", "--", "run", last, ""]


def test_completion_does_not_wait_for_a_command_that_opens_a_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QWHISK_CONFIG", str(tmp_path))
    for name in ("QWHISK_TOKEN", "QWHISK_KEY"):
        monkeypatch.delenv(name, raising=False)
    pauses: list[float] = []
    with credentials().locked():
        monkeypatch.setattr(
            store, "time", SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)
        )
        assert main(["complete", "--", "run", ""]) == Exit.UNAVAILABLE
    assert 0 < sum(pauses) < 2
