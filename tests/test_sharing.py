"""The groups of files that share a process, and waiting."""

from __future__ import annotations

from typing import cast

import pytest

from testkit import waiting
from testkit.stack import ROOT
from tests import sharing


class Named:
    """A test of which only the place and the mark count."""

    def __init__(self, nodeid: str, slow: bool = False) -> None:
        self.nodeid = nodeid
        self._slow = slow

    def get_closest_marker(self, _: str) -> object:
        return self._slow or None


def test_every_group_names_files_that_exist() -> None:
    starts = [start for group in sharing.GROUPS.values() for start in group]
    assert [start for start in starts if not (ROOT / start).exists()] == []
    assert set(sharing.STACKS) <= set(sharing.GROUPS)


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/page/test_looks.py::test_x[a::b]", "page"),
        ("tests/end_to_end/test_readme.py::test_x", "end to end"),
        ("tests/end_to_end/test_crash.py::test_x", "crashes"),
        ("tests/end_to_end/test_throttling.py::test_x", "throttling"),
        ("tests/core/test_log.py::test_x", "tests/core/test_log.py"),
    ],
)
def test_the_longest_match_gives_the_group(nodeid: str, group: str) -> None:
    assert sharing.group(nodeid) == group


def test_groups_come_first_in_their_order_then_files_that_start_processes() -> None:
    items = [
        Named("tests/core/test_log.py::a"),
        Named("tests/gateway/test_refused.py::a"),
        Named("tests/core/test_log.py::b"),
        Named("tests/gateway/test_refused.py::b", slow=True),
        Named("tests/end_to_end/test_shutdown.py::a", slow=True),
        Named("tests/end_to_end/test_webhooks.py::a", slow=True),
        Named("tests/page/test_looks.py::a", slow=True),
    ]
    sharing.sort(cast("list[pytest.Item]", items))
    assert [item.nodeid.partition("::")[0].rpartition("/")[2] for item in items] == [
        "test_looks.py",
        "test_webhooks.py",
        "test_shutdown.py",
        "test_refused.py",
        "test_refused.py",
        "test_log.py",
        "test_log.py",
    ]


def test_a_file_outside_of_a_group_gets_no_shared_stack(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"a shared stack: add it to a group"):
        sharing.shared_stack("tests/core/test_log.py", tmp_path_factory)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_wait_ends_at_most_a_twentieth_late_and_a_long_one_tries_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, tries = Clock(), 0
    monkeypatch.setattr(waiting, "time", clock)

    def attempt() -> bool:
        nonlocal tries
        tries += 1
        return clock.now >= due

    for due in (0.0, 0.1, 1.0, 10.0, 100.0):
        clock.now, tries = 0.0, 0
        waiting.wait_for(attempt, 200)
        assert due <= clock.now <= due + max(0.02, 0.05 * due) + 1e-9
        assert tries <= 60 + 4 * due


def test_a_wait_in_vain_says_how_long_and_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "time", Clock())
    with pytest.raises(AssertionError, match=r"not within 5 s; last: \[\]"):
        waiting.wait_for(list, 5)
