"""`make new-action`: what it makes, what it refuses, and the README's five steps done to the letter."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tools.scaffold import MAX_NAME, scaffold

ROOT = Path(__file__).resolve().parents[2]
TEST = "tests/actions/test_coin_toss.py"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What of the repository the actions and their tests need, to be written in."""
    for name in ("actions", "core", "local", "testkit", "tests", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "manifest.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(folder: Path, *command: str) -> tuple[int, str]:
    """A module of this Python in that folder: its exit code and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
    )
    return done.returncode, done.stdout


def pytest_of(folder: Path, *selected: str) -> tuple[int, str]:
    return run(folder, "pytest", "-q", "-p", "no:cacheprovider", *selected)


def instead_of_raising(path: Path, block: str) -> None:
    """Put the README's lines where the file says that it is not written yet."""
    text = path.read_text()
    [(line, indent)] = re.findall(r"^(( +)raise NotImplementedError\(.*\)\n)", text, re.M)
    path.write_text(text.replace(line, textwrap.indent(block, indent)))


@pytest.mark.timeout(400)
def test_the_readmes_five_steps_lead_from_nothing_to_an_algorithm(copy: Path) -> None:
    section = (ROOT / "README.md").read_text().partition("## Add an algorithm")[2].partition("\n## ")[0]
    blocks = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?) *```", section, re.S)]
    circuit, description, answer, expected, check = blocks
    assert "make new-action NAME=coin_toss" in section

    status, told = run(copy, "tools.scaffold", "coin_toss")
    assert status == 0, told
    made = [line for line in told.splitlines() if line.endswith(".py") and " " not in line]
    assert len(made) == 5
    assert all(f"`{file}`" in section or "__init__" in file for file in made), "the README names each"

    status, told = pytest_of(copy, TEST)
    assert status == 1, told
    assert "2 failed" in told
    assert "build_circuit: write actions/coin_toss/circuit.py" in told

    instead_of_raising(copy / "actions/coin_toss/circuit.py", circuit)
    instead_of_raising(copy / "actions/coin_toss/algorithm.py", answer)
    status, told = pytest_of(copy, TEST)
    assert status == 1, told
    assert "EXPECTED: write it in tests/actions/test_coin_toss.py" in told
    assert "check: write tests/actions/cases/coin_toss.py" in told

    algorithm = copy / "actions/coin_toss/algorithm.py"
    [(line, indent)] = re.findall(r"^(( +)description = \"To be written.*\n)", algorithm.read_text(), re.M)
    algorithm.write_text(algorithm.read_text().replace(line, textwrap.indent(description, indent)))
    test = copy / TEST
    test.write_text(test.read_text().replace("EXPECTED: dict[str, float] = {}\n", expected))
    instead_of_raising(copy / "tests/actions/cases/coin_toss.py", check)
    status, told = run(copy, "tools.documents")
    assert status == 0, told
    assert "coin_toss:" in (copy / "manifest.yaml").read_text()
    status, told = pytest_of(copy, TEST, "tests/actions/test_contract.py", "-k", "coin_toss")
    assert status == 0, told


@pytest.mark.timeout(400)
def test_the_files_are_typed_and_lint_clean_as_they_are_made(copy: Path) -> None:
    # A name that sorts before "base", one as long as may be, and an ordinary one.
    for name in ("aa", "a" * MAX_NAME, "coin_toss2"):
        made = scaffold(name, copy)
        for command in (("ruff", "check"), ("ruff", "format", "--check")):
            status, told = run(copy, *command, *made)
            assert status == 0, told
    status, told = run(copy, "mypy", *made)
    assert status == 0, told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "needs a name: make new-action NAME="),
        ("Bell", "no name for an algorithm"),
        ("bell state", "no name"),
        ("../bell", "no name"),
        ("bell__state", "no name"),
        ("_bell", "no name"),
        ("bell_", "no name"),
        ("2bell", "no name"),
        ("béll", "no name"),
        ("a" * (MAX_NAME + 1), "no name"),
        ("lambda", "means something else"),
        ("match", "means something else"),
        ("step", "means something else"),
    ],
)
def test_a_bad_name_is_refused_with_the_fix(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place", ["actions/taken", "tests/actions/test_taken.py", "tests/actions/cases/taken.py"]
)
def test_what_is_there_is_not_touched(tmp_path: Path, place: str) -> None:
    there = tmp_path / place
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    with pytest.raises(ValueError, match=f"{place} is there already"):
        scaffold("taken", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [there]
    assert there.read_text() == "mine"


def test_make_hands_the_name_over() -> None:
    assert '@$(BIN)/python -m tools.scaffold "$(NAME)"' in (ROOT / "Makefile").read_text()
    with pytest.raises(ValueError, match="is there already"):
        scaffold("smile_super_position", ROOT)
