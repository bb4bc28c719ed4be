"""The supervisor restarts parts that fail at any moment, and reports when it gives up."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import supervisor
from local.errors import LocalError
from local.part import Part
from local.supervisor import Supervisor
from testkit.stack import wait_for

#: Runs until it is stopped. It is ready once its file has a line.
WORKS = "import sys, time; open(sys.argv[1], 'a').write('started\\n'); time.sleep(60)"


class Rig:
    """A supervisor with small Python programs as parts, watched in a thread as `local` does it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.stop = threading.Event()
        self.supervisor = Supervisor(self.said.append, self.stop)

    def part(
        self, name: str, code: str = WORKS, ready: Callable[[], bool] | None = None, **more: object
    ) -> Part:
        mark = self.folder / name
        return Part(
            name=name,
            command=[sys.executable, "-c", code, str(mark)],
            env=dict(os.environ),
            # The existence of the file is not enough: its line is written a moment later.
            ready=ready or (lambda: self.starts(name) > 0),
            address="here",
            log=self.folder / f"{name}.log",
            **more,  # type: ignore[arg-type]
        )

    def starts(self, name: str) -> int:
        mark = self.folder / name
        return len(mark.read_text().splitlines()) if mark.exists() else 0

    def look_until(self, condition: Callable[[], bool]) -> None:
        def found() -> bool:
            self.supervisor.check()
            return condition()

        wait_for(found)

    def kill(self, part: Part) -> None:
        assert part.process is not None
        os.kill(part.process.pid, signal.SIGKILL)
        part.process.wait(10)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(supervisor, "RESTART_DELAY", 0.01)
    made = Rig(tmp_path)
    yield made
    made.supervisor.end()


def test_a_part_that_is_killed_while_it_starts_is_started_again(rig: Rig) -> None:
    """At the first start, and at a restart; the others are supervised in the meantime."""
    # It works, but reports that it is ready only at its third start.
    poller = rig.part("poller", ready=lambda: rig.starts("poller") >= 3)
    gateway = rig.part("gateway")
    rig.supervisor.start([poller])

    def kill_it_while_it_starts() -> None:
        wait_for(lambda: rig.starts("poller") == 1)
        rig.kill(poller)

    killer = threading.Thread(target=kill_it_while_it_starts)
    killer.start()
    rig.supervisor.start([gateway])
    rig.supervisor.wait(gateway)
    rig.look_until(lambda: rig.starts("poller") == 2)
    killer.join(20)
    assert not poller.up
    rig.kill(poller)
    rig.supervisor.wait(poller)
    assert poller.running()
    assert rig.starts("poller") == 3
    assert rig.said.count("  poller ended (signal 9) while starting; restarting it") == 2
    assert gateway.running()
    assert rig.starts("gateway") == 1


def test_a_part_that_never_gets_ready_is_given_up_with_the_end_of_its_log(rig: Rig) -> None:
    code = "import os, sys; print('no luck', flush=True); os.kill(os.getpid(), 9)"
    part = rig.part("poller", code)
    rig.supervisor.start([part])
    with pytest.raises(
        LocalError, match=r"poller ended while starting, 5 times in a row.*signal 9:\nno luck"
    ):
        rig.supervisor.wait(part)
    assert rig.said.count("  poller ended (signal 9) while starting; restarting it") == 4


def test_a_part_that_exits_with_an_error_gives_its_reason_at_once(rig: Rig) -> None:
    part = rig.part("poller", "import sys; print('KAFKA_X is missing', flush=True); sys.exit(2)")
    rig.supervisor.start([part])
    with pytest.raises(LocalError, match=r"ended while starting \(status 2\):\n.*KAFKA_X is missing"):
        rig.supervisor.wait(part)


def test_parts_that_need_the_brokers_memory_restart_after_it(rig: Rig) -> None:
    broker, poller = rig.part("broker"), rig.part("poller", needs=("broker",))
    rig.supervisor.start([broker, poller])
    rig.supervisor.wait(poller)
    rig.look_until(lambda: broker.up and poller.up)
    for mark in ("broker", "poller"):
        (rig.folder / mark).unlink()
    rig.kill(broker)
    rig.supervisor.check()
    assert poller.process is None, "the poller started before the broker was ready"
    rig.look_until(lambda: poller.up)
    assert broker.up
    assert rig.starts("poller") == 1


def test_a_part_that_is_killed_during_its_preparation_is_started_again(rig: Rig) -> None:
    tries: list[int] = []

    def prepare() -> None:
        tries.append(1)
        if len(tries) == 1:
            rig.kill(part)
            raise LocalError("OpenWhisk cannot be reached: ConnectionError")

    part = rig.part("openwhisk", prepare=prepare)
    rig.supervisor.start([part])
    rig.supervisor.wait(part)
    assert part.running()
    assert len(tries) == 2
