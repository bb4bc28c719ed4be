"""What the most expensive body costs: processor time from its bytes to its rejection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks.table import milliseconds, table
from core.config_docs.model import ConfigDocument
from core.errors import InputError
from gateway.body import parsed
from gateway.edge.bodies import MAX_BODY
from gateway.validation import validate
from testkit.adversarial import bodies, published
from testkit.growth import cost

#: Aim: processor seconds for any body.
AIM = 0.050
#: Bytes of the bodies. The most expensive are not the largest: a body of too many values is rejected unread.
SIZES = (60_000, 120_000, MAX_BODY - 20_000)
#: Rows that are shown, and measurements of each of them.
SHOWN, REPEATS = 5, 10


def hostile(say: Callable[[str], None]) -> None:
    """Every bait in every field of every function."""
    costs: list[tuple[float, str, str, int, Callable[[], None]]] = []
    tried = 0
    for size in SIZES:
        seen: set[tuple[str, str]] = set()
        for function, document in published().items():
            for name, bait in bodies(document):
                field = repr(document.function_input_schema["properties"].get(name.partition(":")[0]))
                if (name, field) in seen:
                    continue  # a field that several functions share
                seen.add((name, field))
                data = bait(size)[:MAX_BODY]
                tried += 1
                work = _refused(document, data)
                costs.append((cost(work, repeats=1), function, name, len(data), work))
                costs = sorted(costs, key=_seconds, reverse=True)[: 4 * SHOWN]
    # Other load on the machine can raise one measurement, so the most expensive bodies are measured again.
    again = [
        (cost(work, repeats=REPEATS), function, name, length) for _, function, name, length, work in costs
    ]
    rows = [
        [f"{function}: {name}"[:70], f"{length / 1000:.0f}", milliseconds(seconds)]
        for seconds, function, name, length in sorted(again, reverse=True)[:SHOWN]
    ]
    say(
        table(
            f"the most expensive of {tried} hostile bodies",
            ["function, field, bait", "kB", "processor"],
            rows,
        )
    )
    say(f"aim: {milliseconds(AIM)} for any body of up to {MAX_BODY / 1e6:.0f} MB\n")


def _seconds(row: Any) -> float:
    return float(row[0])


def _refused(document: ConfigDocument, data: bytes) -> Callable[[], None]:
    def work() -> None:
        with suppress(InputError):
            validate(document, parsed(data))

    return work
