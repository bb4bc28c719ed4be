"""Runs a corpus of OpenQASM files and compares each outcome with the distribution of the tool that wrote it.

    python -m benchmarks.openqasm FOLDER [--shots 4096] [--only PREFIX] [--noisy]

`benchmarks/openqasm/generate.py` writes the corpus.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from actions.run_openqasm.algorithm import OpenQasmInput, algorithm
from actions.run_openqasm.circuit import program
from core.errors import InputError
from simulator.backends import catalog
from simulator.counts import registers
from simulator.engine import Engine
from simulator.settings import SimulationLimits
from testkit.targets import client_target

#: Share of the files that must run and agree.
WANTED = 0.98
#: Probability that a right result counts as wrong.
FALSE_ALARM = 1e-6

Runner = Callable[[str, int], dict[str, int]]


def runner(noisy: bool) -> Runner:
    """Return what runs a program on the simulator and gives the counts of all its registers as one."""
    found = catalog(["fake_fez"])
    backend = found["aer_simulator_noisy_fez" if noisy else "aer_simulator"]
    target = client_target(backend)
    engine = Engine(found, SimulationLimits())

    def run(text: str, shots: int) -> dict[str, int]:
        circuit = algorithm.build(OpenQasmInput(program=text, shots=shots))
        ready = target.transpile(circuit, None)
        executions = engine.prepare(backend, ready, np.empty((1, 0)), shots)
        [bits] = engine.run(backend, executions, np.random.default_rng(1))
        places = registers(ready)
        order = [place for register in program(text).registers for place in places[register.name]]
        rows = bits[:, order[::-1]]
        return dict(Counter("".join(map(str, row)) for row in rows.tolist()))

    return run


def distance(counts: dict[str, int], wanted: dict[str, float]) -> float:
    """Return the total variation distance."""
    shots = sum(counts.values())
    return sum(abs(counts.get(bits, 0) / shots - wanted.get(bits, 0)) for bits in {*counts, *wanted}) / 2


def allowed(wanted: dict[str, float], shots: int) -> float:
    """Return the distance of a sample from its distribution that is next to never exceeded."""
    return math.sqrt(len(wanted) / shots) / 2 + math.sqrt(math.log(1 / FALSE_ALARM) / 2 / shots)


def main() -> int:
    """Run the corpus, and print what disagrees or is refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.openqasm", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shots", type=int, default=4096)
    parser.add_argument("--only", default="", help="files whose names begin so")
    parser.add_argument("--noisy", action="store_true", help="count what runs; noise makes it disagree")
    options = parser.parse_args()
    expected: dict[str, dict[str, float]] = json.loads((options.folder / "expected.json").read_text())
    run = runner(options.noisy)
    tally: Counter[str] = Counter()
    tools: dict[str, Counter[str]] = {}
    begun = time.process_time()
    for name, wanted in sorted(expected.items()):
        if not name.startswith(options.only):
            continue
        text = (options.folder / f"{name}.qasm").read_text(encoding="utf-8")
        try:
            apart = distance(run(text, options.shots), wanted)
        except InputError as error:
            outcome = "refused"
            print(f"{name}: {error.message[:300]}")
        except Exception as error:
            outcome = "failed"
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}")
        else:
            outcome = "agrees"
            if not options.noisy and apart > allowed(wanted, options.shots):
                outcome = "wrong"
                print(f"{name}: {apart:.3f} from what is right, {allowed(wanted, options.shots):.3f} allowed")
        tally[outcome] += 1
        tools.setdefault(name.split("-")[0], Counter())[outcome] += 1
    for tool, counts in tools.items():
        print(f"{tool}: " + ", ".join(f"{counts[outcome]} {outcome}" for outcome in sorted(counts)))
    share = tally["agrees"] / max(1, tally.total())
    seconds = time.process_time() - begun
    print(
        f"{tally.total()} files: {tally['agrees']} agree ({share:.1%}), {tally['wrong']} wrong, "
        f"{tally['refused']} refused, {tally['failed']} failed; {seconds:.0f} s of CPU"
    )
    return 0 if share >= WANTED and not tally["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
