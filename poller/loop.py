"""The poller's loop: take events, make the calls that are due, deliver or put back, commit what is done.

One thread owns the consumers and all state; each account's worker threads (`poller.lane`) look and deliver.
`step(now)` is one turn. When to look at what is for `poller.desk` to say.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaException

from core.errors import (
    EventError,
    JobNotFoundError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    QwhiskError,
    ResultStoreError,
    StreamError,
)
from core.events import BackendList, JobEvent, ResultEvent, encode
from core.offsets import Partition
from core.provider import Provider
from core.settings import KafkaSettings
from core.streams import Publisher
from core.topics import BACKENDS
from poller import cancel
from poller.desk import Limits
from poller.forecast import Forecast
from poller.intake import Intake
from poller.lane import Found, Lane, sighting
from poller.metrics import Metrics
from poller.progress import Told, is_news
from poller.reply import StepError
from poller.retriever import Retriever
from poller.runs import Runs
from poller.schedule import KEEP, Plan, failure_delay
from poller.watch import Key, Watch

log = logging.getLogger(__name__)

#: Events held here at once; while there are more, no further ones are taken. What is too much for an
#: account's own limit waits in a wait topic, so this is reached only while the broker does not acknowledge.
MAX_WATCHES = 6_000
#: Seconds the loop sleeps at most, and while calls are under way.
IDLE, BUSY = 0.1, 0.005
#: Seconds for which a job that the provider does not know may still appear.
UNKNOWN_GRACE = 10.0
#: Seconds of expected wait from which on a client is told the first estimate before any look.
SOON = 5.0
#: Seconds between searches for jobs that are past the deadline.
SWEEP = 10.0

#: Failures of an account, not of a job: no call of any kind for a while.
_ACCOUNTS = (ProviderUnavailableError, ProviderUnauthorizedError)
#: Failures of a job that may pass. Only the deadline ends these.
_PASSING = (StreamError, ResultStoreError, JobNotFoundError, StepError)
#: Failures of another kind after which a job is given up.
MAX_FAILURES = 5


class Poller:
    """One member of the consumer group `pollers`.

    Args:
        kafka: how to reach the broker.
        provider: where the jobs are.
        retriever: delivers the results.
        publisher: for events that are put back.
        workers: threads that look, and as many that deliver, for each account.
        deadline: seconds after its submission at which a job is given up.
        hardware, simulator: what the accounts allow.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        provider: Provider,
        retriever: Retriever,
        publisher: Publisher,
        workers: int = 4,
        deadline: float = 7 * 86_400.0,
        hardware: Limits | None = None,
        simulator: Limits | None = None,
    ) -> None:
        self._provider = provider
        self._retriever = retriever
        self._publisher = publisher
        self._deadline = deadline
        self.metrics = Metrics()
        self._watches: dict[tuple[Partition, int], Watch] = {}
        self._by_step: dict[Key, Watch] = {}
        self._runs = Runs()
        self._outcomes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        # One clock that never jumps: the system's is asked once.
        self._epoch = time.time() - time.monotonic()
        self.last_step = time.monotonic()
        self._swept = self._now()
        self._lanes: dict[Any, Lane] = {}
        for name, limits in (("hardware", hardware), ("simulator", simulator)):
            account = provider.account(name)
            if account not in self._lanes:
                self._lanes[account] = Lane(
                    name, account, limits or Limits(), retriever, workers, self._now(), self._found
                )
        self._intake = Intake(kafka, publisher, self._outcomes.put, self._lost)

    def _now(self) -> float:
        """Seconds since 1970."""
        return self._epoch + time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then hand over in order."""
        while not stop.is_set():
            try:
                self.step(time.monotonic())
            except KafkaException as error:
                log.error("Kafka: %s", error)
                stop.wait(0.5)
        self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Let the workers end, commit, leave the group."""
        for lane in self._lanes.values():
            lane.close()
        self._settle_all()
        self._intake.close()
        self._publisher.close(timeout)

    def step(self, monotonic: float) -> None:
        """One turn: outcomes, new messages, due calls, what can wait elsewhere, commits."""
        self.last_step = monotonic
        now = self._epoch + monotonic
        self._settle_all()
        self._intake.regulate(monotonic, full=len(self._watches) >= MAX_WATCHES)
        self._take(now)
        self._cancel(now)
        for lane in self._lanes.values():
            self._share(lane)
            for call in lane.start(now):
                self.metrics.calls.labels(lane.name, call.kind).inc()
            for key, plan in lane.desk.to_park(now):
                if (watch := lane.watches.get(key)) is not None:  # type: ignore[call-overload]
                    self._park(watch, plan)
        if now - self._swept >= SWEEP:
            self._swept = now
            self._sweep(now)
        self._intake.commit(monotonic)

    def _settle_all(self) -> None:
        """Deal with what the workers and the broker have told; a mistake with one leaves the others."""
        while not self._outcomes.empty():
            try:
                self._outcomes.get()()
            except KafkaException:
                raise
            except Exception:
                log.exception("an outcome could not be dealt with; its event is seen again at the next start")

    def _lane(self, event: JobEvent) -> Lane:
        return self._lanes[self._provider.account(event.backend_type)]

    def _share(self, lane: Lane) -> None:
        """Pollers share what an account allows, as they share the partitions."""
        allowed = lane.desk.limits.per_minute
        if allowed is not None:
            share = max(2, round(allowed * self._intake.share()))
            if share != lane.desk.budget.per_minute:
                lane.desk.budget.share(share)

    # --- taking ----------------------------------------------------------------------------------

    def _take(self, now: float) -> None:
        for taken in self._intake.take(self._patience(now)):
            at = self._now()
            watch = Watch(taken.event, taken.partition, taken.offset, at, at, taken.cancel)
            if taken.cancel:
                self._watches[watch.identity] = watch
                continue
            if self._runs.is_past(taken.event) or self._is_watched(watch.key):
                self._intake.finish(taken.partition, taken.offset)
                continue
            self._watches[watch.identity] = watch
            self._runs.note(taken.event)
            self._watch(watch, at)

    def _watch(self, watch: Watch, now: float) -> None:
        self._by_step[watch.key] = watch
        lane = self._lane(watch.event)
        lane.add(watch, now)
        if self._age(watch.event, now) > self._deadline:
            lane.desk.hurry(watch.key)
        if watch.event.attempt > 0 and watch.event.estimated_completion_time is not None:
            # What its client was told is as good as what it was put away with.
            before = watch.event.estimated_completion_time.timestamp()
            forecast = self._forecast(watch)
            watch.told = Told("QUEUED", forecast and Forecast(forecast.position, before, 1.0), watch.taken)
        elif (forecast := self._forecast(watch)) is not None and forecast.mean - now > SOON:
            self._tell(watch, "QUEUED", now)

    def _is_watched(self, key: Key) -> bool:
        """True if the same step of the same run is watched already, under an offset not yet committed."""
        known = self._by_step.get(key)
        return known is not None and not known.leaving

    def _patience(self, now: float) -> float:
        """Seconds to wait for a message: until the next call is due."""
        if any(lane.busy for lane in self._lanes.values()) or not self._outcomes.empty():
            return BUSY
        wake = [lane.desk.wake(now) for lane in self._lanes.values()]
        wake += [watch.due for watch in self._watches.values() if watch.cancel]
        return max(0.0, min([IDLE, *(at - now for at in wake)]))

    # --- what calls gave (loop thread) ---------------------------------------------------------------

    def _found(self, lane: Lane, found: Found) -> None:
        self._outcomes.put(lambda: self._settle(lane, found))

    def _settle(self, lane: Lane, found: Found) -> None:
        now = self._now()
        if found.call.kind == "fetch":
            lane.delivering -= 1
        else:
            lane.looking -= 1
        self.metrics.seconds.labels(lane.name, found.call.kind).observe(found.seconds)
        if found.error is not None:
            self._call_failed(lane, found, found.error, now)
        elif found.call.kind == "list":
            self._listed(lane, found, now)
        elif found.delivered is not None:
            watch = lane.watches.get(found.call.keys[0])  # type: ignore[call-overload]
            lane.desk.fetched(found.call.keys[0], found.asked)
            if watch is not None:
                self._delivered(watch, found.delivered, now)
        else:
            self._looked(lane, found, now)

    def _looked(self, lane: Lane, found: Found, now: float) -> None:
        seen = {}
        for key, watch in list(lane.watches.items()):
            view = found.views.get(watch.event.job_id)
            if view is None:
                continue
            watch.view = view
            seen[key] = sighting(view)
            self.metrics.looks.labels(lane.name, view.status).inc()
            if self._runs.is_past(watch.event):
                self._finish(watch)  # as after a wish to cancel, which told the end by itself
        full = len(found.views) >= lane.desk.limits.page
        lane.desk.looked(found.call, seen, now, full, found.asked)
        for key, one in seen.items():
            looked = lane.watches.get(key)
            if looked is None or one.final:
                continue
            looked.failures = 0
            looked.event.looked_at = datetime.fromtimestamp(found.asked, UTC)
            if self._age(looked.event, now) > self._deadline:
                self._give_up(looked, "deadline", f"The job was not done within {self._deadline:.0f} s.")
            else:
                self._tell(looked, one.status, now)

    def _listed(self, lane: Lane, found: Found, now: float) -> None:
        lane.desk.listed(
            [(b.name, b.queue_length, b.operational, None) for b in found.backends], now, found.asked
        )
        lane.submit(self._publish_backends)
        for watch in lane.watches.values():
            if watch.told is not None and watch.view is None:
                self._tell(watch, "QUEUED", now)

    def _delivered(self, watch: Watch, delivered: ResultEvent, now: float) -> None:
        if delivered.final:
            self._runs.end(watch.event)
            self.metrics.delivered.labels(delivered.status).inc()
        else:
            # The next step's event is in its topic: should this one come again meanwhile, it is past.
            self._runs.note(delivered)
        if watch.view is not None and watch.view.finished is not None:
            lag = max(0.0, now - watch.view.finished.timestamp())
            self.metrics.lag.labels(watch.event.backend_type).observe(lag)
        log.info(
            "delivered" if delivered.final else "next step",
            extra={
                "process_job_id": watch.event.process_job_id,
                "status": delivered.status,
                "backend": watch.event.backend,
            },
        )
        self._finish(watch)

    def _call_failed(self, lane: Lane, found: Found, error: QwhiskError, now: float) -> None:
        self._count(lane, error)
        call = found.call
        alone = call.kind == "fetch" or (call.kind == "look" and call.since is None)
        if isinstance(error, _ACCOUNTS) or not alone:
            log.warning("%s: %s", lane.name, error.message)
            lane.desk.failed(call, now, getattr(error, "retry_after", None), found.asked)
            return
        watch = lane.watches.get(call.keys[0])  # type: ignore[call-overload]
        if watch is None:
            lane.desk.again(call, now, found.asked)
            return
        delay = self._failed(watch, error)
        lane.desk.again(call, now + delay, found.asked)

    def _count(self, lane: Lane, error: QwhiskError) -> None:
        self.metrics.errors.labels(lane.name, error.code, _status(error)).inc()
        if isinstance(error, _ACCOUNTS):
            asked = getattr(error, "retry_after", None) is not None
            self.metrics.pauses.labels(lane.name, "retry_after" if asked else "backoff").inc()

    def _failed(self, watch: Watch, error: QwhiskError) -> float:
        """A job failed by itself; gives the seconds after which to try again."""
        age = self._age(watch.event, self._now())
        watch.failures += 1
        if self._runs.is_past(watch.event):
            self._finish(watch)  # only the function's reply got lost: its next job is announced
        elif isinstance(error, JobNotFoundError) and age > UNKNOWN_GRACE:
            self._give_up(watch, "job_not_found", "The provider does not know this job any more.")
        elif age > self._deadline:
            self._give_up(
                watch, "deadline", f"No result within {self._deadline:.0f} s; the last error: {error.message}"
            )
        elif isinstance(error, _PASSING) or watch.failures < MAX_FAILURES:
            log.warning("%s", error.message, extra={"process_job_id": watch.event.process_job_id})
        else:
            self._give_up(watch, error.code, error.message)
        return failure_delay(watch.failures)

    def _sweep(self, now: float) -> None:
        """Jobs whose account does not answer have an end too."""
        for lane in self._lanes.values():
            if not lane.desk.budget.failures:
                continue
            for watch in list(lane.watches.values()):
                if not watch.busy and self._age(watch.event, now) > self._deadline:
                    self._give_up(
                        watch,
                        "deadline",
                        f"No result within {self._deadline:.0f} s; no answer from the provider.",
                    )

    # --- wishes to cancel ------------------------------------------------------------------------------

    def _cancel(self, now: float) -> None:
        for watch in self._watches.values():
            if not watch.cancel or watch.busy or watch.due > now:
                continue
            lane = self._lane(watch.event)
            if not lane.desk.budget.take(now):
                watch.due = lane.desk.budget.ready_at(now)
                continue
            watch.busy = True
            self.metrics.calls.labels(lane.name, "cancel").inc()
            lane.submit(lambda lane=lane, watch=watch: self._cancel_now(lane, watch))  # type: ignore[misc]

    def _cancel_now(self, lane: Lane, watch: Watch) -> None:
        found = cancel.attempt(lane.account, self._retriever, watch)
        self._outcomes.put(lambda: self._cancelled(lane, watch, found))

    def _cancelled(self, lane: Lane, watch: Watch, found: cancel.Attempt) -> None:
        if self._watches.get(watch.identity) is not watch:
            return
        now, watch.busy = self._now(), False
        if found.delivered is not None:
            self._delivered(watch, found.delivered, now)
        elif found.error is not None:
            self._count(lane, found.error)
            self._cancel_failed(watch, found.error, now)
        elif cancel.too_late(found.newest, now - watch.taken):
            self._finish(watch)  # the run ended otherwise, and its own event tells how
        else:
            watch.failures = 0
            watch.due = now + cancel.delay(now - watch.taken)
        for own in [own for own in self._by_step.values() if own.key[0] == watch.key[0]]:
            lane.desk.hurry(own.key)

    def _cancel_failed(self, watch: Watch, error: QwhiskError, now: float) -> None:
        watch.failures += 1
        if self._age(watch.event, now) > self._deadline:
            # The run has its own event, which tells how it ends.
            self._finish(watch)
            return
        log.warning("not cancelled: %s", error.message, extra={"process_job_id": watch.event.process_job_id})
        watch.due = now + max(failure_delay(watch.failures), getattr(error, "retry_after", None) or 0.0)

    # --- telling the client, and ending ------------------------------------------------------------------

    def _forecast(self, watch: Watch) -> Forecast | None:
        job = None if watch.simulator else self._lane(watch.event).desk.job(watch.key)
        return job.forecast if job is not None else None

    def _tell(self, watch: Watch, status: Any, now: float) -> None:
        forecast, event = self._forecast(watch), watch.event
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        if not is_news(watch.told, status, forecast, watch.simulator, event.submitted_at.timestamp(), now):
            return
        watch.told = Told(status, forecast, now)
        progress = ResultEvent.model_construct(
            **event.__dict__ | {"state": None, "looked_at": None},
            status=status,
            queue_position=forecast.position if forecast else None,
        )
        self._lane(event).submit(lambda: self._tell_now(progress))

    def _tell_now(self, progress: ResultEvent) -> None:
        try:
            self._retriever.tell(progress)
        except QwhiskError as error:
            # News are a courtesy: the final event is what is never lost.
            log.warning("progress not told: %s", error.message)

    def _park(self, watch: Watch, plan: Plan) -> None:
        """Put the event into a wait topic, from which any poller may take it again."""
        assert plan.topic is not None
        event = watch.event.model_copy(update={"attempt": watch.event.attempt + 1})
        forecast = self._forecast(watch)
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        try:
            data = encode(event)
        except EventError as error:
            # With its estimate it is longer than it came, and no longer fits: it waits here instead.
            log.warning("%s", error.message, extra={"process_job_id": event.process_job_id})
            return
        watch.leaving = True
        self._lane(event).remove(watch)
        self.metrics.requeued.labels(plan.topic).inc()
        sent = self._publisher.send(plan.topic, event.process_job_id, data)
        self._when_sent(sent, lambda: self._finish(watch), lambda: self._stay(watch))

    def _stay(self, watch: Watch) -> None:
        """The broker did not take the event: it is watched here again."""
        if self._watches.get(watch.identity) is not watch:
            return
        if self._by_step.get(watch.key) is not watch:
            self._finish(watch)  # it came back although nobody acknowledged it
            return
        watch.leaving = False
        self._lane(watch.event).add(watch, self._now())

    def _give_up(self, watch: Watch, code: str, message: str) -> None:
        log.error("giving up: %s", message, extra={"process_job_id": watch.event.process_job_id})
        watch.busy = True
        lane = self._lane(watch.event)
        lane.remove(watch)
        lane.submit(lambda: self._give_up_now(watch, code, message))

    def _give_up_now(self, watch: Watch, code: str, message: str) -> None:
        try:
            delivered = self._retriever.give_up(watch.event, code, message)
        except QwhiskError as error:
            log.error("the end of %s cannot be told: %s", watch.event.process_job_id, error.message)
            self._outcomes.put(lambda: self._not_given_up(watch))
        except Exception:
            log.exception("the end of %s cannot be told", watch.event.process_job_id)
            self._outcomes.put(lambda: self._not_given_up(watch))
        else:
            self._outcomes.put(lambda: self._given_up(watch, delivered))

    def _given_up(self, watch: Watch, delivered: ResultEvent) -> None:
        if self._watches.get(watch.identity) is watch:
            self._delivered(watch, delivered, self._now())

    def _not_given_up(self, watch: Watch) -> None:
        """Later, and not at once for ever: it is looked at again first, which fails again, and so on."""
        if self._watches.get(watch.identity) is not watch:
            return
        watch.busy = False
        watch.due = self._now() + KEEP
        lane = self._lane(watch.event)
        lane.add(watch, self._now())
        lane.desk.put_off(watch.key, watch.due)

    def _finish(self, watch: Watch) -> None:
        if self._watches.get(watch.identity) is not watch:
            return  # another poller's by now, or taken anew
        self._forget(watch)
        self._intake.finish(watch.partition, watch.offset)

    def _when_sent(self, sent: Future[None], then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        def done(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                log.error("%s", error)
            self._outcomes.put(otherwise if error else then)

        sent.add_done_callback(done)

    def _age(self, event: JobEvent, now: float) -> float:
        return now - event.submitted_at.timestamp()

    def _lost(self, partition: Partition) -> None:
        """The partition is another poller's now, and so are its events."""
        for watch in [watch for watch in self._watches.values() if watch.partition == partition]:
            self._forget(watch)

    def _forget(self, watch: Watch) -> None:
        del self._watches[watch.identity]
        if watch.cancel:
            return
        self._lane(watch.event).remove(watch)
        if self._by_step.get(watch.key) is watch:
            del self._by_step[watch.key]

    # --- seen from outside -------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """True once the consumer group has given this member its part."""
        return bool(self._intake.joined.is_set())

    def states(self) -> Mapping[str, int]:
        """How many jobs are watched here in each state. May be called by any thread."""
        states: Counter[str] = Counter()
        for watch in list(self._watches.values()):
            if watch.cancel:
                states["to_cancel"] += 1
            elif watch.leaving:
                states["leaving"] += 1
            else:
                states[watch.view.status.lower() if watch.view else "not_looked_at"] += 1
        return states

    def _publish_backends(self) -> None:
        try:
            # What the accounts' own calls have brought in: this asks for none.
            listed = BackendList(backends=self._provider.backends(fresh=3_600.0))
            self._publisher.publish(BACKENDS, BACKENDS, encode(listed))
        except QwhiskError as error:
            log.warning("list of backends not published: %s", error.message)


def _status(error: QwhiskError) -> str:
    status = error.details.get("status", -1)
    return str(status) if status > 0 else ""
