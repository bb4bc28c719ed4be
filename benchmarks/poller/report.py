"""The tables, and the plot of lag against calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.poller import rivals
from benchmarks.poller.ours import IBM, qwhisk
from benchmarks.poller.scenarios import SCENARIOS, day, steady
from benchmarks.poller.tally import Tally
from benchmarks.poller.world import World
from benchmarks.table import table
from poller.desk import Limits

ROOT = Path(__file__).resolve().parents[2]
PLOT = ROOT / "docs" / "poller.svg"

#: The same scheduler told that lag matters more: a call is worth as little as this, and more are allowed.
EAGER = replace(IBM, price=0.06, per_minute=600)
#: The aims: mean lag as part of the paper's, with no more calls than it; calls per job over a day.
AIM_PART, AIM_CALLS = 0.1, 3.0

Line = tuple[str, Sequence[Tally]]


def ways(world: World) -> list[Tally]:
    """Every way of looking, on one world."""
    found = [
        rivals.clairvoyant(world),
        qwhisk(world),
        qwhisk(world, EAGER, "qwhisk, eager"),
        rivals.paper(world),
        rivals.fixed(world),
        rivals.backoff(world),
    ]
    for tally in found:
        tally.check(world)
    return found


def tables(seed: int, say: Callable[[str], None]) -> None:
    """One table for each scenario, and whether the aims are met."""
    for scenario in SCENARIOS:
        world = scenario(seed)
        found = ways(world)
        waits = [job.finished - job.created for job in world.jobs]
        say(
            table(
                f"{world.name}: {len(world.jobs)} jobs, waiting {sum(waits) / len(waits):.0f} s on average",
                ["", "mean lag", "p99", "calls/job", "worst client", "fairness"],
                [
                    [
                        tally.name,
                        f"{tally.mean:.2f} s",
                        f"{tally.p99:.2f} s",
                        f"{tally.per_job():.2f}",
                        f"{tally.worst(world):.2f} s",
                        f"{tally.fairness(world):.2f}",
                    ]
                    for tally in found
                ],
            )
        )
        _, usual, eager, paper, *_ = found
        say(f"  {_verdict(usual, paper)}\n  {_verdict(eager, paper)}")
        if scenario is day:
            met = "met" if usual.per_job() < AIM_CALLS else "missed"
            say(f"  aim {met}: {usual.per_job():.2f} calls a job, under {AIM_CALLS:g} wanted")
        say("")


def _verdict(tally: Tally, paper: Tally) -> str:
    part, calls = tally.mean / paper.mean, tally.per_job() / paper.per_job()
    met = "aim met" if part <= AIM_PART and calls <= 1 else "beside the aim"
    return f"{tally.name}: {part:.3f} of the paper's mean lag with {calls:.2f} of its calls ({met})"


def lines(world: World) -> list[Line]:
    """Each way with its own setting varied: from few calls and much lag to many and little."""

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
    """Draw the lines of two scenarios; gives the file."""
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
