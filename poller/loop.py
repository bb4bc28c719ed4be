"""The poller's loop: take events, look when it is time, deliver or put back, commit what is done.

One thread owns the consumer and all state; worker threads look and deliver. `step(now)` is one turn.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import KafkaException

from core.errors import (
    EventError,
    JobNotFoundError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    QwhiskError,
    StreamError,
)
from core.events import BackendList, JobEvent, ResultEvent, encode
from core.provider import JobView, Provider, run_tag
from core.settings import KafkaSettings
from core.streams import Publisher
from core.topics import BACKENDS
from poller import schedule
from poller.estimator import Estimate, ServiceTimes, estimate
from poller.intake import Intake
from poller.offsets import Partition
from poller.progress import Told, is_news
from poller.reply import StepError
from poller.retriever import Retriever
from poller.runs import Runs
from poller.watch import Watch

log = logging.getLogger(__name__)

#: Events held here at once; while there are more, no further ones are taken.
MAX_WATCHES = 2_000
#: Seconds the loop sleeps at most.
IDLE = 0.1
#: Jobs due together on one account from which on one call asks for all of them.
TOGETHER = 3
#: Seconds by which clocks may differ when jobs are asked for by their time of creation.
CLOCK_MARGIN = timedelta(seconds=60)
#: Seconds for which a job that the provider does not know may still appear.
UNKNOWN_GRACE = 10.0
#: Seconds between publications of the list of backends.
BACKENDS_INTERVAL = 10.0

#: Failures that may pass: an operator mends a key, a service comes back. Only the deadline ends these.
_PASSING = (ProviderUnavailableError, ProviderUnauthorizedError, StreamError, JobNotFoundError, StepError)

#: Seconds between looks at a run that is to be cancelled: at least, as a part of those it has taken so far,
#: and at most.
CANCEL_MIN, CANCEL_BACKOFF, CANCEL_MAX = 0.2, 0.3, 10.0
#: Seconds for which a run whose newest job is done may still submit the next one.
CANCEL_PATIENCE = 120.0


@dataclass
class Outcome:
    """What a worker found: the job's view, a final event delivered, or a failure."""

    watch: Watch
    view: JobView | None = None
    present_length: int | None = None
    delivered: ResultEvent | None = None
    error: QwhiskError | None = None


def _step(event: JobEvent) -> tuple[str, int]:
    return event.process_job_id, event.step


def _guarded(watch: Watch, outcome: Callable[[], Outcome]) -> Outcome:
    try:
        return outcome()
    except QwhiskError as error:
        return Outcome(watch, error=error)
    except Exception:
        log.exception("looking at %s failed", watch.event.process_job_id)
        return Outcome(watch, error=QwhiskError("The poller failed; see its log."))


class Poller:
    """One member of the consumer group `pollers`.

    Args:
        kafka: how to reach the broker.
        provider: where the jobs are.
        retriever: delivers the results.
        publisher: for events that are put back.
        workers: threads that look and deliver.
        deadline: seconds after its submission at which a job is given up.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        provider: Provider,
        retriever: Retriever,
        publisher: Publisher,
        workers: int = 4,
        deadline: float = 7 * 86_400.0,
    ) -> None:
        self._provider = provider
        self._retriever = retriever
        self._publisher = publisher
        self._deadline = deadline
        self._watches: dict[tuple[Partition, int], Watch] = {}
        self._by_step: dict[tuple[str, int], Watch] = {}
        self._runs = Runs()
        self._service_times = ServiceTimes()
        self._outcomes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._last_backends = -BACKENDS_INTERVAL
        self.last_step = time.monotonic()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="look")
        self._intake = Intake(kafka, publisher, self._outcomes.put, self._lost)

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
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._settle_all()
        self._intake.close()
        self._publisher.close(timeout)

    def step(self, now: float) -> None:
        """One turn: outcomes, new messages, due looks, commits."""
        self.last_step = now
        self._settle_all()
        self._intake.regulate(now, full=len(self._watches) >= MAX_WATCHES)
        self._take(now)
        self._look(now)
        self._intake.commit(now)
        if now - self._last_backends >= BACKENDS_INTERVAL:
            self._last_backends = now
            self._pool.submit(self._publish_backends)

    def _settle_all(self) -> None:
        """Deal with what the workers and the broker have told; a mistake with one leaves the others."""
        while not self._outcomes.empty():
            try:
                self._outcomes.get()()
            except KafkaException:
                raise
            except Exception:
                log.exception("an outcome could not be dealt with; its event is seen again at the next start")

    # --- taking ----------------------------------------------------------------------------------

    def _take(self, now: float) -> None:
        for taken in self._intake.take(self._patience(now)):
            watch = Watch(
                taken.event, taken.partition, taken.offset, time.monotonic(), time.monotonic(), taken.cancel
            )
            if not taken.cancel:
                if self._runs.is_past(taken.event) or self._is_watched(taken.event):
                    self._intake.finish(taken.partition, taken.offset)
                    continue
                self._runs.note(taken.event)
                self._by_step[_step(taken.event)] = watch
            self._watches[(taken.partition, taken.offset)] = watch

    def _is_watched(self, event: JobEvent) -> bool:
        """True if the same step of the same run is watched already, under an offset not yet committed."""
        known = self._by_step.get(_step(event))
        return known is not None and not known.leaving

    def _patience(self, now: float) -> float:
        """Seconds to wait for a message: until the next look is due."""
        waiting = [watch.due for watch in self._watches.values() if not watch.busy]
        busy = len(waiting) < len(self._watches)
        return max(0.0, min([0.005 if busy else IDLE, *(due - now for due in waiting)]))

    # --- looking ---------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        due = [watch for watch in self._watches.values() if not watch.busy and watch.due <= now]
        groups: dict[Any, list[Watch]] = {}
        for watch in due:
            watch.busy = True
            groups.setdefault(self._provider.account(watch.event.backend_type), []).append(watch)
        for account, watches in groups.items():
            for watch in (watch for watch in watches if watch.cancel):
                self._pool.submit(self._look_to_cancel, watch)
            watches = [watch for watch in watches if not watch.cancel]
            if len(watches) >= TOGETHER:
                self._pool.submit(self._look_together, account, watches)
                continue
            for watch in watches:
                self._pool.submit(self._look_at, watch, None)

    def _look_together(self, account: Any, watches: list[Watch]) -> None:
        """One call for many jobs; those it does not tell about are looked at one by one."""
        oldest = min(watch.event.submitted_at for watch in watches)
        views: dict[str, JobView] = {}
        try:
            views = account.look_since(oldest - CLOCK_MARGIN)
        except QwhiskError as error:
            for watch in watches:
                self._report(Outcome(watch, error=error))
            return
        except Exception:
            log.exception("looking at %d jobs together failed: one by one", len(watches))
        for watch in watches:
            # Each on its own: whatever goes wrong with one concerns no other.
            self._pool.submit(self._look_at, watch, views.get(watch.event.job_id))

    def _look_at(self, watch: Watch, view: JobView | None) -> None:
        """Look at one job (unless `view` tells already) and deliver its result if it is final."""

        def outcome() -> Outcome:
            found = view or self._provider.account(watch.event.backend_type).look(watch.event.job_id)
            if found.status in ("QUEUED", "RUNNING"):
                return self._not_final(watch, found)
            delivered = self._retriever.deliver(watch.event, found, watch.failures)
            return Outcome(watch, view=found, delivered=delivered)

        self._report(_guarded(watch, outcome))

    def _look_to_cancel(self, watch: Watch) -> None:
        """Cancel whatever job the run has now; a hybrid one may have none for a moment, between two steps."""

        def outcome() -> Outcome:
            account, event = self._provider.account(watch.event.backend_type), watch.event
            found = account.tagged(run_tag(event.process_job_id)) or [account.look(event.job_id)]
            for view in found:
                if view.status in ("QUEUED", "RUNNING"):
                    account.cancel(view.job_id)
            newest = found[0]
            if newest.status != "CANCELLED":
                return Outcome(watch, view=newest)
            # Told at once: the job's own event may lie in a wait topic for minutes.
            event = event.model_copy(update={"job_id": newest.job_id})
            return Outcome(watch, view=newest, delivered=self._retriever.deliver(event, newest))

        self._report(_guarded(watch, outcome))

    def _not_final(self, watch: Watch, view: JobView) -> Outcome:
        length = None
        if not watch.simulator:
            backends = self._provider.account("hardware").backends()
            length = next((b.queue_length for b in backends if b.name == watch.event.backend), None)
        return Outcome(watch, view=view, present_length=length)

    def _report(self, outcome: Outcome) -> None:
        self._outcomes.put(lambda: self._settle(outcome))

    # --- settling (loop thread) --------------------------------------------------------------------

    def _settle(self, outcome: Outcome) -> None:
        watch, event = outcome.watch, outcome.watch.event
        if self._watches.get((watch.partition, watch.offset)) is not watch:
            return  # the partition was given away meanwhile; its new owner sees to it
        watch.busy = False
        if outcome.delivered is not None:
            if outcome.delivered.final:
                self._runs.end(event)
            log.info(
                "delivered" if outcome.delivered.final else "next step",
                extra={
                    "process_job_id": event.process_job_id,
                    "status": outcome.delivered.status,
                    "backend": event.backend,
                },
            )
            self._finish(watch)
        elif outcome.error is not None:
            self._failed(watch, outcome.error)
        elif outcome.view is not None and watch.cancel:
            self._cancel_again(watch, outcome.view)
        elif outcome.view is not None:
            watch.failures = 0
            self._wait(watch, outcome.view, outcome.present_length)

    def _failed(self, watch: Watch, error: QwhiskError) -> None:
        age = self._age(watch.event)
        watch.failures += 1
        if not watch.cancel and self._runs.is_past(watch.event):
            self._finish(watch)  # only the function's reply got lost: its next job is announced
            return
        if watch.cancel and age <= self._deadline:
            # Whatever the provider says to the wish: the run has its own event, which tells how it ends.
            log.warning(
                "not cancelled: %s", error.message, extra={"process_job_id": watch.event.process_job_id}
            )
            watch.due = time.monotonic() + schedule.after_failure(watch.failures).delay
            return
        if isinstance(error, JobNotFoundError) and age > UNKNOWN_GRACE:
            self._give_up(watch, "job_not_found", "The provider does not know this job any more.")
        elif age > self._deadline:
            self._give_up(
                watch, "deadline", f"No result within {self._deadline:.0f} s; the last error: {error.message}"
            )
        elif isinstance(error, _PASSING) or watch.failures < 5:
            retry_after = getattr(error, "retry_after", None)
            log.warning("%s", error.message, extra={"process_job_id": watch.event.process_job_id})
            self._apply(watch, schedule.after_failure(watch.failures, retry_after))
        else:
            self._give_up(watch, error.code, error.message)

    def _cancel_again(self, watch: Watch, newest: JobView) -> None:
        """Look again soon, until the provider calls the run's newest job cancelled."""
        waited = time.monotonic() - watch.taken
        if newest.status in ("DONE", "ERROR") and waited > CANCEL_PATIENCE:
            self._finish(watch)  # the run ended otherwise, and its own event tells how
            return
        watch.failures = 0
        watch.due = time.monotonic() + min(CANCEL_MAX, max(CANCEL_MIN, CANCEL_BACKOFF * waited))

    def _wait(self, watch: Watch, view: JobView, present_length: int | None) -> None:
        event, now = watch.event, datetime.now(UTC)
        if self._age(event) > self._deadline:
            self._give_up(watch, "deadline", f"The job was not done within {self._deadline:.0f} s.")
            return
        running = view.status == "RUNNING"
        found: Estimate | None = None
        expected = 0.0
        if not watch.simulator:
            self._learn(watch, view)
            found = estimate(
                now,
                event.submitted_at,
                event.queue_length_at_submit or 0,
                present_length,
                self._service_times.seconds(event.backend),
                running,
            )
            expected = (found.completion - now).total_seconds()
            event.estimated_completion_time = found.completion
        # A simulator's job is measured from when it was taken: clocks of two machines differ by more.
        elapsed = time.monotonic() - watch.taken if watch.simulator else self._age(event)
        if is_news(watch.told, view.status, found, watch.simulator, self._age(event), expected):
            watch.told = Told(view.status, found)
            self._tell(watch, view, found)
        self._apply(watch, schedule.after_look(watch.simulator, elapsed, expected))

    def _learn(self, watch: Watch, view: JobView) -> None:
        if view.running and not watch.seen_running and watch.event.queue_length_at_submit is not None:
            watch.seen_running = True
            waited = (view.running - watch.event.submitted_at).total_seconds()
            self._service_times.observe(watch.event.backend, waited, watch.event.queue_length_at_submit)

    def _tell(self, watch: Watch, view: JobView, found: Estimate | None) -> None:
        progress = ResultEvent.model_construct(
            **watch.event.__dict__ | {"state": None},
            status=view.status,
            queue_position=found.position if found else None,
        )
        self._pool.submit(self._tell_now, progress)

    def _tell_now(self, progress: ResultEvent) -> None:
        try:
            self._retriever.tell(progress)
        except QwhiskError as error:
            # News are a courtesy: the final event is what is never lost.
            log.warning("progress not told: %s", error.message)

    def _apply(self, watch: Watch, plan: schedule.Plan) -> None:
        if plan.topic is None:
            watch.due = time.monotonic() + plan.delay
            return
        if watch.cancel:
            # A wish to cancel must not lie in a wait topic.
            watch.due = time.monotonic() + schedule.KEEP
            return
        event = watch.event.model_copy(update={"attempt": watch.event.attempt + 1})
        watch.busy = watch.leaving = True
        try:
            data = encode(event)
        except EventError as error:
            # With its estimate it is longer than it came, and no longer fits: it waits here instead.
            log.warning("%s", error.message, extra={"process_job_id": event.process_job_id})
            watch.busy = watch.leaving = False
            watch.due = time.monotonic() + schedule.KEEP
            return
        sent = self._publisher.send(plan.topic, event.process_job_id, data)
        self._when_sent(sent, lambda: self._finish(watch), lambda: self._retry(watch))

    def _retry(self, watch: Watch) -> None:
        delay = schedule.after_failure(max(1, watch.failures)).delay
        watch.busy = watch.leaving = False
        watch.due = time.monotonic() + delay

    def _give_up(self, watch: Watch, code: str, message: str) -> None:
        log.error("giving up: %s", message, extra={"process_job_id": watch.event.process_job_id})
        watch.busy = True
        self._pool.submit(self._give_up_now, watch, code, message)

    def _give_up_now(self, watch: Watch, code: str, message: str) -> None:
        try:
            self._report(Outcome(watch, delivered=self._retriever.give_up(watch.event, code, message)))
        except QwhiskError as error:
            log.error("the end of %s cannot be told: %s", watch.event.process_job_id, error.message)
            # Later, and not as a further failure, which would give up again at once, and so for ever.
            self._outcomes.put(lambda: self._retry(watch))
        except Exception:
            log.exception("the end of %s cannot be told", watch.event.process_job_id)
            self._outcomes.put(lambda: self._retry(watch))

    def _finish(self, watch: Watch) -> None:
        if self._watches.get((watch.partition, watch.offset)) is not watch:
            return  # another poller's by now, or taken anew
        self._forget((watch.partition, watch.offset))
        self._intake.finish(watch.partition, watch.offset)

    def _when_sent(self, sent: Future[None], then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        def done(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                log.error("%s", error)
            self._outcomes.put(otherwise if error else then)

        sent.add_done_callback(done)

    def _age(self, event: JobEvent) -> float:
        return (datetime.now(UTC) - event.submitted_at).total_seconds()

    def _lost(self, partition: Partition) -> None:
        """The partition is another poller's now, and so are its events."""
        for identity in [identity for identity in self._watches if identity[0] == partition]:
            self._forget(identity)

    def _forget(self, identity: tuple[Partition, int]) -> None:
        watch = self._watches.pop(identity)
        if self._by_step.get(_step(watch.event)) is watch:
            del self._by_step[_step(watch.event)]

    @property
    def ready(self) -> bool:
        """True once the consumer group has given this member its part."""
        return bool(self._intake.joined.is_set())

    def _publish_backends(self) -> None:
        try:
            listed = BackendList(backends=self._provider.backends())
            self._publisher.publish(BACKENDS, BACKENDS, encode(listed))
        except QwhiskError as error:
            log.warning("list of backends not published: %s", error.message)
