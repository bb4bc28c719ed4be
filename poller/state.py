"""What the poller knows about each job, each cancellation request, each run and each client's topic."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum

from core.client_sources import source_of
from core.errors import StreamError, TopicUnknownError
from core.kafka.offsets import Partition
from core.protocol import JobEvent, JobResult, ResultEvent, Status
from core.provider import JobView
from poller.scheduling.forecast import Forecast

#: The entry of a result's metadata.
QUANTUM_SECONDS = "quantum_seconds"
#: Jobs that are remembered as counted, so that one whose delivery is repeated counts once.
MAX_COUNTED = 20_000
#: Sources that are counted by themselves; those after them are counted together.
MAX_SOURCES, OTHERS = 1_000, "others"
#: Identifies a job: the run's id and the step.
Key = tuple[str, int]

#: Runs remembered. Forgetting one costs extra looks and an extra call of its function, but no job or event.
MAX_RUNS = 20_000

#: Publications in a row that fail because the topic is unknown, until it counts as deleted. A broker may not
#: know a topic for a moment after the broker was restarted.
MAX_UNKNOWN = 5
#: The most topics remembered as unknown. Forgetting one costs further attempts to publish.
MAX_UNKNOWN_TOPICS = 10_000

_ENDED = 1_000_000
#: Later than any event of a run.
_ERASED = (_ENDED + 1, True)


class Stage(Enum):
    """What the poller does with a tracked message."""

    #: A job: the scheduler of its account chooses the next call about it.
    SCHEDULED = "scheduled"
    #: A job: its event is being published to a wait topic, from which it is consumed as a new message.
    REQUEUEING = "requeueing"
    #: A job: its final event, an error, is being published.
    FAILING = "failing"
    #: A cancellation request: its next call is made when it is due.
    WAITING = "waiting"
    #: A cancellation request: a call is in progress.
    CALLING = "calling"
    #: The outcome is known, and the message may be committed.
    FINISHED = "finished"
    #: The message's partition was assigned to another poller, which publishes all further events.
    REVOKED = "revoked"


_LAST = frozenset({Stage.FINISHED, Stage.REVOKED})
#: The stages that may follow each stage.
TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    Stage.SCHEDULED: frozenset({Stage.REQUEUEING, Stage.FAILING}) | _LAST,
    Stage.REQUEUEING: frozenset({Stage.SCHEDULED}) | _LAST,
    Stage.FAILING: frozenset({Stage.SCHEDULED}) | _LAST,
    Stage.WAITING: frozenset({Stage.CALLING}) | _LAST,
    Stage.CALLING: frozenset({Stage.WAITING}) | _LAST,
    Stage.FINISHED: frozenset(),
    Stage.REVOKED: frozenset(),
}


@dataclass(frozen=True)
class LastNotified:
    """The content of the last progress event, and when it was published, in seconds since 1970."""

    status: Status
    forecast: Forecast | None
    at: float


@dataclass(eq=False)
class TrackedMessage:
    """A consumed message that is not finished, and its place in Kafka."""

    event: JobEvent
    partition: Partition
    offset: int
    #: When it was consumed, in seconds since 1970.
    consumed_at: float
    stage: Stage
    #: Failures in a row.
    failures: int = 0

    @property
    def identity(self) -> tuple[Partition, int]:
        """Identifies the message: its partition and offset."""
        return self.partition, self.offset

    @property
    def key(self) -> Key:
        """Identifies the job: the same for all messages about it."""
        return self.event.process_job_id, self.event.step

    @property
    def is_revoked(self) -> bool:
        """Whether another poller publishes all further events of the job."""
        return self.stage is Stage.REVOKED


@dataclass(eq=False)
class TrackedJob(TrackedMessage):
    """A job whose result is not delivered."""

    stage: Stage = Stage.SCHEDULED
    #: False once its event was too large for a wait topic.
    may_wait_at_broker: bool = True
    #: The last progress event published; None if there was none.
    last_notified: LastNotified | None = None
    #: The provider's view of the job at the last look; None before the first.
    view: JobView | None = None
    #: The completion as forecast when the event was consumed, in seconds since 1970; None for a simulator.
    expected: float | None = None

    @property
    def simulator(self) -> bool:
        """Whether the job's completion cannot be estimated."""
        return self.event.backend_type != "hardware"


@dataclass(eq=False)
class CancellationRequest(TrackedMessage):
    """A request to cancel a run, or a job that no client knows of."""

    stage: Stage = Stage.WAITING
    #: When the next call is due, in seconds since 1970.
    due: float = 0.0
    #: The next calls, each a kind and a job id.
    calls: list[tuple[str, str]] = field(default_factory=list)


def _failed(sent: Future[None]) -> bool:
    return sent.done() and sent.exception() is not None


@dataclass
class _Run:
    """The progress of one run."""

    #: The newest step that was announced.
    announced: int = 0
    #: The step of the last event published, and whether the event came from the step itself and not from the
    #: step before.
    notified: tuple[int, bool] = (0, False)
    #: Whether a client requested its cancellation.
    cancelled: bool = False
    #: The publications of the final event, by topic.
    publications: dict[str, Future[None]] = field(default_factory=dict)


class RunProgress:
    """The newest step of each run: as announced, and as published to its client. Thread-safe.

    It ensures that no step is handled twice, and that no event is published after one of a later step.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Run] = OrderedDict()

    def note(self, event: JobEvent) -> None:
        """Record that this step was announced, so the steps before it are done."""
        self._announce(event.process_job_id, event.step)

    def end(self, event: JobEvent) -> None:
        """Record that the run's final event was published."""
        self._announce(event.process_job_id, _ENDED)

    def cancel(self, event: JobEvent) -> None:
        """Record that a client requested the run's cancellation, so no further step may be invoked."""
        with self._lock:
            run = self._runs.get(event.process_job_id, _Run())
            run.cancelled = True
            self._remember(event.process_job_id, run)

    def erase(self, event: JobEvent) -> None:
        """Record that the run's data was erased, so nothing may be published or stored for it any more."""
        with self._lock:
            run = self._runs.get(event.process_job_id, _Run())
            run.announced, run.notified, run.publications = _ENDED, _ERASED, {}
            self._remember(event.process_job_id, run)

    def is_erased(self, event: JobEvent) -> bool:
        """Return whether the run's data was erased."""
        with self._lock:
            run = self._runs.get(event.process_job_id)
            return run is not None and run.notified == _ERASED

    def is_cancelled(self, event: JobEvent) -> bool:
        """Return whether a client requested the run's cancellation."""
        with self._lock:
            run = self._runs.get(event.process_job_id)
            return run is not None and run.cancelled

    def has_ended(self, event: JobEvent) -> bool:
        """Return whether the run's final event was published."""
        with self._lock:
            run = self._runs.get(event.process_job_id)
            return run is not None and run.announced >= _ENDED

    def is_past(self, event: JobEvent) -> bool:
        """Return whether this step is done: its event was delivered again after a crash or a rebalance."""
        with self._lock:
            run = self._runs.get(event.process_job_id)
            return run is not None and run.announced > event.step

    def in_order(
        self,
        event: ResultEvent,
        topics: Sequence[str],
        send: Callable[[str], Future[None]],
        from_previous_step: bool = False,
    ) -> list[Future[None]]:
        """Publish an event unless its client already has one of a later step or the run's final event.

        A function may answer late, after it has announced the next step, and a cancellation request may find
        the end at the same time as the job's own look. The check and the publication hold one lock, so a
        thread with an older step never publishes after one with a newer step.

        Args:
            event: the event.
            topics: the topics to publish it to.
            send: publishes it to a topic without waiting.
            from_previous_step: whether the event is about a new step but comes from the step before. Events
                from the new step itself are newer.

        Returns:
            The publications to wait for. A second final event is published only to those topics for which
            the publication of the first has failed.
        """
        place = (_ENDED, True) if event.final else (event.step, not from_previous_step)
        with self._lock:
            run = self._runs.get(event.process_job_id, _Run())
            if run.notified > place:
                return []
            earlier = run.publications if event.final and run.notified == place else {}
            sent = {
                topic: earlier[topic] if topic in earlier and not _failed(earlier[topic]) else send(topic)
                for topic in topics
            }
            run.notified, run.publications = place, sent if event.final else {}
            self._remember(event.process_job_id, run)
            return list(sent.values())

    def _announce(self, run_id: str, step: int) -> None:
        with self._lock:
            run = self._runs.get(run_id, _Run())
            run.announced = max(step, run.announced)
            self._remember(run_id, run)

    def _remember(self, run_id: str, run: _Run) -> None:
        self._runs[run_id] = run
        self._runs.move_to_end(run_id)
        if len(self._runs) > MAX_RUNS:
            self._runs.popitem(last=False)


class UnknownTopics:
    """Counts the failures of publications to topics that the broker does not know. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, int] = OrderedDict()

    def failed(self, topic: str) -> None:
        """Record that the broker does not know a topic.

        Args:
            topic: the topic.

        Raises:
            TopicUnknownError: the topic counts as deleted.
            StreamError: it does not yet. Retry later.
        """
        with self._lock:
            self._failures[topic] = self._failures.get(topic, 0) + 1
            self._failures.move_to_end(topic)
            if len(self._failures) > MAX_UNKNOWN_TOPICS:
                self._failures.popitem(last=False)
        self.check(topic)
        raise StreamError("The broker does not know the client's topic.")

    def check(self, topic: str) -> None:
        """Raise a TopicUnknownError if a topic counts as deleted.

        Args:
            topic: the topic.

        Raises:
            TopicUnknownError: the topic counts as deleted.
        """
        with self._lock:
            deleted = self._failures.get(topic, 0) >= MAX_UNKNOWN
        if deleted:
            raise TopicUnknownError("The client's topic was deleted.")

    def succeeded(self, topic: str) -> None:
        """Record that the broker knows a topic.

        Args:
            topic: the topic.
        """
        with self._lock:
            self._failures.pop(topic, None)


def with_usage(result: JobResult, seconds: float) -> JobResult:
    """Return a result that says how many quantum seconds it took.

    Args:
        result: the result.
        seconds: the quantum seconds of the job, or of the client's part of it.
    """
    return result.model_copy(update={"metadata": {**result.metadata, QUANTUM_SECONDS: round(seconds, 6)}})


class UsageCounter:
    """Counts the quantum seconds of each source: who signed in, or the address of an anonymous session.

    Thread-safe.

    Args:
        count: adds seconds to what a source has used.
    """

    def __init__(self, count: Callable[[str, float], object]) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._counted: OrderedDict[tuple[str, int, str], None] = OrderedDict()
        self._sources: set[str] = set()

    def add(self, event: JobEvent, result: JobResult) -> None:
        """Count what a result took, once.

        Args:
            event: the job.
            result: its result.
        """
        seconds = result.metadata.get(QUANTUM_SECONDS)
        if not isinstance(seconds, int | float) or seconds < 0:
            return
        job = event.process_job_id, event.step, event.job_id
        with self._lock:
            if job in self._counted:
                return
            self._counted[job] = None
            if len(self._counted) > MAX_COUNTED:
                self._counted.popitem(last=False)
            source = source_of(event.client_id)
            if source not in self._sources and len(self._sources) >= MAX_SOURCES:
                source = OTHERS
            self._sources.add(source)
        self._count(source, seconds)
