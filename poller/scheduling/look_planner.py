"""Plans looks at jobs, and reads their answers. Pure.

A look at one job shows that job. A page shows up to a limited number of jobs, and of two pages of devices'
jobs the second is not requested before the first is answered: its answer changes when the next page is worth
its call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Generic

from poller.scheduling import simulator_polling
from poller.scheduling.call import Call
from poller.scheduling.forecast import look_instant
from poller.scheduling.job import BEING_LOOKED_AT, UNKNOWN, JobObservation, Key, ScheduledJob, State
from poller.scheduling.job_table import JobTable
from poller.scheduling.pages import LOOK_MOST, Pages
from poller.scheduling.queue_estimator import Device

#: The fewest seconds between two pages of an account's jobs.
LOOK_LEAST = 0.05


class LookPlanner(Generic[Key]):
    """Plans the looks at the jobs of one account.

    Args:
        jobs: the jobs.
        devices: the devices and their queues, by name.
        page: the most jobs that one look returns.
    """

    def __init__(self, jobs: JobTable[Key], devices: Mapping[str, Device[Key]], page: int) -> None:
        self._jobs = jobs
        self._devices = devices
        self._page = page
        self._pages: Pages[Key] = Pages(page)
        #: The page of devices' jobs that is in progress.
        self._page_call: Call[Key] | None = None
        self._last_page = -math.inf
        #: When the next page is worth its call; None if that is to be calculated.
        self._page_at: float | None = None

    def changed(self) -> None:
        """Record that the jobs or their forecasts changed: when the next page is due is calculated again."""
        self._page_at = None

    def next_at(self, now: float, price: float) -> float:
        """Return when the next look is due, in seconds since 1970; infinity if none is.

        Args:
            now: the time in seconds since 1970.
            price: seconds of lag that a call is worth now.
        """
        return min(
            now if self._jobs.first(State.LOOK_DUE) else math.inf,
            math.inf if self._page_call else self._next_page(price),
            simulator_polling.next_poll(self._jobs),
        )

    def choose(self, now: float, price: float, scarce_price: float) -> Call[Key] | None:
        """Choose the look to make now; None if none is due.

        Args:
            now: the time in seconds since 1970.
            price: seconds of lag that a call is worth.
            scarce_price: the same while few calls are left.
        """
        if (job := self._jobs.first(State.LOOK_DUE)) is not None:
            return self._request([job])
        if due := simulator_polling.due(self._jobs, now, self._page):
            return self._request(due, newest_first=True)
        if self._page_call is not None or self._next_page(scarce_price) > now:
            return None
        waiting = self._unknown()
        if not waiting:
            return None
        self._page_call = self._request(self._pages.best(waiting, now, price))
        self._last_page = now
        return self._page_call

    def _request(self, jobs: list[ScheduledJob[Key]], newest_first: bool = False) -> Call[Key]:
        """Return a look at these jobs, which must be in the order in which the page lists them."""
        self.changed()
        keys = tuple(job.key for job in jobs)
        if len(keys) == 1:
            self._jobs.move(jobs[0], State.LOOKING_ALONE)
            return Call("look", keys)
        for job in jobs:
            self._jobs.move(job, State.LOOKING)
        oldest = jobs[-1] if newest_first else jobs[0]
        return Call("look", keys, self._pages.since(oldest), newest_first)

    def _unknown(self) -> list[ScheduledJob[Key]]:
        """Return the devices' jobs that a page may include."""
        return [job for device in self._devices.values() for job in device.jobs if job.state in UNKNOWN]

    def _next_page(self, price: float) -> float:
        """Return when the next page of devices' jobs is worth its call; infinity if no job is waiting."""
        if self._page_at is None:
            waiting = self._unknown()
            if not waiting:
                return math.inf
            instant = look_instant(
                [job.forecast for job in waiting],
                [job.looked for job in waiting],
                price,
                min(job.looked for job in waiting) + LOOK_MOST,
            )
            self._page_at = max(instant, self._last_page + LOOK_LEAST)
        return self._page_at

    def answered(
        self, call: Call[Key], seen: Mapping[Key, JobObservation], now: float, full: bool, asked: float
    ) -> list[str]:
        """Record the answer to a look.

        Args:
            call: the look.
            seen: the states of the jobs in the answer, whether they are here or not.
            now: the time in seconds since 1970.
            full: whether the answer was a full page, beyond which there may be more jobs.
            asked: when the call was made. Jobs that were not final then may be by now.

        Returns:
            The names of the devices whose jobs were in the answer.
        """
        self.ended(call)
        created = [observation.created for observation in seen.values() if observation.created is not None]
        self._pages.answered(call, created, full)
        devices: dict[str, None] = {}
        for key, observation in seen.items():
            job = self._jobs.get(key)
            if job is None:
                continue
            if not job.simulator:
                devices[job.backend] = None
            if not job.final:
                self._observe(job, observation, asked, now)
        if call.since is not None:
            self._handle_unseen(call, seen, created, full)
        self.changed()
        return list(devices)

    def ended(self, call: Call[Key]) -> None:
        """Record that a call is no longer in progress."""
        if call is self._page_call:
            self._page_call = None

    def _observe(self, job: ScheduledJob[Key], observation: JobObservation, asked: float, now: float) -> None:
        job.refusals = 0
        self._pages.note_clock(job, observation)
        if job.simulator:
            simulator_polling.observe(job, observation, now)
        else:
            self._devices[job.backend].saw(job, observation, asked)
        if observation.final:
            job.final = True
            self._jobs.move(job, State.READY)
        elif job.state in BEING_LOOKED_AT:
            self._jobs.move(job, State.WAITING)

    def _handle_unseen(
        self, call: Call[Key], seen: Mapping[Key, JobObservation], created: list[float], full: bool
    ) -> None:
        """Handle the jobs that a page's answer lacks: it ended before them, or the provider omitted them."""
        unseen = [key for key in call.keys if key not in seen]
        # A page without any of its jobs was misplaced, and the same page again would be too.
        misplaced = len(unseen) == len(call.keys)
        for number, key in enumerate(unseen):
            job = self._jobs.get(key)
            if job is None or job.state is not State.LOOKING:
                continue
            reached = call.newest_first or not self._pages.is_beyond(job, created, full)
            alone = reached or (misplaced and number == 0)
            self._jobs.move(job, State.LOOK_DUE if alone else State.WAITING)
