"""Every algorithm's case typed into its form, on each type of backend: the page stores the right result."""

from __future__ import annotations

import importlib
import json
from typing import Any, get_args
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from core.protocol import FINAL, BackendType
from testkit.stack import ROOT, wait_for
from tests.page.visit import Visit

ALGORITHMS = sorted(path.parent.name for path in (ROOT / "actions").glob("*/document.json"))

#: Seconds in which the jobs of all algorithms are done; on a device they wait for one another.
ALL_DONE = 420


def typed(value: Any) -> str:
    """Enter a value as a user types it into its field."""
    return value if isinstance(value, str) else json.dumps(value)


def kept(visit: Visit) -> dict[str, dict[str, Any]]:
    """Return the page's own record of its jobs, by function."""
    return {job["function"]: job for job in visit.kept()}


@pytest.mark.timeout(ALL_DONE + 120)
@pytest.mark.parametrize("backend_type", get_args(BackendType))
def test_every_algorithm_is_answered_in_the_page(visit: Visit, backend_type: str) -> None:
    for count, name in enumerate(ALGORITHMS, 1):
        values = importlib.import_module(f"tests.actions.cases.{name}").VALUES | {
            "backend_type": backend_type
        }
        visit.go(f"#/run/{name}?{urlencode({field: typed(value) for field, value in values.items()})}")
        expect(visit.field(f"backend_type-{backend_type}")).to_be_checked()
        visit.run()
        wait_for(lambda count=count: len(kept(visit)) == count, 60)  # type: ignore[misc]
        assert kept(visit)[name]["params"].items() >= values.items(), "the form sends what was typed"
    wait_for(lambda: all(job["status"] in FINAL for job in kept(visit).values()), ALL_DONE)
    for name, job in kept(visit).items():
        assert (name, job["status"], job["error"]) == (name, "DONE", None)
        assert job["backend_type"] == backend_type
        case = importlib.import_module(f"tests.actions.cases.{name}")
        case.check(job["answer"], noisy=backend_type != "simulator")
