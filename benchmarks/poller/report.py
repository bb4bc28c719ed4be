"""The tables, and the plot of lag against calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from benchmarks.poller.bound import least_calls
from benchmarks.poller.scenarios import SCENARIOS, day, steady
from benchmarks.table import table
from poller.scheduling.call import Limits
from testkit.scheduling import rivals
from testkit.scheduling.ours import IBM, qwhisk
from testkit.scheduling.tally import Tally
from testkit.scheduling.world import World

ROOT = Path(__file__).resolve().parents[2]
PLOT = ROOT / "docs" / "poller.svg"

#: The same scheduler with a lower price of a call and a higher limit of calls, so that there is less lag.
EAGER = replace(IBM, price=0.06, per_minute=600)
#: The aims: mean lag as part of the paper's, with no more calls than it; calls per job over a day.
AIM_PART, AIM_CALLS = 0.1, 3.0


@dataclass(frozen=True)
class Row:
    """The result of one method: seconds of lag, calls per job, fairness. See `Tally`."""

    mean: float
    p99: float
    calls: float
    worst: float
    fairness: float


@dataclass(frozen=True)
class Rows:
    """The results of all methods on one world, the number of its jobs, and their mean wait in seconds."""

    name: str
    jobs: int
    wait: float
    rows: dict[str, Row]


Line = tuple[str, Sequence[Tally]]


def ways(scenario: Callable[[int], World], seed: int) -> Rows:
    """Run every method on one world."""
    world = scenario(seed)
    tallies = [
        rivals.clairvoyant(world),
        qwhisk(world),
        qwhisk(world, EAGER, "qwhisk, eager"),
        rivals.paper(world),
        rivals.fixed(world),
        rivals.backoff(world),
    ]
    for tally in tallies:
        tally.check(world)
    waits = [job.finished - job.created for job in world.jobs]
    return Rows(
        world.name,
        len(world.jobs),
        sum(waits) / len(waits),
        {
            tally.name: Row(tally.mean, tally.p99, tally.per_job(), tally.worst(world), tally.fairness(world))
            for tally in tallies
        },
    )


def tables(seeds: Sequence[int], say: Callable[[str], None]) -> None:
    """One table for each scenario, averaged over the seeds, and whether the aims are met for each seed."""
    cores = min(os.cpu_count() or 1, len(seeds) * len(SCENARIOS))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        results = [[pool.submit(ways, scenario, seed) for seed in seeds] for scenario in SCENARIOS]
        for scenario, runs in zip(SCENARIOS, results, strict=True):
            _table([run.result() for run in runs], scenario is day, say)


def _table(runs: Sequence[Rows], is_day: bool, say: Callable[[str], None]) -> None:
    def row(name: str) -> list[str]:
        rows = [run.rows[name] for run in runs]
        least, most = min(row.mean for row in rows), max(row.mean for row in rows)
        average = Row(*(sum(values) / len(rows) for values in zip(*map(astuple, rows), strict=True)))
        return [
            name,
            f"{average.mean:.2f} s",
            f"{least:.2f}-{most:.2f}",
            f"{average.p99:.2f} s",
            f"{average.calls:.2f}",
            f"{average.worst:.2f} s",
            f"{average.fairness:.2f}",
        ]

    names = list(runs[0].rows)
    jobs = ", ".join(str(run.jobs) for run in runs)
    waits = ", ".join(f"{run.wait:.0f}" for run in runs)
    say(
        table(
            f"{runs[0].name}: {jobs} jobs, waiting {waits} s on average",
            ["", "mean lag", "over seeds", "p99", "calls/job", "worst client", "fairness"],
            [row(name) for name in names],
        )
    )
    for name in names[1:3]:
        say("  " + _verdict(name, [run.rows[name] for run in runs], [run.rows[names[3]] for run in runs]))
    if is_day:
        calls = [run.rows[names[1]].calls for run in runs]
        met = "met" if max(calls) < AIM_CALLS else "missed"
        say(f"  aim {met}: {_each(calls)} calls a job with the usual setting, under {AIM_CALLS:g} wanted")
        wanted = AIM_PART * sum(run.rows[names[3]].mean for run in runs) / len(runs)
        say(
            f"  both aims at once cannot be met: {wanted:.2f} s of lag take {least_calls(wanted):.1f} calls\n"
            "  per job at least, even with every start known: running times are only stated to a quarter"
        )
    say("")


def _verdict(name: str, ours: Sequence[Row], papers: Sequence[Row]) -> str:
    parts = [our.mean / paper.mean for our, paper in zip(ours, papers, strict=True)]
    calls = [our.calls / paper.calls for our, paper in zip(ours, papers, strict=True)]
    met = "aim met" if max(parts) <= AIM_PART and max(calls) <= 1 else "aim missed"
    return f"{name}: {_each(parts, 3)} of the paper's mean lag with {_each(calls)} of its calls ({met})"


def _each(values: Sequence[float], digits: int = 2) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)


def lines(world: World) -> list[Line]:
    """Return each method with its setting varied, from few calls and much lag to many and little."""

    def with_price(price: float) -> Limits:
        return replace(EAGER, price=price)

    return [
        ("qwhisk: price of a call", [qwhisk(world, with_price(p)) for p in (20.0, 5.0, 1.0, 0.2, 0.06)]),
        (
            "the paper's: polls every 20 to 0.5 s",
            [rivals.paper(world, wait=w) for w in (20.0, 10.0, 5.0, 2.0, 1.0, 0.5)],
        ),
        ("fixed interval: 60 to 1 s", [rivals.fixed(world, i) for i in (60.0, 30.0, 10.0, 5.0, 2.0, 1.0)]),
        (
            "back-off: to 300, 60, 30, 10 s",
            [rivals.backoff(world, most=m) for m in (300.0, 60.0, 30.0, 10.0)],
        ),
    ]


def plot(seed: int, path: Path = PLOT) -> Path:
    """Draw the lines of two scenarios and return the file."""
    import matplotlib as mpl

    mpl.use("Agg")
    # The same figures give the same file.
    mpl.rcParams["svg.hashsalt"] = "qwhisk"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    for axis, world in zip(axes, (steady(seed), day(seed)), strict=True):
        for (name, tallies), marker in zip(lines(world), "osvD", strict=True):
            axis.loglog(
                [tally.per_job() for tally in tallies],
                [tally.mean for tally in tallies],
                marker=marker,
                label=name,
            )
        axis.axvline(1.0, color="grey", linestyle=":", label="clairvoyant: 1 call, no lag")
        axis.set_title(world.name)
        axis.set_xlabel("API calls for each job")
        axis.grid(visible=True, which="both", alpha=0.2)
    axes[0].set_ylabel("mean seconds from completion to delivery")
    axes[0].legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
