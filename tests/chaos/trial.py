"""A stack whose parts a trial may wrap, clients that submit jobs while a fault lasts, and what is counted."""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from core.protocol import FINAL
from local.deployment import write_documents
from local.part import Part
from local.settings import LocalSettings
from local.stack import parts
from local.supervisor import Supervisor
from testkit.listener import Listener
from testkit.provider_jobs import provider_jobs
from testkit.stack import Client, Stack, environment

SEED = int(os.environ.get("FAULTS_SEED", "1"))
#: Jobs of each client, and clients.
JOBS, CLIENTS = int(os.environ.get("FAULTS_JOBS", "10")), 4
#: Seconds between two submissions of a client, in which it waits for no result; longer for long faults.
EVERY = 1.0
#: Seconds for which a client repeats a submission with the same key, and in which an accepted job must end.
PATIENCE, ENDS = 90.0, 150.0
#: The loop that each client submits besides: a few jobs at the provider.
LOOP: dict[str, Any] = {"terms": [["ZZ", -1.0], ["XI", -1.0], ["IX", -1.0]], "layers": 1, "max_steps": 3}


class TrialStack(Stack):
    """The parts of the local stack under its own supervisor, in this process."""

    def __init__(self, folder: Path, settings: LocalSettings, env: dict[str, str]) -> None:
        self.folder, self.env, self.settings = folder, env, settings
        self.clients = []
        self.parts: dict[str, Part] = {}
        #: What the supervisor has printed.
        self.said: list[str] = []
        self.failure: BaseException | None = None

    def pid(self, part: str) -> int:
        process = self.parts[part].process
        assert process is not None
        return process.pid

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs of the provider."""
        return provider_jobs(self.settings.url("simulator"), self.settings.api_key)


@contextmanager
def trial_stack(
    folder: Path,
    wrap: Callable[[str], Sequence[str]] = lambda _: (),
    more: Mapping[str, Mapping[str, str]] | None = None,
    kafka: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    kind: type[LocalSettings] = LocalSettings,
) -> Iterator[TrialStack]:
    """Start the stack.

    Args:
        folder: LOCAL_FOLDER.
        wrap: returns what precedes the command of a part.
        more: variables for single parts.
        kafka: the settings of a broker outside of the stack; None for its own.
        env: the stack's settings.
        kind: reads the settings, unless `kafka` is given.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = {"SIMULATOR_QUEUE_SPEED_UP": "20", "GATEWAY_WEBHOOKS": "private"}
    source = environment(folder) | given | dict(env or {})
    settings = kind.from_env(source) if kafka is None else with_broker(source, kafka)
    write_documents(settings.documents, settings.url("openwhisk"))
    stack, stop = TrialStack(folder, settings, source), threading.Event()
    supervisor = Supervisor(stack.said.append, stop)
    thread = threading.Thread(target=_watch, args=(stack, supervisor, stop))
    try:
        made = [part for part in parts(settings) if kafka is None or part.name != "broker"]
        for part in made:
            part.command = [*wrap(part.name), *part.command]
            part.env = {**part.env, **(more or {}).get(part.name, {})}
            stack.parts[part.name] = part
        first, *others, gateway = made
        for group in ([first], others, [gateway]):
            supervisor.start(group)
            for part in group:
                supervisor.wait(part)
        thread.start()
        yield stack
    finally:
        stop.set()
        if thread.ident is not None:
            thread.join(60)
        stack.close_clients()
        supervisor.end()
    if stack.failure is not None:
        raise stack.failure


def with_broker(source: Mapping[str, str], kafka: Mapping[str, str]) -> LocalSettings:
    """Return the settings of a stack that uses a broker elsewhere."""

    class Elsewhere(LocalSettings):
        def kafka(self) -> dict[str, str]:
            return super().kafka() | dict(kafka)

    return Elsewhere.from_env(source)


def _watch(stack: TrialStack, supervisor: Supervisor, stop: threading.Event) -> None:
    try:
        supervisor.watch()
    except BaseException as error:
        stack.failure = error
        stop.set()


@dataclass
class Submissions:
    """What one client has submitted."""

    client: Client
    accepted: list[str] = field(default_factory=list)
    #: The last status of each submission that was given up.
    refused: list[str] = field(default_factory=list)
    #: Seconds from the first attempt to the acceptance.
    seconds: list[float] = field(default_factory=list)


def submit(work: Submissions, function: str, values: dict[str, Any]) -> None:
    """Submit one job as the README says: with a key, again with the same key after a temporary failure."""
    key, began, last = secrets.token_urlsafe(16), time.monotonic(), "no attempt"
    url = f"{work.client.stack.api}/functions/{function}/jobs"
    while time.monotonic() - began < PATIENCE:
        try:
            answer = work.client.http.post(url, json=values, headers={"Idempotency-Key": key}, timeout=80)
        except requests.RequestException as error:
            last = type(error).__name__
        else:
            if answer.status_code in (200, 202):
                work.accepted.append(answer.json()["process_job_id"])
                work.seconds.append(time.monotonic() - began)
                return
            last = f"{answer.status_code} {answer.json().get('code', '')}"
            if answer.status_code not in (409, 429, 500, 502, 503, 504):
                break
        time.sleep(1.0)
    work.refused.append(last)


def submit_all(work: Submissions, every: float) -> None:
    """Submit a loop and the jobs of one client, one after another, with pauses of `every` seconds."""
    submit(work, "vqe", LOOP | {"backend_type": "simulator"})
    for number in range(JOBS):
        where = "hardware" if number % 5 == 0 else "simulator"
        submit(
            work,
            "smile_super_position",
            {"emoticon_1": ":)", "emoticon_2": ":(", "shots": 32, "backend_type": where},
        )
        time.sleep(every)


@dataclass
class Figures:
    """What is counted: all but the first must be 0."""

    accepted: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    endless: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    restarts: int = 0

    def __str__(self) -> str:
        more = [f"{count} not accepted ({reason})" for reason, count in sorted(self.refused.items())]
        more += [f"{count} ended with {code}" for code, count in sorted(self.errors.items())]
        return (
            f"{self.accepted} accepted, {len(self.lost)} lost, {len(self.doubled)} doubled, "
            f"{len(self.foreign)} seen by another client, {len(self.endless)} without an end; "
            + "".join(f"{entry}; " for entry in more)
            + f"slowest acceptance {self.slowest:.0f} s, {self.restarts} restarts"
        )


def run(stack: TrialStack, fault: Callable[[], None], every: float = EVERY) -> Figures:
    """Let clients submit jobs while the fault happens, and return what became of them.

    Args:
        stack: the stack.
        fault: causes the fault, and returns when it is over.
        every: seconds between two submissions of a client.
    """
    work = [Submissions(stack.client()) for _ in range(CLIENTS)]
    said = len(stack.said)
    with ThreadPoolExecutor(CLIENTS) as pool:
        futures = [pool.submit(submit_all, one, every) for one in work]
        time.sleep(3 * EVERY)
        fault()
        for future in futures:
            future.result()
    figures = Figures(accepted=sum(len(one.accepted) for one in work))
    deadline = time.monotonic() + ENDS
    for one in work:
        _follow(one, deadline, figures)
    figures.doubled += doubled_at_provider(stack.jobs(), {job for one in work for job in one.accepted})
    figures.restarts = sum("restarting it" in line for line in stack.said[said:])
    figures.slowest = max((seconds for one in work for seconds in one.seconds), default=0.0)
    return figures


def _follow(work: Submissions, deadline: float, figures: Figures) -> None:
    """Wait for the jobs of one client, and read all of its events."""
    missing = set(work.accepted)
    states: dict[str, dict[str, Any]] = {}
    while missing and time.monotonic() < deadline:
        for job in sorted(missing):
            with suppress(requests.RequestException):
                answer = work.client.get(f"/jobs/{job}")
                states[job] = answer.json() if answer.status_code == 200 else {}
        missing = {job for job in missing if states.get(job, {}).get("status") not in FINAL}
        time.sleep(0.5)
    figures.lost += [job for job in missing if not states.get(job)]
    figures.endless += [job for job in missing if states.get(job)]
    figures.refused.update(work.refused)
    for state in states.values():
        if state.get("error"):
            figures.errors[state["error"]["code"]] += 1
    with closing(Listener(work.client)) as listener:
        time.sleep(3)
        finals = Counter(listener.finals())
        figures.doubled += [job for job, count in finals.items() if count > 1]
        figures.foreign += [
            str(event["process_job_id"])
            for event in listener.events()
            if event["client_id"] != work.client.id
        ]


def doubled_at_provider(jobs: Sequence[Mapping[str, Any]], accepted: set[str]) -> list[str]:
    """Return the tags of steps that have several jobs that were not cancelled."""
    by_step: defaultdict[str, int] = defaultdict(int)
    for job in jobs:
        if job["state"]["status"] != "Cancelled":
            for tag in job["tags"]:
                match = re.fullmatch(r"qwhisk-(.{22})-\d+", tag)
                if match and match[1] in accepted:
                    by_step[tag] += 1
    return [tag for tag, count in by_step.items() if count > 1]


def report(name: str, figures: Figures, more: str = "") -> None:
    """Print the figures of a fault, and fail if one of them is not 0."""
    print(f"\n{name}, seed {SEED}: {figures}{more}", flush=True)
    assert figures.accepted, "nothing was accepted"
    wrong = (figures.lost, figures.doubled, figures.foreign, figures.endless)
    assert wrong == ([], [], [], []), wrong
