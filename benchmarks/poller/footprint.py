"""The memory and processor time of a poller: idle, with jobs to look at, and with jobs that wait."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as all_of
from datetime import UTC, datetime
from pathlib import Path

import requests
from qiskit import QuantumCircuit

from benchmarks.table import table
from core.kafka import topics
from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.protocol import JobEvent, encode
from core.provider import QuantumAccount, connect
from core.settings import KafkaSettings, ProviderSettings
from testkit.processes import module_pid, part_environment
from testkit.stack import Stack, running, wait_for

#: Jobs that are looked at, and jobs that wait at the broker.
WATCHED, WAITING = 1_000, 10_000
#: The aims: MB resident, and the fraction of one core when nothing is due.
AIM_MB, AIM_CORE = 150.0, 0.05
#: Seconds for which processor time is measured, and seconds to wait before.
MEASURE, REST = 20.0, 5.0
#: Seconds that one job takes, so that the queue does not move during the measurement.
STANDSTILL = "86400"


def report() -> str:
    """Start a stack, measure, and return the table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(
            Path(folder), SIMULATOR_QUEUE_SERVICE_SECONDS=STANDSTILL, SIMULATOR_QUEUE_INITIAL="10"
        ) as stack,
    ):
        pid = module_pid(stack, "poller")
        env = part_environment(stack, "poller")
        kafka = KafkaSettings.from_env(env)
        topic = topics.new_results_topic()
        Topics(kafka).ensure({topic: 1})
        publisher = Publisher(kafka)
        rows = [_row("idle", pid)]
        account = connect(ProviderSettings.from_env(env)).account("hardware")
        _announce(publisher, topic, _submit(account, WATCHED), "simulator", 0)
        _counted(stack, "queued", WATCHED)
        rows.append(_row(f"{WATCHED:,} jobs looked at every 2 s", pid))
        # Each is requeued without a look: none is expected to complete for days.
        names = [f"waiting{number}" for number in range(WAITING)]
        _announce(publisher, topic, names, "hardware", 100_000)
        _counted(stack, "requeued", WAITING)
        rows.append(_row(f"these, and {WAITING:,} that wait", pid))
        publisher.close(5.0)
    alone = _client_alone()
    return table(
        "a poller's process",
        ["", "resident", "proportional", "of one core"],
        [*rows, ["for comparison: import qiskit_ibm_runtime", f"{alone:.0f} MB", "", ""]],
    ) + (f"\naim: under {AIM_MB:.0f} MB, and under {AIM_CORE:.0%} of one core when nothing is due")


def _row(name: str, pid: int) -> list[str]:
    time.sleep(REST)
    before = _cpu(pid)
    time.sleep(MEASURE)
    core = (_cpu(pid) - before) / MEASURE
    return [name, f"{_memory(pid, 'Rss'):.0f} MB", f"{_memory(pid, 'Pss'):.0f} MB", f"{core:.1%}"]


def _memory(pid: int, kind: str) -> float:
    """Return MB. `Pss` counts shared pages in proportion."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1e3
    raise ValueError(kind)


def _cpu(pid: int) -> float:
    """Return the processor time in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _submit(account: QuantumAccount, count: int) -> list[str]:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    with ThreadPoolExecutor(4) as pool:
        ids = [pool.submit(account.submit, [(circuit,)], "fake_fez", 16, []) for _ in range(count)]
        return [job_id.result(300) for job_id in ids]


def _announce(publisher: Publisher, topic: str, ids: list[str], backend_type: str, ahead: int) -> None:
    sent: list[Future[None]] = []
    for job_id in ids:
        event = JobEvent(
            job_id=job_id,
            backend="fake_fez",
            backend_type=backend_type,
            function="smile_super_position",
            client_id=f"client-{len(sent) % 20}",
            process_job_id=f"footprint-{job_id}",
            topic=topic,
            submitted_at=datetime.now(UTC),
            queue_length_at_submit=ahead,
        )
        sent.append(publisher.send(topics.JOBS, event.process_job_id, encode(event)))
    done, late = all_of(sent, 60)
    assert not late
    for publication in done:
        publication.result(0)


def _counted(stack: Stack, what: str, count: int) -> None:
    """Wait until the poller's metrics count this many jobs in a state."""

    url = f"http://127.0.0.1:{stack.env['POLLER_PORT']}/metrics"
    begin = "qwhisk_poller_requeued_total" if what == "requeued" else f'qwhisk_poller_jobs{{state="{what}"}}'

    def there() -> bool:
        lines = requests.get(url, timeout=10).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(begin)) >= count

    wait_for(there, 180)


def _client_alone() -> float:
    """Return the resident MB of an interpreter that has imported only the client."""
    code = "import qiskit_ibm_runtime; print(open('/proc/self/smaps_rollup').read())"
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[1]) / 1e3 for line in text.splitlines() if line.startswith("Rss:"))
