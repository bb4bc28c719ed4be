"""Few views compute at the same time; those that wait give up their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest

from gateway.edge.processor import Processor

#: Seconds until a test ends whose threads do not go on.
PATIENCE = 60.0


class Views:
    """Views that wait for `go`, and then for `answer` without their slot."""

    def __init__(self, slots: int, count: int) -> None:
        self.processor = Processor(slots)
        self.computing = threading.Semaphore(0)
        self.waiting = threading.Semaphore(0)
        self.go, self.answer = threading.Event(), threading.Event()
        self.ended: list[int] = []
        app = self.processor.bounded(self.view)
        self.threads = [
            threading.Thread(target=app, args=({"number": number}, None)) for number in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def view(self, environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        self.computing.release()
        assert self.go.wait(PATIENCE)
        with self.processor.waiting():
            self.waiting.release()
            assert self.answer.wait(PATIENCE)
        self.ended.append(environ["number"])
        return []

    def join(self) -> None:
        for thread in self.threads:
            thread.join(PATIENCE)


def test_few_views_compute_at_the_same_time_and_any_number_wait() -> None:
    views = Views(slots=2, count=10)
    for _ in range(2):
        assert views.computing.acquire(timeout=PATIENCE)
    assert not views.computing.acquire(timeout=0.2)
    views.go.set()
    # All come to their wait, since those that wait have no slot.
    for _ in range(10):
        assert views.waiting.acquire(timeout=PATIENCE)
    assert views.ended == []
    views.answer.set()
    views.join()
    assert sorted(views.ended) == list(range(10))


def test_a_slot_is_free_again_after_an_error() -> None:
    processor = Processor(1)

    def failing(_environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        with processor.waiting(), processor.waiting():
            raise OSError("broken")

    for _ in range(3):
        with pytest.raises(OSError, match="broken"):
            processor.bounded(failing)({}, None)


def test_other_threads_have_no_slot_to_give_up() -> None:
    processor = Processor(1)
    with processor.waiting():
        assert processor.bounded(lambda _environ, _start: [b"x"])({}, None) == [b"x"]
