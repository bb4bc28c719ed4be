"""The results of pooled jobs: each is fetched and decoded once, and every participant gets its own part."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from core.errors import ProviderError
from core.protocol import JobResult, PoolShare, PubResult
from core.provider import JobView, QuantumAccount
from poller.state import with_usage

#: Results that are kept until all participants have their parts, and the different outcomes in all of them:
#: an outcome takes about 100 bytes. The newest is kept however large it is. A participant whose job's result
#: is no longer kept costs a fetch.
MAX_RESULTS, MAX_OUTCOMES = 8, 1_000_000


def part(result: JobResult, share: PoolShare, charged_seconds: float | None = None) -> JobResult:
    """Return a participant's part of a result. It has nothing of the others, not even their number.

    Args:
        result: the result of the provider job.
        share: the participant's place.
        charged_seconds: the quantum seconds of the job, of which the participant's part is proportional to
            its executions; None if they are not known.

    Raises:
        ProviderError: the result has fewer PUBs than the job.
    """
    pubs: list[PubResult] = result.pubs or [result]
    own = pubs[share.first : share.first + share.count]
    if len(own) != share.count:
        raise ProviderError("The provider's result has fewer parts than the job.")
    first = own[0]
    whole = JobResult(
        counts=first.counts,
        shots=first.shots,
        evs=first.evs,
        stds=first.stds,
        metadata=first.metadata,
        pubs=own if len(own) > 1 else None,
    )
    if charged_seconds is None:
        return whole
    fraction = share.fraction
    if fraction is None:  # from a poller that did not record it
        executions = [_executions(pub) for pub in pubs]
        fraction = sum(executions[share.first : share.first + share.count]) / max(1, sum(executions))
    return with_usage(whole, charged_seconds * fraction)


@dataclass
class _Kept:
    """A result, and the participants that have got their parts of it."""

    result: JobResult
    outcomes: int
    taken: set[int] = field(default_factory=set)


class SharedResults:
    """Keeps the last results of pooled jobs. Thread-safe; a result is fetched by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: OrderedDict[str, threading.Lock] = OrderedDict()
        self._results: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

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
                kept = self._results.get(view.job_id)
            if kept is None:
                result = account.result(view)
                kept = _Kept(result, _outcomes(result))
                with self._lock:
                    self._results[view.job_id] = kept
                    self._bound()
        own = part(kept.result, share, view.charged_seconds)
        with self._lock:
            kept.taken.add(share.member)
            if len(kept.taken) >= share.members and self._results.get(view.job_id) is kept:
                del self._results[view.job_id]
        return own

    def _bound(self) -> None:
        """Forget the oldest results until few enough are kept."""
        while len(self._results) > 1 and (
            len(self._results) > MAX_RESULTS
            or sum(kept.outcomes for kept in self._results.values()) > MAX_OUTCOMES
        ):
            self._results.popitem(last=False)


def _executions(pub: PubResult) -> int:
    """Return how many executions a PUB had, or of expectation values how many there are."""
    if pub.evs is not None:
        return int(np.size(pub.evs))
    return max((sum(counts.values()) for counts in (pub.counts or {}).values()), default=0)


def _outcomes(result: JobResult) -> int:
    """Return how many counts and expectation values a result has."""
    pubs: list[PubResult] = result.pubs or [result]
    return sum(
        sum(len(counts) for counts in (pub.counts or {}).values())
        + (0 if pub.evs is None else int(np.size(pub.evs)))
        for pub in pubs
    )
