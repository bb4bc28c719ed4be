"""Which call to one account comes next: the poller's scheduler. Pure: time and findings are told.

The owner asks `next_call`, makes the call, and tells how it went: `looked`, `fetched`, `listed` or `failed`.
All of an account's calls come from here, so that its budget holds for them together. In order:

1. results of jobs known to be final, of each client in turn;
2. a look, when it is worth its call (`forecast`): one call tells of up to a page of jobs, the oldest
   first, from where it is worth most. Each fourth call is a look where one is due, whatever waits;
3. the list of backends, with the queues' lengths.

Jobs of simulators, whose completion nobody can estimate but which are mostly done within milliseconds, have
an instant of their own for the next look, and are looked at together where several are due.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from core.events import HORIZON
from poller.scheduling.budget import Budget
from poller.scheduling.call import Call, Limits
from poller.scheduling.delays import KEEP, WaitPlan, choose_wait_topic, failure_delay
from poller.scheduling.fair_queue import FairQueue
from poller.scheduling.forecast import look_instant
from poller.scheduling.overflow import overflow
from poller.scheduling.pages import LOOK_MOST, Pages
from poller.scheduling.queue_estimator import Device, Job, JobObservation
from poller.scheduling.simulator_polling import SimulatorPolling

#: Seconds between looks at an account at the least.
LOOK_LEAST = 0.05
#: A job waits at the broker until it may be done with this probability.
EARLY = 0.01
#: Calls other than looks after which a look that is due is made.
BETWEEN_LOOKS = 3
#: Calls in a row about one job alone that may be refused before it is put off for longer than the account.
SUSPECT = 3


class Scheduler:
    """The jobs of one account, and its calls.

    Args:
        limits: see there.
        now: the time, in seconds since 1970.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.budget = Budget(limits.per_minute, now)
        self.devices: dict[str, Device] = {}
        self._jobs: dict[Hashable, Job] = {}
        #: Jobs with a new forecast, which may say that they can wait elsewhere.
        self._fresh: set[Hashable] = set()
        self._simulator_polling = SimulatorPolling()
        self._pages = Pages(limits.page)
        self._ready: FairQueue[Hashable] = FairQueue()
        #: Jobs that are known to be final: their results are waited for, and they are looked at no more.
        self._final: set[Hashable] = set()
        #: Jobs that a page should have told of and did not: each is asked for alone.
        self._missing: dict[Hashable, None] = {}
        #: Jobs whose call is under way, or whose result is known to be ready.
        self._busy: set[Hashable] = set()
        #: Jobs that failed by themselves: not before this instant.
        self._later: dict[Hashable, float] = {}
        #: Calls in a row about a job alone that the account refused.
        self._refused: dict[Hashable, int] = {}
        self._looking = False
        self._listing = False
        self._list_due = now
        self._since_look = 0
        self._last_look = -math.inf
        self._look_at: float | None = None

    def __len__(self) -> int:
        return len(self._jobs)

    def job(self, key: Hashable) -> Job | None:
        """The job; None if it is not watched here."""
        return self._jobs.get(key)

    # --- jobs come and go -------------------------------------------------------------------------------

    def add(
        self,
        key: Hashable,
        client: str,
        backend: str,
        simulator: bool,
        submitted: float,
        ahead: int | None,
        now: float,
        expected: float | None = None,
        looked: float | None = None,
    ) -> None:
        """Watch a job.

        Args:
            key: unique; what the owner calls it.
            client: whose it is.
            backend: where it is.
            simulator: true where nobody can estimate its completion.
            submitted: instant, by our clock.
            ahead: jobs that it found in the queue.
            expected: instant of completion, as it was estimated before, here or by another poller.
            looked: when it was last known not to be final; None for when it was submitted.
        """
        submitted = min(max(submitted, now - HORIZON), now)
        job = Job(
            key, client, backend, submitted, ahead, min(max(submitted, looked or submitted), now), expected
        )
        self._jobs[key] = job
        if simulator:
            self._simulator_polling.add(job, now)
        else:
            self.devices.setdefault(backend, Device()).add(job, now)
            self._fresh.add(key)
        self._look_at = None

    def drop(self, key: Hashable) -> None:
        """Watch it no longer: its outcome is known, or it is another poller's."""
        job = self._jobs.pop(key, None)
        if job is None:
            return
        if key not in self._simulator_polling and job.backend in self.devices:
            self.devices[job.backend].remove(job)
        self._simulator_polling.drop(key)
        self._fresh.discard(key)
        self._missing.pop(key, None)
        self._later.pop(key, None)
        self._refused.pop(key, None)
        self._busy.discard(key)
        if key in self._final:
            self._final.discard(key)
            self._ready.discard(lambda one: one == key)
        self._look_at = None

    # --- which call -------------------------------------------------------------------------------------

    def next_call(self, now: float, fetch: bool = True, look: bool = True) -> Call | None:
        """The call to make now, which counts as made; None if there is none, or none is allowed.

        Args:
            now: the time.
            fetch, look: whether whoever does such calls is free.
        """
        self._due_again(now)
        if self.budget.ready_at(now) > now:
            return None
        call = self._choose(now, fetch, look)
        if call is not None:
            self.budget.take(now)
            self._since_look = 0 if call.kind == "look" else self._since_look + 1
        return call

    def wake(self, now: float) -> float:
        """The instant at which to ask for the next call again, if nothing happens before."""
        wanted = min(
            now if self._ready or self._missing else math.inf,
            self._list_due if not self._listing else math.inf,
            math.inf if self._looking else self._device_look(now),
            self._simulator_polling.wake(self._busy),
            min(self._later.values(), default=math.inf),
        )
        return max(wanted, self.budget.ready_at(now))

    def _choose(self, now: float, fetch: bool, look: bool) -> Call | None:
        look_first = self._since_look >= BETWEEN_LOOKS
        if look and look_first and (call := self._look(now)) is not None:
            return call
        if fetch and (key := self._ready.take()) is not None:
            return Call("fetch", (key,))
        if look and not look_first and (call := self._look(now)) is not None:
            return call
        if look and now >= self._list_due and not self._listing:
            self._listing = True
            return Call("list")
        return None

    def _look(self, now: float) -> Call | None:
        if self._missing:
            key = next(iter(self._missing))
            del self._missing[key]
            self._busy.add(key)
            return Call("look", (key,))
        if due := self._simulator_polling.due(now, self._busy, self.limits.page):
            self._busy.update(job.key for job in due)
            return self._page_of(due, newest_first=True)
        if self._looking or self._device_look(now) > now or not (waiting := self._waiting()):
            return None
        self._looking, self._last_look, self._look_at = True, now, None
        asked = self._pages.best(waiting, now, self.limits.price)
        self._busy.update(job.key for job in asked)
        return self._page_of(asked)

    def _page_of(self, jobs: list[Job], newest_first: bool = False) -> Call:
        """The call that tells of these jobs, in the order in which it tells of them."""
        keys = tuple(job.key for job in jobs)
        if len(keys) == 1:
            return Call("look", keys)
        oldest = jobs[-1] if newest_first else jobs[0]
        return Call("look", keys, self._pages.since(oldest), newest_first)

    def _waiting(self) -> list[Job]:
        """The devices' jobs that are looked at together."""
        return [
            job
            for device in self.devices.values()
            for job in device.jobs
            if job.key not in self._busy and job.key not in self._later
        ]

    def _device_look(self, now: float) -> float:
        """When the next look at the devices' jobs is worth its call."""
        if self._look_at is None:
            waiting = self._waiting()
            if not waiting:
                return math.inf
            found = look_instant(
                [job.forecast for job in waiting],
                [job.looked for job in waiting],
                self.limits.price * self.budget.scarcity(now),
                min(job.looked for job in waiting) + LOOK_MOST,
            )
            self._look_at = max(found, self._last_look + LOOK_LEAST)
        return self._look_at

    def _due_again(self, now: float) -> None:
        for key in [key for key, at in self._later.items() if at <= now]:
            del self._later[key]
            if key in self._final:
                self._ready.put(self._jobs[key].client, key)
            else:
                self._busy.discard(key)
                self._missing[key] = None

    # --- what a call gave -------------------------------------------------------------------------------

    def looked(
        self,
        call: Call,
        seen: Mapping[Any, JobObservation],
        now: float,
        full: bool,
        asked: float | None = None,
    ) -> None:
        """A look was answered.

        Args:
            call: the look.
            seen: how the jobs stand that it told of, watched here or not.
            now: the time.
            full: whether it was a full page, beyond which there may be more jobs.
            asked: when the call was made: what was not final then may be by now; None for now.
        """
        self.budget.succeeded(asked)
        self._end_look(call)
        asked = now if asked is None else asked
        told = [observation.created for observation in seen.values() if observation.created is not None]
        self._pages.told(call, told, full)
        for key, observation in seen.items():
            if (job := self._jobs.get(key)) is None or key in self._final:
                continue
            self._busy.discard(key)
            self._refused.pop(key, None)
            self._pages.note_clock(job, observation)
            if key in self._simulator_polling:
                self._simulator_polling.saw(job, observation, now)
            else:
                self.devices[job.backend].saw(job, observation, asked)
            if observation.final:
                self._final.add(key)
                self._busy.add(key)
                self._later.pop(key, None)
                self._missing.pop(key, None)
                self._ready.put(job.client, key)
        if call.since is not None:
            unseen = [key for key in call.keys if key not in seen]
            if len(unseen) == len(call.keys):
                # The page was misplaced, and asked for again would be the same: the first is asked for alone.
                self._untold(unseen.pop(0), call, told, full=False)
            for key in unseen:
                self._untold(key, call, told, full)
        for backend in {
            self._jobs[key].backend
            for key in seen
            if key in self._jobs and key not in self._simulator_polling
        }:
            self._forecast(self.devices[backend], now)
        self._look_at = None

    def _forecast(self, device: Device, now: float) -> None:
        device.forecast(now)
        self._fresh.update(job.key for job in device.jobs)

    def _untold(self, key: Hashable, call: Call, told: list[float], full: bool) -> None:
        """A page did not tell of this job: perhaps it did not reach so far, else it is asked for alone."""
        if key not in self._busy or key not in self._jobs:
            return
        self._busy.discard(key)
        if call.newest_first or not self._pages.is_beyond(self._jobs[key], told, full):
            self._missing[key] = None

    def fetched(self, key: Hashable, asked: float | None = None) -> None:
        """The job's result, asked for then, was delivered: it is watched no longer."""
        self.budget.succeeded(asked)
        self.drop(key)

    def hurry(self, key: Hashable) -> None:
        """Look at the job at once: there is a reason to think that it is final, or it must come to an end."""
        if key in self._jobs and key not in self._busy and key not in self._later:
            self._missing[key] = None

    def put_off(self, key: Hashable, until: float) -> None:
        """Leave the job alone until that instant, then look at it."""
        if key in self._jobs:
            self._busy.add(key)
            self._later[key] = until
            self._look_at = None

    def listed(
        self,
        lengths: Iterable[tuple[str, int, bool, float | None]],
        now: float,
        asked: float | None = None,
    ) -> None:
        """The list of backends: name, queue length, operational, and the usual wait in seconds where told."""
        self.budget.succeeded(asked)
        self._listing, self._list_due = False, now + self.limits.list_every
        for name, length, operational, wait in lengths:
            if (device := self.devices.get(name)) is not None:
                device.listed(length, operational, now, wait)
                self._forecast(device, now)
        self._look_at = None

    def failed(
        self, call: Call, now: float, retry_after: float | None = None, asked: float | None = None
    ) -> None:
        """The account could not be reached or asked for patience: no call of any kind for a while.

        A job for which this happens again and again may itself be the reason. It is put off for longer and
        longer, so that it cannot close the account for the others.

        Args:
            call: that failed.
            now: the time.
            retry_after: seconds that the provider asked to wait.
            asked: when the call was made; None for now.
        """
        until = self.budget.failed(now, retry_after, asked)
        self._end_look(call)
        if call.kind == "list":
            self._listing, self._list_due = False, max(until, now + self.limits.list_every)
        for key in call.keys:
            if (job := self._jobs.get(key)) is None:
                continue
            if call.since is None:
                self._refused[key] = self._refused.get(key, 0) + 1
            if self._refused.get(key, 0) > SUSPECT:
                self._busy.add(key)
                self._later[key] = until + failure_delay(self._refused[key] - SUSPECT)
            elif call.kind == "fetch":
                self._ready.put(job.client, key)
            elif key not in self._final:
                self._busy.discard(key)
                if call.since is None and key not in self._simulator_polling:
                    self._missing[key] = None
        self._look_at = None

    def again(self, call: Call, at: float, asked: float | None = None) -> None:
        """The job itself, or what comes after its result, failed: the same again at that instant."""
        self.budget.succeeded(asked)
        self._end_look(call)
        for key in call.keys:
            if key in self._jobs and (call.kind == "fetch" or key not in self._final):
                self._busy.add(key)
                self._later[key] = at
        self._look_at = None

    def _end_look(self, call: Call) -> None:
        # Only looks at devices' jobs exclude one another: each one's findings change when the next is worth
        # it.
        if call.kind == "look" and not self._simulator_polling.are_those(call):
            self._looking = False

    # --- what waits elsewhere ---------------------------------------------------------------------------

    def to_requeue(self, now: float) -> list[tuple[Hashable, WaitPlan]]:
        """The jobs that can wait at the broker, each with its wait topic; and the surplus."""
        found: list[tuple[Hashable, WaitPlan]] = []
        closed = self.budget.ready_at(now) if self.budget.failures else now
        if closed - now > KEEP:
            self._fresh.update(self._jobs)
        for key in self._fresh:
            if not self._idle(key):
                continue
            job, until = self._jobs[key], closed
            if key not in self._simulator_polling:
                until = max(until, min(job.forecast.quantile(EARLY), job.looked + LOOK_MOST))
            plan = choose_wait_topic(until - now)
            if plan.topic is not None:
                found.append((key, plan))
        # What cannot wait elsewhere now cannot later either, unless its forecast changes.
        self._fresh.clear()
        too_many = len(self._jobs) - len(found) - self.limits.jobs
        if too_many > 0:
            parked = {key for key, _ in found}
            idle = [job for key, job in self._jobs.items() if self._idle(key) and key not in parked]
            found += [(key, choose_wait_topic(KEEP + 0.001)) for key in overflow(idle, too_many)]
        return found

    def _idle(self, key: Hashable) -> bool:
        return key not in self._busy and key not in self._later and key not in self._missing
