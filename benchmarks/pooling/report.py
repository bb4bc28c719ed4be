"""The tables, and the plot of time to the result against the number of provider jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.pooling.methods import Direct, Method, Pooled, window
from benchmarks.pooling.scenarios import SCENARIOS, Scenario
from benchmarks.pooling.world import Outcome, run
from benchmarks.table import table
from poller.pooling.policy import PoolLimits

ROOT = Path(__file__).resolve().parents[2]
PLOT = ROOT / "docs" / "pooling.svg"

#: The plans: how many jobs may be pending.
PLANS = {"open plan, 3 pending jobs": 3, "pay-as-you-go, 100 pending jobs": 100}
#: Calls to the provider for each job: its submission and its result. Looks show many jobs at once.
CALLS = 2


def outcomes(scenario: Scenario, most_pending: int) -> list[Outcome]:
    """Run all methods on one scenario; the bound first."""
    limits = replace(PoolLimits(), most_pending=most_pending)
    methods: list[Method] = [
        Pooled(limits),
        Direct(limits),
        window(limits, 5.0),
        window(limits, 60.0),
    ]
    return [run(scenario, Pooled(limits, "bound"), late=True), *(run(scenario, one) for one in methods)]


def tables(seeds: Sequence[int], say: Callable[[str], None]) -> None:
    """Print a table for each plan and scenario, averaged over the seeds."""
    for plan, most_pending in PLANS.items():
        for scenario in SCENARIOS:
            runs = [outcomes(scenario(seed), most_pending) for seed in seeds]
            _table(f"{scenario(seeds[0]).name}, {plan}", runs, say)


def _table(title: str, runs: Sequence[Sequence[Outcome]], say: Callable[[str], None]) -> None:
    rows = []
    for same in zip(*runs, strict=True):

        def average(name: str, of: Sequence[Outcome] = same) -> float:
            return sum(float(getattr(one, name)) for one in of) / len(of)

        rows.append(
            [
                same[0].name,
                f"{average('mean'):,.0f} s",
                f"{average('p99'):,.0f} s",
                f"{average('worst'):,.0f} s",
                f"{average('fairness'):.2f}",
                f"{average('jobs'):,.0f}",
                f"{CALLS * average('jobs'):,.0f}",
                f"{average('busy'):,.0f} s",
            ]
        )
    say(
        table(
            title, ["", "mean to result", "p99", "worst client", "fairness", "jobs", "calls", "device"], rows
        )
        + "\n"
    )


def plot(seed: int, path: Path = PLOT) -> Path:
    """Draw time to the result against the number of jobs, for two scenarios; return the file."""
    import matplotlib as mpl

    mpl.use("Agg")
    # The same figures give the same file.
    mpl.rcParams["svg.hashsalt"] = "qwhisk"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    for axis, scenario in zip(axes.flat, SCENARIOS, strict=True):
        for outcome, marker in zip(outcomes(scenario(seed), 3), "*osvD", strict=True):
            axis.loglog([outcome.jobs], [outcome.mean], marker, markersize=9, label=outcome.name)
        axis.set_title(scenario(seed).name)
        axis.grid(visible=True, which="both", alpha=0.2)
    for axis in axes[1]:
        axis.set_xlabel("provider jobs")
    for axis in axes[:, 0]:
        axis.set_ylabel("mean seconds to the result")
    axes[0][0].legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
