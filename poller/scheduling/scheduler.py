"""Decides which call to an account comes next. Pure: the time and the answers are passed in.

The owner asks for `next_call`, makes it, and reports how it went: `look_answered`, `fetch_delivered`,
`backends_listed`, `call_failed`, `job_failed` or `fetch_postponed`. All calls to an account come from here,
so that one budget covers them all. In order:

1. fetches of results that are ready, the clients in turn;
2. a look, when it is worth its call (`forecast`): one call shows up to a page of jobs, the oldest first, from
   where the page is worth most. Every fourth call is a look if one is due, even if fetches wait;
3. the list of backends with the lengths of their queues.

Each job is in one `State`; `JobTable` derives the queues from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Generic

from core.bounds import HORIZON
from poller.scheduling.budget import Budget
from poller.scheduling.call import Call, Limits
from poller.scheduling.delays import failure_delay
from poller.scheduling.job import BEING_LOOKED_AT, JobObservation, Key, ScheduledJob, State
from poller.scheduling.job_table import JobTable
from poller.scheduling.look_planner import LookPlanner
from poller.scheduling.queue_estimator import Device
from poller.scheduling.requeue_selector import RequeueSelector

#: After this many other calls a look that is due is made.
BETWEEN_LOOKS = 3
#: After this many rejected calls in a row about one job alone, the job backs off for longer than its account.
SUSPECT = 3


class Scheduler(Generic[Key]):
    """Holds the jobs of one account and chooses its calls.

    Args:
        limits: what the account allows.
        now: the time in seconds since 1970.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.budget = Budget(limits.per_minute, now)
        self.devices: dict[str, Device[Key]] = {}
        self._jobs: JobTable[Key] = JobTable()
        self._looks: LookPlanner[Key] = LookPlanner(self._jobs, self.devices, limits.page)
        self._requeues: RequeueSelector[Key] = RequeueSelector(self._jobs)
        self._listing = False
        self._list_due = now
        self._calls_since_look = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def job(self, key: Key) -> ScheduledJob[Key] | None:
        """Return the job; None if it is not here."""
        return self._jobs.get(key)

    def job_keys(self) -> list[Key]:
        """Return the keys of all jobs, in the order in which they were added."""
        return list(self._jobs.keys())

    # --- jobs are added and removed ---------------------------------------------------------------------

    def add(
        self,
        key: Key,
        client: str,
        backend: str,
        simulator: bool,
        submitted: float,
        ahead: int | None,
        now: float,
        expected: float | None = None,
        looked: float | None = None,
    ) -> None:
        """Add a job.

        Args:
            key: identifies it.
            client: the id of its client.
            backend: the backend's name.
            simulator: whether its completion cannot be estimated.
            submitted: when it was submitted, by our clock.
            ahead: the number of jobs in the queue when it was submitted; None if unknown.
            now: the time.
            expected: its completion as estimated before, here or by another poller; None if unknown.
            looked: when it was last known not to be final; None for when it was submitted.
        """
        submitted = min(max(submitted, now - HORIZON), now)
        looked = min(max(submitted, looked or submitted), now)
        self.remove(key)
        job = ScheduledJob(
            key, client, backend, submitted, ahead, looked, expected, simulator, poll_at=now, added=now
        )
        self._jobs.add(job)
        if not simulator:
            self.devices.setdefault(backend, Device()).add(job, now)
            self._requeues.changed([key])
        self._looks.changed()

    def remove(self, key: Key) -> None:
        """Remove a job: its outcome is known, or it belongs to another poller."""
        job = self._jobs.remove(key)
        if job is None:
            return
        if not job.simulator:
            self.devices[job.backend].remove(job)
        self._requeues.removed(key)
        self._looks.changed()

    # --- the next call ----------------------------------------------------------------------------------

    def next_call(self, now: float, fetch: bool = True, look: bool = True) -> Call[Key] | None:
        """Choose the call to make now. It is charged to the budget.

        Args:
            now: the time.
            fetch: whether a thread for fetches is free.
            look: whether a thread for looks is free.

        Returns:
            The call; None if no call is due or allowed.
        """
        self._jobs.end_back_offs(now)
        if self.budget.ready_at(now) > now:
            return None
        call = self._choose(now, fetch, look)
        if call is not None:
            self.budget.charge(now)
            self._calls_since_look = 0 if call.kind == "look" else self._calls_since_look + 1
        return call

    def next_wake(self, now: float) -> float:
        """Return when to call `next_call` again if nothing happens before, in seconds since 1970."""
        wanted = min(
            now if self._jobs.first(State.READY) else math.inf,
            math.inf if self._listing else self._list_due,
            self._looks.next_at(now, self._scarce_price(now)),
            self._jobs.next_retry(),
        )
        return max(wanted, self.budget.ready_at(now))

    def _choose(self, now: float, fetch: bool, look: bool) -> Call[Key] | None:
        choices: list[Callable[[float], Call[Key] | None]] = [self._fetch] if fetch else []
        if look:
            choices.insert(0 if self._calls_since_look >= BETWEEN_LOOKS else len(choices), self._look)
            choices.append(self._list)
        return next((call for choose in choices if (call := choose(now)) is not None), None)

    def _fetch(self, _now: float) -> Call[Key] | None:
        return None if (job := self._jobs.next_ready()) is None else Call("fetch", (job.key,))

    def _list(self, now: float) -> Call[Key] | None:
        if self._listing or now < self._list_due:
            return None
        self._listing = True
        return Call("list")

    def _look(self, now: float) -> Call[Key] | None:
        return self._looks.choose(now, self.limits.price, self._scarce_price(now))

    def _scarce_price(self, now: float) -> float:
        return self.limits.price * self.budget.scarcity(now)

    # --- how a call went --------------------------------------------------------------------------------

    def look_answered(
        self,
        call: Call[Key],
        seen: Mapping[Key, JobObservation],
        now: float,
        full: bool,
        asked: float | None = None,
    ) -> None:
        """Record the answer to a look.

        Args:
            call: the look.
            seen: how the jobs in the answer stand, whether they are here or not.
            now: the time.
            full: whether the answer was a full page, beyond which there may be more jobs.
            asked: when the call was made, for jobs that were not final then may be by now; None for now.
        """
        self.budget.succeeded(asked)
        for backend in self._looks.answered(call, seen, now, full, now if asked is None else asked):
            self._forecast(self.devices[backend], now)

    def _forecast(self, device: Device[Key], now: float) -> None:
        device.forecast(now)
        self._requeues.changed(job.key for job in device.jobs)

    def fetch_delivered(self, key: Key, asked: float | None = None) -> None:
        """Record that the job's result was delivered, and remove the job."""
        self.budget.succeeded(asked)
        self.remove(key)

    def backends_listed(
        self, lengths: Iterable[tuple[str, int, bool, float | None]], now: float, asked: float | None = None
    ) -> None:
        """Record the answer to a list of backends.

        Args:
            lengths: for each backend its name, its queue length, whether it is operational, and the usual
                wait in seconds or None.
            now: the time.
            asked: when the call was made; None for now.
        """
        self.budget.succeeded(asked)
        self._listing, self._list_due = False, now + self.limits.list_every
        for name, length, operational, wait in lengths:
            if (device := self.devices.get(name)) is not None:
                device.listed(length, operational, now, wait)
                self._forecast(device, now)
        self._looks.changed()

    def call_failed(
        self, call: Call[Key], now: float, retry_after: float | None = None, asked: float | None = None
    ) -> None:
        """Record that the account rejected the call or was not reachable. All its calls pause.

        A job whose calls fail repeatedly may be the cause. It backs off for longer and longer, so that it
        does not block the account for other jobs.

        Args:
            call: the call.
            now: the time.
            retry_after: seconds that the provider asked to wait; None if it did not.
            asked: when the call was made; None for now.
        """
        until = self.budget.failed(now, retry_after, asked)
        self._looks.ended(call)
        if call.kind == "list":
            self._listing, self._list_due = False, max(until, now + self.limits.list_every)
        for job in self._awaiting(call):
            if call.since is None:
                job.refusals += 1
            if job.refusals > SUSPECT:
                self._jobs.back_off(job, until + failure_delay(job.refusals - SUSPECT))
            elif call.kind == "fetch":
                self._jobs.move(job, State.READY)
            elif job.state in BEING_LOOKED_AT:
                again = call.since is None and not job.simulator
                self._jobs.move(job, State.LOOK_DUE if again else State.WAITING)
        self._looks.changed()

    def job_failed(self, call: Call[Key], retry_at: float, asked: float | None = None) -> None:
        """Record that a call failed because of its job, which backs off.

        Args:
            call: the call.
            retry_at: when to retry it, in seconds since 1970.
            asked: when the call was made; None for now.
        """
        self.budget.succeeded(asked)
        self._looks.ended(call)
        for job in self._awaiting(call):
            self._jobs.back_off(job, retry_at)
        self._looks.changed()

    def fetch_postponed(self, call: Call[Key], retry_at: float) -> None:
        """Record that a fetch made no call to the account, because its job has to wait for something else.

        Args:
            call: the call.
            retry_at: when to retry it, in seconds since 1970.
        """
        self.budget.refund()
        for job in self._awaiting(call):
            self._jobs.back_off(job, retry_at)

    def _awaiting(self, call: Call[Key]) -> list[ScheduledJob[Key]]:
        """Return the jobs that still wait for the call: not those that changed while it was in progress."""
        jobs = [job for key in call.keys if (job := self._jobs.get(key)) is not None]
        if call.kind == "fetch":
            return [job for job in jobs if job.state is State.FETCHING]
        return [job for job in jobs if not job.final]

    def queue_length(self, backend: str) -> int | None:
        """Return the number of jobs in a device's queue; None if it is not known here."""
        device = self.devices.get(backend)
        return None if device is None else device.length()

    # --- what the owner knows ---------------------------------------------------------------------------

    def look_now(self, key: Key) -> None:
        """Make the next look at this job alone and as soon as possible: it may be final or has to end."""
        job = self._jobs.get(key)
        if job is not None and job.state is State.WAITING:
            self._jobs.move(job, State.LOOK_DUE)

    def back_off(self, key: Key, until: float) -> None:
        """Make no call about the job before `until`, and then look at it.

        Args:
            key: the job. It is ignored if it is not here or is final.
            until: in seconds since 1970.
        """
        if (job := self._jobs.get(key)) is not None and not job.final:
            self._jobs.back_off(job, until)
            self._looks.changed()

    def to_requeue(self, now: float) -> list[tuple[Key, float]]:
        """Choose the jobs that can wait at the broker, and those for which there is no room here.

        Returns:
            The key of each job and the seconds that it can wait, which are more than `KEEP`.
        """
        closed_until = self.budget.ready_at(now) if self.budget.failures else now
        return self._requeues.select(now, closed_until, self.limits.jobs)
