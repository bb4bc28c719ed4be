"""JobEvents of pooled jobs that are not tracked at once: withdrawn ones, and those that come too early."""

from __future__ import annotations

from core.errors import QwhiskError
from core.kafka.offsets import Partition
from core.protocol import ResultEvent
from poller.account import Accounts
from poller.call_outcomes import UNDELIVERABLE
from poller.job_consumer import ConsumedEvent, JobConsumer
from poller.pooling.abandoned import AbandonedPools
from poller.tracker import JobTracker

#: Seconds after which a final event that was not published is published again.
RETRY = 3.0

#: A message's partition and offset.
Place = tuple[Partition, int]


class PooledArrivals:
    """Holds messages until they can be tracked or finished. The loop's thread makes all calls.

    Args:
        tracker: knows which runs are cancelled, and which jobs are not finished.
        accounts: publish final events, in their threads.
        job_consumer: finishes messages.
        abandoned: counts the participants that have withdrawn.
    """

    def __init__(
        self,
        tracker: JobTracker,
        accounts: Accounts,
        job_consumer: JobConsumer,
        abandoned: AbandonedPools,
    ) -> None:
        self._tracker = tracker
        self._accounts = accounts
        self._job_consumer = job_consumer
        self._abandoned = abandoned
        #: The messages, by their places in Kafka, and when each is looked at again, in seconds since 1970.
        self._held: dict[Place, tuple[float, ConsumedEvent]] = {}
        #: Those whose final event is being published.
        self._withdrawing: set[Place] = set()

    def __len__(self) -> int:
        return len(self._held) + len(self._withdrawing)

    def hold(self, consumed: ConsumedEvent) -> bool:
        """Hold a message of a pooled job if it cannot be tracked; return whether it is held."""
        if self._tracker.is_cancelled(consumed.event):
            self._withdraw(consumed)
            return True
        if self._tracker.is_early(consumed.event):
            self._hold(consumed, self._tracker.now())
            return True
        return False

    def _hold(self, consumed: ConsumedEvent, until: float) -> None:
        self._held[consumed.partition, consumed.offset] = (until, consumed)

    def due(self, now: float) -> list[ConsumedEvent]:
        """Return the messages to look at again, which are not held any more.

        Args:
            now: the time in seconds since 1970.
        """
        due = [(place, consumed) for place, (until, consumed) in self._held.items() if now >= until]
        for place, _ in due:
            del self._held[place]
        return [consumed for _, consumed in due]

    def revoke(self, partition: Partition) -> None:
        """Forget the messages of a partition: it belongs to another poller now."""
        self._held = {place: held for place, held in self._held.items() if place[0] != partition}
        self._withdrawing = {place for place in self._withdrawing if place[0] != partition}

    def _withdraw(self, consumed: ConsumedEvent) -> None:
        """Publish the final event of a participant, and finish its message; again if that fails."""
        worker, place = self._accounts.of(consumed.event), (consumed.partition, consumed.offset)
        self._withdrawing.add(place)

        def published(outcome: ResultEvent | QwhiskError) -> None:
            if place not in self._withdrawing:
                return  # it is another poller's
            self._withdrawing.remove(place)
            if isinstance(outcome, (ResultEvent, *UNDELIVERABLE)):
                self._job_consumer.finish(consumed.partition, consumed.offset)
                self._abandoned.add(consumed.event)
            else:
                self._hold(consumed, self._tracker.now() + RETRY)

        worker.run(
            lambda: worker.delivery.withdraw(consumed.event),
            published,
            f"publishing the final event of {consumed.event.process_job_id}",
        )
