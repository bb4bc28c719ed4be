"""Every algorithm in `actions/`, over HTTP, on each type of backend: its case has the right answer."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any, get_args

import pytest

from core.protocol import FINAL, BackendType
from testkit.stack import ROOT, Client, Stack

ALGORITHMS = sorted(path.parent.name for path in (ROOT / "actions").glob("*/document.json"))
CASES = {path.stem for path in (ROOT / "tests/actions/cases").glob("*.py")} - {"__init__"}

#: The algorithms that submit one job after another.
LOOPS = {
    name for name in ALGORITHMS if "HybridAlgorithm" in (ROOT / "actions" / name / "algorithm.py").read_text()
}
#: Jobs in progress at a time: two for each core of a small machine.
AT_A_TIME = 4
#: Seconds a job may take, hybrid ones with all their steps, on a machine that is busy with others.
JOB_TIMEOUT = 240.0

Events = dict[tuple[str, str], "Future[dict[str, Any]]"]


def case(name: str) -> ModuleType:
    """The algorithm's case: `VALUES` and `check`."""
    return importlib.import_module(f"tests.actions.cases.{name}")


def test_every_algorithm_has_a_case_and_every_case_an_algorithm() -> None:
    lacking, left = sorted(set(ALGORITHMS) - CASES), sorted(CASES - set(ALGORITHMS))
    assert lacking == [], f"write tests/actions/cases/NAME.py for {', '.join(lacking)}"
    assert left == [], f"there is no algorithm {', '.join(left)}"


def final(stack: Stack, name: str, backend_type: str) -> dict[str, Any]:
    """Return the final event of the algorithm's case, submitted by a new client."""
    client = Client(stack)
    try:
        deadline = time.monotonic() + JOB_TIMEOUT
        answer = client.submit(function=name, **case(name).VALUES, backend_type=backend_type)
        assert answer.status_code == 202, answer.text
        path = f"/jobs/{answer.json()['process_job_id']}"
        while True:
            event: dict[str, Any] = client.get(path, wait=30).json()
            if event["status"] in FINAL:
                return event
            assert time.monotonic() < deadline, f"not within {JOB_TIMEOUT:.0f} s; last: {event}"
    finally:
        client.http.close()


@pytest.fixture(scope="module")
def events(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Events]:
    """Return the final event of each selected case; they start together, a few at a time."""
    wanted = [
        (str(item.callspec.params["name"]), str(item.callspec.params["backend_type"]))
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_the_answer_is_right
    ]
    # The longest first: loops, and of those the ones that wait in a device's queue at each step.
    wanted.sort(key=lambda key: (key[0] not in LOOPS, key[1] != "hardware"))
    with ThreadPoolExecutor(AT_A_TIME) as workers:
        yield {key: workers.submit(final, stack, *key) for key in wanted}
        workers.shutdown(cancel_futures=True)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("backend_type", get_args(BackendType))
@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name in CASES])
def test_the_answer_is_right(events: Events, name: str, backend_type: str) -> None:
    event = events[name, backend_type].result(JOB_TIMEOUT)
    assert (event["status"], event["error"]) == ("DONE", None)
    assert event["backend_type"] == backend_type
    assert event["answer"]["summary"]
    case(name).check(event["answer"], noisy=backend_type != "simulator")
