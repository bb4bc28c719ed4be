"""What the action package costs: cold starts, and warm `main()` compared with Qiskit alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import cold
from benchmarks.around import surroundings
from benchmarks.table import table
from benchmarks.warm import PARTS, Warm, close, warm
from testkit.percentile import percentile
from testkit.stack import running
from tools.documents import algorithms

#: What this project aims for: warm seconds added at p50, and the cold start as a multiple of the bare import.
AIM_ADDED, AIM_RATIO = 0.010, 1.3
#: Algorithms whose cold start is measured: the paper's, and those that import and prepare most.
COLD = ("smile_super_position", "shor", "vqe")
#: Cold starts of each algorithm, each compared with a bare import.
STARTS = 3


def report() -> str:
    """Measure and return the tables."""
    with surroundings() as bound:
        starts = cold_starts(bound)
        results = {name: warm(algorithm(), bound) for name, algorithm in algorithms().items()}
        close()
    return "\n\n".join([starts, on_the_local_stack(), warm_main(results)])


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"


def cold_starts(bound: dict[str, str]) -> str:
    """Alternate fresh processes and bare imports, because the speed of the machine changes within minutes."""
    cold.bare_import()
    imports: list[tuple[float, float]] = []
    starts: dict[str, list[tuple[float, float]]] = {name: [] for name in COLD}
    for _ in range(STARTS):
        for name in COLD:
            imports.append(cold.bare_import())
            starts[name].append(cold.action_process(name, bound))
    imported, ended = (percentile([pair[place] for pair in imports], 0.5) for place in (0, 1))
    rows = [["python -c 'import qiskit_ibm_runtime'", _s(imported), _s(ended), "1"]]
    for name, pairs in starts.items():
        listens, answered = (percentile([pair[place] for pair in pairs], 0.5) for place in (0, 1))
        rows.append([name, _s(listens), _s(answered), f"{answered / ended:.2f}"])
    return (
        table(
            f"cold start of a process, p50 of {STARTS} (of {len(imports)} imports)",
            ["", "imported", "first answer, or end", "ratio"],
            rows,
        )
        + f"\naim: first answer within {AIM_RATIO} times the bare import, until its process has ended; "
        f"of the import alone it is {_worst(starts, imported):.2f} times at most"
    )


def _worst(starts: dict[str, list[tuple[float, float]]], imported: float) -> float:
    return max(percentile([pair[1] for pair in pairs], 0.5) for pairs in starts.values()) / imported


def on_the_local_stack() -> str:
    """Measure the first call of every algorithm except the one that starts the stack."""
    names = list(algorithms())
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), OPENWHISK_PREWARM="0") as stack:
        cold.prepare(stack)
        waking = cold.local_stack(stack, names[0])
        calls = [cold.local_stack(stack, name) for name in names[1:]]
    first, second = (percentile([call[place] for call in calls], 0.5) for place in (0, 1))
    return table(
        "calls on the local OpenWhisk, which forks action processes from one with the imports behind it",
        ["", "first call", "second call"],
        [
            [f"{names[0]}, the first on the stack", *(_s(seconds) for seconds in waking)],
            [f"{len(calls)} other algorithms, p50", _s(first), _s(second)],
        ],
    )


def warm_main(results: dict[str, Warm]) -> str:
    """Measure every algorithm, and list where the time outside Qiskit goes."""
    rows = [
        [
            name,
            str(result.qubits),
            str(result.circuits),
            *(
                _ms(seconds)
                for seconds in (result.direct, result.new, result.added, result.processor, result.known)
            ),
        ]
        for name, result in results.items()
    ]
    head = ["ms at p50", "qubits", "circuits", "qiskit", "main()", "added", "added CPU", "main(), known"]
    parts = [
        [
            part,
            *(
                _ms(percentile([result.parts[part] for result in results.values()], place))
                for place in (0.5, 1)
            ),
        ]
        for part in PARTS
    ]
    added = sorted(result.added for result in results.values())
    within = sum(seconds <= AIM_ADDED for seconds in added)
    return "\n".join(
        [
            table("warm main() compared with building and transpiling the same circuits", head, rows),
            f"aim: at most {_ms(AIM_ADDED)} ms added; {within} of {len(added)} are, "
            f"p50 of all {_ms(percentile(added, 0.5))} ms\n",
            table("where main() spends its time", ["ms", "p50 of all", "most"], parts),
        ]
    )
