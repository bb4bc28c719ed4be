"""The results of pooled jobs: each is fetched and decoded once, and every participant gets its own part."""

from __future__ import annotations

import threading
from collections import OrderedDict

from core.errors import ProviderError
from core.protocol import JobResult, PoolShare
from core.provider import JobView, QuantumAccount

#: Results that are kept. A participant whose job's result is no longer kept costs a fetch.
MAX_RESULTS = 8


def part(result: JobResult, share: PoolShare) -> JobResult:
    """Return a participant's part of a result. It has nothing of the others, not even their number.

    Args:
        result: the result of the provider job.
        share: the participant's place.

    Raises:
        ProviderError: the result has fewer PUBs than the job.
    """
    own = (result.pubs or [result])[share.first : share.first + share.count]
    if len(own) != share.count:
        raise ProviderError("The provider's result has fewer parts than the job.")
    first = own[0]
    return JobResult(
        counts=first.counts,
        shots=first.shots,
        evs=first.evs,
        stds=first.stds,
        metadata=first.metadata,
        pubs=own if len(own) > 1 else None,
    )


class SharedResults:
    """Keeps the last results of pooled jobs. Thread-safe; a result is fetched by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: OrderedDict[str, threading.Lock] = OrderedDict()
        self._results: OrderedDict[str, JobResult] = OrderedDict()

    def part(self, account: QuantumAccount, view: JobView, share: PoolShare) -> JobResult:
        """Return a participant's part of the result of a finished job.

        Args:
            account: fetches the result.
            view: the job.
            share: the participant's place.

        Raises:
            ProviderError: the result cannot be fetched or decoded.
        """
        with self._lock:
            fetching = self._locks.setdefault(view.job_id, threading.Lock())
            while len(self._locks) > 10 * MAX_RESULTS:
                self._locks.popitem(last=False)
        with fetching:
            with self._lock:
                result = self._results.get(view.job_id)
            if result is None:
                result = account.result(view)
                with self._lock:
                    self._results[view.job_id] = result
                    while len(self._results) > MAX_RESULTS:
                        self._results.popitem(last=False)
        return part(result, share)
