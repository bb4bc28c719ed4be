"""Completion of the command in shells."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from qwhisk_client.cli.arguments import COMMANDS, options_of
from qwhisk_client.cli.completion import SCRIPTS, candidates
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
        (["run", "grover", "q"], ["qubits="]),
        (["run", "grover", "--i"], ["--idempotency-key", "--input", "--iterations"]),
        (["run", "grover", "--backend_type", ""], ["hardware", "noisy_simulator", "simulator"]),
        (["run", "bb84", "--eavesdropper", "t"], ["true"]),
        (["functions", "s"], ["shor", "simon", "smile_super_position", "superdense_coding"]),
        (["result", ""], ["job-1", "job-2"]),
        (["cancel", "job-2"], ["job-2"]),
        (["watch", "job-1", ""], []),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["jobs", "--l"], ["--limit"]),
        (["nothing", ""], []),
        ([], sorted(COMMANDS)),
    ],
)
def test_what_the_last_word_may_become(words: list[str], found: list[str]) -> None:
    assert candidates(words, OPTIONS, Shipped()) == found


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_shell_accepts_its_script_and_completes_with_it(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on PATH")
    # Stands for the command, and shows the words that the shell gives it.
    fake = tmp_path / "qwhisk"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$SEEN"\nprintf "grover\\nghz state\\n"\n')
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
        [program, "-c", lines[shell]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SEEN": str(tmp_path / "seen"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stderr == ""
    assert ended.stdout.startswith("grover|" if shell == "fish" else "grover|ghz state|")
    last = "g" if shell == "fish" else "g x"
    assert (tmp_path / "seen").read_text().split("\n") == ["complete", "--", "run", last, ""]
