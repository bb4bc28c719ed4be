"""`make new-action`: the files it creates, the names it rejects, and the documented steps done literally."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.printed import printed_in
from tools.scaffold import KINDS, MAX_CLASS, MAX_NAME, scaffold

ROOT = Path(__file__).resolve().parents[2]
#: The algorithms in the copy of the repository. Those that a reader has added may be unfinished.
COPIED = ("smile_super_position", "vqe")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The part of the repository that actions and their tests need, without the reader's own algorithms."""
    folders = {path.parent for path in (ROOT / "actions").glob("*/algorithm.py")}
    left_out = {path.name for path in folders} - {"framework", *COPIED}

    def ignored(folder: str, names: list[str]) -> set[str]:
        place = Path(folder).relative_to(ROOT).as_posix()
        if place == "actions":
            return left_out & set(names)
        if place == "tests/actions":
            return {f"test_{name}.py" for name in left_out} & set(names)
        if place == "tests/actions/cases":
            return {f"{name}.py" for name in left_out} & set(names)
        return {"__pycache__"} & set(names)

    for name in ("actions", "core", "local", "simulator", "testkit", "tests", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(folder: Path, *command: str) -> tuple[int, str]:
    """Run a module with this Python in that folder; return its exit code and its output."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout


def passes(folder: Path, *command: str) -> str:
    """Return the output of a module that must succeed."""
    status, output = run(folder, *command)
    assert status == 0, output
    return output


def fails(folder: Path, *command: str) -> str:
    """Return the output of a module that must fail."""
    status, output = run(folder, *command)
    assert status == 1, output
    return output


#: A text of the README's algorithm.
SEEING = "Seeing that a qubit in superposition is a fair coin."
#: The lines of the files that are replaced together.
FIELDS = r"summary: Summary.*\n *value:"
DESCRIPTIONS = r'description = "To be written.*\n *use_case = .*\n *classical_alternative ='


def replace(path: Path, pattern: str, block: str) -> None:
    """Replace the one place that matches, up to the end of its line, with the documented lines."""
    text = path.read_text()
    [(line, indent)] = re.findall(rf"^(( *){pattern}.*\n)", text, re.M)
    path.write_text(text.replace(line, textwrap.indent(block, indent)))


def blocks(document: str, heading: str) -> tuple[str, list[str]]:
    """A section of a document, and its Python blocks."""
    section = (ROOT / document).read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    return section, printed_in(document, heading)


def complete(copy: Path, name: str, written: list[str]) -> None:
    """Run what a newcomer runs at the end, for the new algorithm: generated files, checks and tests."""
    assert "is still to be written" not in passes(copy, "tools.check_algorithms")
    passes(copy, "tools.documents")
    assert f"{name}:" in (copy / "manifest.yaml").read_text()
    assert (copy / f"actions/{name}/document.json").is_file()
    passes(copy, "ruff", "check", *written)
    passes(copy, "ruff", "format", "--check", *written)
    passes(copy, "mypy", *written)
    passes(
        copy,
        *("pytest", "-q", "-p", "no:cacheprovider", f"tests/actions/test_{name}.py"),
        *("tests/actions/test_contract.py", "tests/actions/test_manifest.py", "-k", name),
    )


@pytest.mark.timeout(600)
def test_the_readmes_five_steps_lead_from_nothing_to_an_algorithm(copy: Path) -> None:
    section, code = blocks("README.md", "## Add an algorithm")
    source, circuit, fields, description, answer, expected, check = code
    test = "tests/actions/test_coin_toss.py"
    assert "make new-action NAME=coin_toss`" in section

    output = passes(copy, "tools.scaffold", "coin_toss")
    written = [line for line in output.splitlines() if line.endswith(".py") and " " not in line]
    assert len(written) == 6
    assert all(f"`{file}`" in section or "__init__" in file for file in written), "the README names each"

    output = fails(copy, "pytest", "-q", "-p", "no:cacheprovider", test)
    assert "2 failed" in output
    assert "build_circuit: write actions/coin_toss/circuit.py" in output
    output = fails(copy, "tools.documents")
    assert output.count("\nactions/coin_toss/circuit.py:") == 2
    assert not (copy / "actions/coin_toss/document.json").exists()

    replace(copy / "actions/coin_toss/circuit.py", r'"""The circuit\. Source: to be written', source)
    replace(copy / "actions/coin_toss/circuit.py", "raise NotImplementedError", circuit)
    replace(copy / "actions/coin_toss/answer.py", FIELDS, fields)
    replace(copy / "actions/coin_toss/algorithm.py", "raise NotImplementedError", answer)
    output = fails(copy, "pytest", "-q", "-p", "no:cacheprovider", test)
    assert f"EXPECTED: write it in {test}" in output
    assert "check: write tests/actions/cases/coin_toss.py" in output

    replace(copy / "actions/coin_toss/algorithm.py", DESCRIPTIONS, description)
    replace(copy / test, "EXPECTED: dict", expected)
    replace(copy / "tests/actions/cases/coin_toss.py", "raise NotImplementedError", check)
    complete(copy, "coin_toss", written)
    passes(copy, "tools.functions_reference")
    page = (copy / "docs/functions.md").read_text()
    assert f"**What it is for.** {SEEING}" in page
    assert re.search(r'"summary": "\d\d% of the coins showed heads\."', page)


@pytest.mark.timeout(600)
def test_the_documented_hybrid_algorithm_is_complete(copy: Path) -> None:
    section, code = blocks("docs/algorithms.md", "## A hybrid algorithm")
    source, cost, fields, imported, description, answer, lowest, check = code
    test = "tests/actions/test_spin_row.py"
    assert "make new-action NAME=spin_row KIND=hybrid" in section

    output = passes(copy, "tools.scaffold", "spin_row", "hybrid")
    written = [line for line in output.splitlines() if line.endswith(".py") and " " not in line]
    output = fails(copy, "pytest", "-q", "-p", "no:cacheprovider", test)
    assert "2 failed" in output
    assert "cost: write actions/spin_row/circuit.py" in output

    algorithm = copy / "actions/spin_row/algorithm.py"
    replace(copy / "actions/spin_row/circuit.py", '"""The trial circuit and its cost. Source: to be', source)
    replace(copy / "actions/spin_row/circuit.py", "raise NotImplementedError", cost)
    replace(copy / "actions/spin_row/answer.py", FIELDS, fields)
    replace(algorithm, "from collections.abc", f"from collections.abc import Sequence\n{imported}")
    replace(algorithm, DESCRIPTIONS, description)
    replace(algorithm, "raise NotImplementedError", answer)
    output = fails(copy, "pytest", "-q", "-p", "no:cacheprovider", test)
    assert f"LOWEST: write it in {test}" in output
    replace(copy / test, "LOWEST: float", lowest)
    replace(copy / "tests/actions/cases/spin_row.py", "raise NotImplementedError", check)
    complete(copy, "spin_row", written)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_typed_and_lint_clean_when_they_are_created(copy: Path, kind: str) -> None:
    # A name that sorts before "base", the longest ones, and an ordinary one.
    longest = "a_" * (MAX_NAME - MAX_CLASS) + "b" * (2 * MAX_CLASS - MAX_NAME)
    for name in ("aa", "a" * MAX_CLASS, longest, "coin_toss2"):
        written = scaffold(name, copy, kind)
        passes(copy, "ruff", "check", *written)
        passes(copy, "ruff", "format", "--check", *written)
    passes(copy, "mypy", *written)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "needs a name: make new-action NAME="),
        ("Bell", "cannot be the name"),
        ("bell state", "cannot be the name"),
        ("../bell", "cannot be the name"),
        ("bell__state", "cannot be the name"),
        ("_bell", "cannot be the name"),
        ("bell_", "cannot be the name"),
        ("2bell", "cannot be the name"),
        ("béll", "cannot be the name"),
        ("bell\n", "cannot be the name"),
        ("a" * (MAX_CLASS + 1), "cannot be the name"),
        ("a_" * (MAX_NAME // 2) + "a", "cannot be the name"),
        ("lambda", "word of Python"),
        ("match", "word of Python"),
        ("step", "another class of that name"),
        ("field", "a class Field"),
        ("quantum_circuit", "a class QuantumCircuit"),
        # The input's class would hide the base class that it inherits.
        ("action", "a class ActionInput"),
        ("share", "another class of that name"),
        ("value_error", "a class ValueError"),
    ],
)
def test_a_bad_name_is_rejected_with_the_fix(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["hybrid", "hybrid_algorithm", "search_config", "search_state", "pub", "job"]
)
def test_a_name_that_hides_a_class_of_the_hybrid_files_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="another class of that name"):
        scaffold(name, tmp_path, "hybrid")
    assert scaffold(name, tmp_path)


def test_a_name_whose_class_another_algorithm_has_is_rejected(tmp_path: Path) -> None:
    scaffold("bb84", tmp_path)
    with pytest.raises(ValueError, match="'bb_84' and 'bb84' would both have a class Bb84"):
        scaffold("bb_84", tmp_path)


def test_an_unknown_kind_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"KIND is .hybird.*Choose one of: circuit, hybrid"):
        scaffold("coin_toss", tmp_path, "hybird")


@pytest.mark.parametrize(
    "place", ["actions/taken", "tests/actions/test_taken.py", "tests/actions/cases/taken.py"]
)
def test_existing_files_are_not_changed(tmp_path: Path, place: str) -> None:
    existing = tmp_path / place
    existing.parent.mkdir(parents=True)
    existing.write_text("mine")
    with pytest.raises(ValueError, match=f"{place} exists already"):
        scaffold("taken", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [existing]
    assert existing.read_text() == "mine"


def make(tmp_path: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    """Run `make new-action` of the repository, with this Python, without building anything."""
    stamp = tmp_path / "stamps/venv"
    stamp.parent.mkdir()
    stamp.touch()
    return subprocess.run(
        [
            *("make", "--no-print-directory", "-f", str(ROOT / "Makefile"), "-o", str(stamp), "new-action"),
            f"STAMPS={stamp.parent}",
            f"BIN={Path(sys.executable).parent}",
            *variables,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("variable", ["NAME", "KIND"])
@pytest.mark.parametrize(
    "command", ["$(shell {})", "${{shell {}}}", "$$({})", "$({})", "`{}`", '"; {}; "', "'; {} #", "x; {}"]
)
def test_neither_make_nor_the_shell_executes_a_name(tmp_path: Path, variable: str, command: str) -> None:
    mark = tmp_path / "executed"
    value = command.format(f"touch {mark}")
    others = [] if variable == "NAME" else ["NAME=smile_super_position"]
    done = make(tmp_path, *others, f"{variable}={value}")
    assert done.returncode == 2
    assert not mark.exists()
    assert "cannot be the name" in done.stderr or "KIND is" in done.stderr, done.stderr


def test_make_passes_the_name_and_the_kind_on(tmp_path: Path) -> None:
    done = make(tmp_path, "NAME=smile_super_position", "KIND=hybrid")
    assert "actions/smile_super_position exists already" in done.stderr
