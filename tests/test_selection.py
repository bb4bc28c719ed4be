"""The rule that finds the tests that start processes, and the guard behind it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from testkit import replicas
from tests import selection
from tests.selection import Guard


def runs() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def calls_one_that_runs() -> None:
    runs()


def imports_one_that_runs() -> Any:
    from testkit.stack import running

    return running


def names_one_of_a_module() -> Any:
    return replicas.replica


def has_one_inside() -> Callable[[], None]:
    def inner() -> None:
        runs()

    return inner


class Starter:
    def start(self) -> None:
        runs()

    @property
    def started(self) -> bool:
        self.start()
        return True


class Inherits(Starter):
    pass


def makes_one() -> Starter:
    return Inherits()


def starts_nothing() -> int:
    return len(sys.argv)


@pytest.mark.parametrize(
    "function",
    [
        runs,
        calls_one_that_runs,
        imports_one_that_runs,
        names_one_of_a_module,
        has_one_inside,
        has_one_inside(),
        makes_one,
    ],
)
def test_a_test_that_starts_a_process_is_found(function: Any) -> None:
    assert selection._reaches(function)


def test_a_test_that_starts_none_is_not_marked() -> None:
    assert not selection._reaches(starts_nothing)


def test_this_test_is_not_marked(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker(selection.MARK) is None


def test_this_test_is_marked(request: pytest.FixtureRequest) -> None:
    runs()
    assert request.node.get_closest_marker(selection.MARK) is not None


def test_a_process_that_the_rule_did_not_find_fails_the_test(request: pytest.FixtureRequest) -> None:
    guard = Guard()
    watching = guard._watching(request.node)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request.node, "get_closest_marker", lambda _: None)
        next(watching)
    with pytest.raises(RuntimeError, match=r"starts a process .*subprocess.Popen"):
        runs()
    assert next(watching, None) is None
    runs()
