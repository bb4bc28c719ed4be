"""How long a part may take to start: as long as it makes progress."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from local import progress
from testkit.stack import wait_for


class Looks:
    """A part's `StartProgress` with the activity and the time that a test gives it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.lines = 0
        self.activity = progress.Activity(frozenset({1}))
        monkeypatch.setattr(progress, "activity", lambda _: self.activity)
        self.progress = progress.StartProgress(1, lambda: self.lines, lambda: self.now)

    def look(self, count: int = 1, seconds: float = progress.INTERVAL) -> bool:
        for _ in range(count):
            self.now += seconds
            stalled = self.progress.stalled()
        return stalled


def test_patience_ends_after_a_number_of_looks_without_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    assert not looks.look(progress.PATIENCE - 1)
    assert looks.look()


def test_patience_has_no_end_while_there_is_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor time that is used or waited for, pages from disk, processes, lines: any one is progress."""
    looks = Looks(monkeypatch)
    for step in range(1, 200):
        assert not looks.look(progress.PATIENCE - 1)
        match step % 4:
            case 0:
                looks.lines += 1
            case 1:
                busy = looks.activity.busy + 2 * progress.BUSY * progress.INTERVAL
                looks.activity = replace(looks.activity, busy=busy)
            case 2:
                looks.activity = replace(looks.activity, faults=looks.activity.faults + 1)
            case _:
                looks.activity = replace(looks.activity, pids=frozenset({1, step}))
        assert not looks.look()


def test_threads_that_only_wait_are_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    for _ in range(progress.PATIENCE):
        busy = looks.activity.busy + progress.BUSY * progress.INTERVAL / 2
        looks.activity = replace(looks.activity, busy=busy)
        stalled = looks.look()
    assert stalled


def test_a_machine_that_sleeps_costs_no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)
    assert not looks.look(seconds=100_000)
    assert not looks.look(progress.PATIENCE - 2)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_activity_counts_the_processes_of_a_session() -> None:
    busy = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", busy], start_new_session=True) as process:
        try:
            before = wait_for(lambda: whole(progress.activity(process.pid)))
            assert before is not None
            assert process.pid in before.pids
            # The child is busy; it runs, or waits for a processor.
            wait_for(lambda: progress.activity(process.pid).busy > before.busy + 0.3)
            assert progress.activity(os.getsid(0)).pids.isdisjoint(before.pids)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def whole(activity: progress.Activity) -> progress.Activity | None:
    """Return the activity once it has both processes."""
    return activity if len(activity.pids) == 2 else None
