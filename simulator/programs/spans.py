"""When the parts of a job ran, as the client's `ExecutionSpans`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


def execution_spans(
    start: datetime, stop: datetime, pubs: Sequence[tuple[Sequence[int], int]]
) -> dict[str, Any]:
    """Return one span with all shots of a job.

    Args:
        start: When the first shot was taken.
        stop: When the last shot was taken.
        pubs: The shape of each PUB, and its shots.
    """
    slices = {
        str(index): [[*shape, shots], 0, math.prod(shape), 0, shots]
        for index, (shape, shots) in enumerate(pubs)
    }
    span = {"start": _moment(start), "stop": _moment(stop), "data_slices": slices}
    return {
        "__type__": "ExecutionSpans",
        "__value__": {"spans": [{"__type__": "DoubleSliceSpan", "__value__": span}]},
    }


def _moment(value: datetime) -> dict[str, str]:
    # The client reads the text as local time if it has no time zone.
    return {"__type__": "datetime", "__value__": value.astimezone(UTC).isoformat()}
