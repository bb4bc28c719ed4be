"""Every block of code in the documents is run by a test, or is in a list with the reason why none does."""

from __future__ import annotations

import ast

import pytest

from testkit.stack import ROOT
from tests.printed import NOT_RUN, RUN, blocks, printed, printed_in

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("*/*/README.md"),
    )
    if "```" in path.read_text()
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_run_or_has_a_reason(document: str) -> None:
    found = blocks(document)
    # None is overlooked, and none ends too late.
    assert 2 * len(found) == (ROOT / document).read_text().count("```")
    assert {block.text: block.keys for block in found if len(block.keys) != 1} == {}


def test_every_key_names_a_block() -> None:
    assert RUN.keys().isdisjoint(NOT_RUN)
    named = {key for document in DOCUMENTS for block in blocks(document) for key in block.keys}
    assert {*RUN, *NOT_RUN} - named == set()
    assert all(NOT_RUN.values())


@pytest.mark.parametrize("path", sorted(set(RUN.values())))
def test_each_file_takes_its_blocks(path: str) -> None:
    """The texts of the keys are in it, and it calls the function that returns blocks."""
    module = ast.parse((ROOT / path).read_text())
    texts = {node.value for node in ast.walk(module) if isinstance(node, ast.Constant)}
    wanted = {start for (_, start), file in RUN.items() if file == path}
    assert wanted - texts == set()
    called = {getattr(node.func, "id", "") for node in ast.walk(module) if isinstance(node, ast.Call)}
    assert called & {printed.__name__, printed_in.__name__}


def test_a_block_that_is_in_no_list_is_not_taken() -> None:
    with pytest.raises(KeyError, match="add"):
        printed("README.md", "import os")
    assert len(printed_in("README.md", "## Add an algorithm")) == 7
