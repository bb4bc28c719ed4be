"""The supervisor restarts parts that fail at any moment, and reports when it gives up."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import part as part_module
from local import progress, supervisor
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


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that makes no progress is noticed soon."""
    monkeypatch.setattr(progress, "INTERVAL", 0.05)
    monkeypatch.setattr(progress, "PATIENCE", 4)


#: Is ready only once its file `go` exists, and does nothing until then.
SLEEPS = "import time; print('waiting for the disk', flush=True); time.sleep(60)"


@pytest.mark.usefixtures("impatient")
def test_a_part_without_progress_is_restarted_and_its_last_lines_are_shown(rig: Rig) -> None:
    ready = threading.Event()
    part = rig.part("poller", SLEEPS, ready=ready.is_set)
    gateway = rig.part("gateway")
    rig.supervisor.start([part, gateway])
    rig.look_until(lambda: any("made no progress" in line for line in rig.said))
    assert "    waiting for the disk" in rig.said
    ready.set()
    rig.supervisor.wait(part)
    assert gateway.running()
    assert rig.starts("gateway") == 1


@pytest.mark.usefixtures("impatient")
def test_a_part_that_never_makes_progress_ends_the_start_with_its_last_lines(rig: Rig) -> None:
    part = rig.part("poller", SLEEPS, ready=lambda: False)
    rig.supervisor.start([part])
    with pytest.raises(
        LocalError,
        match=r"poller made no progress while starting, 5 times.*after \d+ s:\nwaiting for the disk",
    ):
        rig.supervisor.wait(part)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", [SLEEPS, "import sys; print('no memory', flush=True); sys.exit(3)"])
def test_a_part_that_worked_before_never_ends_the_stack(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """The others have the accepted jobs. It is restarted more than the five times of a first start."""
    monkeypatch.setattr(supervisor, "MAX_RESTART_DELAY", 0.02)
    monkeypatch.setattr(supervisor, "MAX_QUICK_RESTARTS", 3)
    works = threading.Event()
    works.set()
    part, other = rig.part("poller", ready=works.is_set), rig.part("gateway")
    rig.supervisor.start([part, other])
    rig.look_until(lambda: part.up and other.up)
    works.clear()
    working, part.command = part.command, [sys.executable, "-c", code, "unused"]
    rig.kill(part)
    rig.look_until(lambda: part.failed_starts > supervisor.MAX_FAILED_STARTS + 1)
    part.command = working
    works.set()
    rig.look_until(lambda: part.up)
    assert rig.starts("gateway") == 1
    assert part.failed_starts == 0


def test_a_part_that_restarts_with_the_broker_and_finds_it_missing_does_not_end_the_stack(rig: Rig) -> None:
    """It was never restarted for a fault of its own, and exits with an error while the broker is starting."""
    broker, poller = rig.part("broker"), rig.part("poller", needs=("broker",))
    rig.supervisor.start([broker, poller])
    rig.look_until(lambda: broker.up and poller.up)
    working, poller.command = poller.command, [sys.executable, "-c", "import sys; sys.exit(3)"]
    (rig.folder / "poller").unlink()
    rig.kill(broker)
    rig.look_until(lambda: poller.failed_starts > 0)
    poller.command = working
    rig.look_until(lambda: poller.up)


def test_a_part_whose_preparation_fails_is_prepared_again(rig: Rig) -> None:
    tries: list[int] = []

    def prepare() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise LocalError("OpenWhisk rejected vqe: 503 not yet")

    part = rig.part("openwhisk", prepare=prepare)
    rig.supervisor.start([part])
    rig.supervisor.wait(part)
    wanted = (
        "  openwhisk was not prepared (OpenWhisk rejected vqe: 503 not yet) while starting; restarting it"
    )
    assert rig.said.count(wanted) == 2


def test_the_reason_names_the_log_if_that_is_empty(rig: Rig) -> None:
    part = rig.part("poller", "import sys; sys.exit(4)")
    rig.supervisor.start([part])
    with pytest.raises(LocalError, match=r"status 4\):\n\(nothing in .*poller\.log\)"):
        rig.supervisor.wait(part)


def test_a_machine_without_room_for_another_process_does_not_end_the_stack(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, other = rig.part("poller"), rig.part("gateway")
    rig.supervisor.start([part, other])
    rig.look_until(lambda: part.up and other.up)
    working, part.command = part.command, [str(rig.folder / "missing")]
    rig.kill(part)
    rig.look_until(lambda: any("cannot be started" in line for line in rig.said))
    part.command = working
    rig.look_until(lambda: part.up)

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    rig.kill(part)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        rig.look_until(lambda: any("can't start new thread" in line for line in rig.said))
    rig.look_until(lambda: part.up)


def test_output_that_cannot_be_written_does_not_end_the_stack() -> None:
    full = open("/dev/full", "w")  # noqa: PTH123, SIM115
    part_module.say("ready", full)
    with pytest.raises(OSError, match="No space left"):
        full.close()
