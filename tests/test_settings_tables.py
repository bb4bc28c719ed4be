"""The settings of all parts: names, flags and defaults are a contract, and the documentation follows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import REQUIRED, SettingsTable
from core.settings.command_line import default_text
from testkit.stack import ROOT
from tools import settings_tables
from tools.settings_tables import BEGIN, END, TABLES

#: For each part and setting the variable, the flag and the default, as they were before the tables existed.
CONTRACT = Path(__file__).with_name("settings_tables.txt")


def listed(table: SettingsTable) -> list[str]:
    """The settings of a table as the contract lists them."""
    return [f"{row.name or '-'} {row.flag or '-'} {default_text(row)}" for row in table.rows]


def test_names_flags_and_defaults_are_those_of_the_contract() -> None:
    contract = re.split(r"^\[(.+)\]\n", CONTRACT.read_text(), flags=re.MULTILINE)[1:]
    expected = {part: text.splitlines() for part, text in zip(contract[::2], contract[1::2], strict=True)}
    assert {part: listed(table) for part, table in TABLES.items()} == expected


@pytest.mark.parametrize("part", TABLES)
def test_each_setting_occurs_once_and_its_default_is_a_permitted_value(part: str) -> None:
    rows = TABLES[part].rows
    assert len({row.key for row in rows}) == len(rows)
    flags = [row.flag for row in rows if row.flag]
    assert len(set(flags)) == len(flags)
    for row in rows:
        assert row.key
        assert not row.help.endswith(".")
        simple = isinstance(row.default, int | float | str) and row.default not in ("", False)
        if row.default is not REQUIRED and simple:
            assert row.read({row.key: str(row.default)}) == row.default


@pytest.mark.parametrize("part", TABLES)
def test_a_required_setting_is_named_if_it_is_missing(part: str) -> None:
    for row in TABLES[part].rows:
        if row.default is REQUIRED:
            with pytest.raises(SettingsError, match=re.escape(row.name)):
                row.read({})


def test_no_secret_has_a_default() -> None:
    secrets = [row for table in TABLES.values() for row in table.rows if row.secret]
    assert {row.name for row in secrets} > {"GATEWAY_SECRET", "SIMULATOR_API_KEY", "WHISK_AUTH"}
    assert all(row.default is REQUIRED or not row.default for row in secrets)


def test_the_documentations_tables_are_up_to_date() -> None:
    """`make documents` writes them."""
    readme = (ROOT / "README.md").read_text()
    assert (ROOT / "docs" / "settings.md").read_text() == settings_tables.reference()
    assert readme == settings_tables.readme(readme)
    assert readme.count(BEGIN) == readme.count(END) == 1


def test_a_table_that_is_out_of_date_is_noticed() -> None:
    readme = (ROOT / "README.md").read_text()
    changed = readme.replace("| `GATEWAY_THREADS`", "| `GATEWAY_THREAD`")
    assert changed != readme
    assert settings_tables.readme(changed) == readme


def test_tables_are_not_broken_by_markup() -> None:
    text = settings_tables.reference()
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6, line
        outside_code = re.sub(r"`[^`]*`", "", line)
        assert not re.search(r"(?<!\\)\*", outside_code), line
