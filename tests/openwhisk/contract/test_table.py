"""The table of supported operations in the docs is what the contract's tests have just seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.openwhisk.contract.api import IN_PART, OPERATIONS, Api, operations

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "openwhisk-api.md"

HEAD = f"""# The local OpenWhisk's REST API

Each operation of OpenWhisk's own description, and what became of it when the tests of
`tests/openwhisk/contract` ran. The same tests run with actions as processes, as containers, and against any
OpenWhisk (`WHISK_APIHOST`, `WHISK_AUTH`). Supported: it was answered as described, and every test passed.
This page is written by those tests: `UPDATE_DOCS=1 make test TESTS=tests/openwhisk/contract`.

{OPERATIONS["source"]}

| operation | what it does | supported | statuses seen |
|---|---|---|---|
"""


def table(api: Api) -> str:
    """The page."""
    rows = []
    for operation in operations():
        seen = api.seen.get(operation, set())
        good = sorted(status for status in seen if status < 300)
        # The description names no statuses for web actions: the action makes them.
        supported = bool(good) and (not operation.statuses or set(good) <= set(operation.statuses))
        what = operation.summary or f"Reach a web action with {operation.method}"
        rows.append(
            f"| `{operation.method} {operation.path}` | {what} | {'yes' if supported else '**no**'} "
            f"| {', '.join(map(str, sorted(seen)))} |"
        )
    return HEAD + "\n".join(rows) + "\n"


def test_the_docs_say_what_the_tests_have_seen(request: pytest.FixtureRequest, api: Api) -> None:
    session = request.session
    ours = {item.path.name for item in session.items if item.path.parent == HERE}
    if ours != {path.name for path in HERE.glob("test_*.py")} or session.config.stash.get(IN_PART, False):
        pytest.skip("only a part of the contract's tests ran")
    if session.testsfailed:
        pytest.skip("a test failed: what was seen is not what is supported")
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(table(api), encoding="utf-8")
    if not os.environ.get("WHISK_APIHOST"):
        assert PAGE.read_text(encoding="utf-8") == table(api), "UPDATE_DOCS=1 writes it anew"
    assert "**no**" not in table(api)
