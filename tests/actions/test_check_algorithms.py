"""`make check` names exactly what is missing in the description of an algorithm."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from actions.bell_state.algorithm import BellStates
from actions.framework.algorithm import Algorithm
from actions.framework.answer import ActionAnswer, AnswerPart, Number, Summary
from actions.framework.input import ActionInput
from actions.framework.presentation import CATEGORIES, VIEWS
from tests.actions.broken import Coins
from tools.check_algorithms import ROOT, description_errors, faults, main, names, unwritten
from tools.scaffold import KINDS, scaffold


class Misnamed(Coins):
    name = "coin"


class Untitled(Coins):
    title = ""


class Undescribed(Coins):
    description = " "


class Uncategorized(Coins):
    category = "Quantum"


class Unseen(Coins):
    view = "hologram"


class Unexplained(Coins):
    use_case = ""
    classical_alternative = " "


class BareAnswer(ActionAnswer):
    """Fields without what describes them."""

    share: float
    note: str | None = None


class Undocumented(Coins):
    output = BareAnswer


class Toss(AnswerPart):
    """One toss, with a field that may be left out and an example of another type."""

    side: str = Field(title="Side", description="What it showed.", examples=[1])
    coin: Number | None = Field(default=None, title="Coin", description="Its number.", examples=[0])


class TossAnswer(ActionAnswer):
    """Numbers without units in lists and objects."""

    summary: Summary = Field(examples=["One toss."])
    tosses: list[Toss] | None = Field(
        title="Tosses", description="All.", examples=[[{"side": "a", "coin": 1}]]
    )
    shares: dict[str, list[float]] = Field(title="Shares", description="Of each.", examples=[{"a": [1.0]}])
    matrix: list[list[float]] | None = Field(default=None, title="M", description="All.", examples=[[[0.5]]])


class Unitless(Coins):
    output = TossAnswer
    view = "matrix"


class Unmodelled(Coins):
    output = None


class BareInput(ActionInput):
    """A required field with neither a description nor examples."""

    coins: int = Field(ge=1, le=4)


class Bare(Coins):
    input = BareInput  # type: ignore[assignment]


class Nameless(Algorithm[ActionInput]):
    """An algorithm without a description."""


@pytest.mark.parametrize(
    ("algorithm", "words"),
    [
        (Coins, []),
        (Misnamed, ["name: is 'coin' and the folder is 'coins'. Make them the same."]),
        (Untitled, ["title: is missing. The page shows it."]),
        (Undescribed, ["description: is missing. The page shows it."]),
        (Uncategorized, ["category: 'Quantum' does not exist. Choose one of: Basics, "]),
        (Unseen, ["view: 'hologram' does not exist. Choose one of: default, "]),
        (
            Bare,
            [
                "input field 'coins': has no title.",
                "input field 'coins': has no description.",
                "input field 'coins': has no examples.",
            ],
        ),
        (
            Undocumented,
            [
                "answer: has no field 'summary'. Add `summary: Summary`.",
                "answer field 'share': has no title.",
                "answer field 'share': has no description.",
                "answer field 'share': has no examples.",
                "answer field 'note': has no title.",
                "answer field 'note': has no description.",
                "answer field 'note': has no examples.",
                "answer field 'share': has a number without a unit. Annotate it with Unit.",
            ],
        ),
        (
            Unitless,
            [
                "answer: has no required field 'matrix', which the view 'matrix' draws.",
                "field 'side' of Toss: has the example '1', which is of another type.",
                "field 'coin' of Toss: has a default.",
                "answer field 'shares': has a number without a unit.",
                "answer field 'matrix': has a number without a unit.",
            ],
        ),
        (Unmodelled, ["output: is missing. Name the model of the answer, a subclass of ActionAnswer."]),
        (Unexplained, ["use_case: is missing. docs/functions.md", "classical_alternative: is missing."]),
        (
            Nameless,
            [
                "name: is None",
                "title: is missing",
                "description: is missing",
                "use_case: is missing",
                "classical_alternative: is missing",
                "output: is missing",
                "input: is missing",
            ],
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_each_fault_is_named(algorithm: type[Algorithm[Any]], words: list[str]) -> None:
    lines = list(description_errors("coins", algorithm))
    assert len(lines) == len(words), lines
    assert all(line.startswith(start) for line, start in zip(lines, words, strict=True)), lines


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_scaffold_leaves_to_be_written_is_named_with_file_and_line(
    tmp_path: Path, kind: str
) -> None:
    written = scaffold("coin_toss", tmp_path, kind)
    lines = list(unwritten("coin_toss", tmp_path))
    for path in written:
        # The package has nothing left to write; the test fails for itself.
        if not path.endswith(("test_coin_toss.py", "__init__.py")):
            assert any(line.startswith(f"{path}:") for line in lines), path
    for path in written:
        text = (tmp_path / path).read_text()
        (tmp_path / path).write_text(re.sub("(?i)to be written|raise NotImplementedError", "written", text))
    assert list(unwritten("coin_toss", tmp_path)) == []


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    assert f"tests/actions/cases/{names()[0]}.py: does not exist." in faults(names()[0], tmp_path)[0]


def test_a_module_without_an_algorithm_and_a_wrong_main_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("actions.bell_state.algorithm")
    monkeypatch.setattr(module, "algorithm", Coins())
    assert (
        "actions/bell_state/algorithm.py: name: is 'coins' and the folder is 'bell_state'"
        in faults("bell_state")[0]
    )
    assert "actions/bell_state/__init__.py: `main` is another's." in faults("bell_state")[1]
    monkeypatch.delattr(module, "algorithm")
    assert faults("bell_state") == [
        "actions/bell_state/algorithm.py: has no algorithm. End it with `algorithm = BellState()`."
    ]


def test_the_command_fails_with_each_fault_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (main(), capsys.readouterr().err) == (0, "")
    monkeypatch.setattr(BellStates, "category", "Toys")
    assert main() == 1
    assert capsys.readouterr().err.startswith(
        "actions/bell_state/algorithm.py: category: 'Toys' does not exist."
    )


def test_the_page_has_these_categories_and_views() -> None:
    registry = (ROOT / "web/src/views/registry.ts").read_text()
    table = re.search(r"const VIEWS[^{]*\{(.*?)\n\};", registry, re.S)
    assert table is not None
    assert set(re.findall(r"^  (\w+):", table[1], re.M)) == set(VIEWS) - {"default"}
    search = (ROOT / "web/src/catalogue/search.ts").read_text()
    order = re.search(r"const ORDER = \[(.*?)\];", search, re.S)
    assert order is not None
    assert set(CATEGORIES) - {"Other"} <= set(re.findall(r'"([^"]+)"', order[1]))
