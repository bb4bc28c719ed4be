"""Cold starts: from starting a process to its first answer, compared with a bare import of the client."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping

import requests

from benchmarks.around import ENVELOPE
from core.kafka.admin import Topics
from core.settings import KafkaSettings
from testkit.processes import part_environment
from testkit.stack import ROOT, Stack

#: Seconds that a start may take.
TIMEOUT = 60.0


def bare_import() -> tuple[float, float]:
    """Seconds until `import qiskit_ibm_runtime` is done in a fresh Python, and until that has ended."""
    script = "import qiskit_ibm_runtime, os; os.write(1, b'x')"
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        imported = time.perf_counter() - began
        if process.wait(TIMEOUT) != 0:
            raise RuntimeError("qiskit_ibm_runtime cannot be imported")
    return imported, time.perf_counter() - began


def action_process(name: str, bound: Mapping[str, str]) -> tuple[float, float]:
    """Seconds from starting an action's process until it listens, and until /run has answered with a job."""
    values = importlib.import_module(f"tests.actions.cases.{name}").VALUES
    ours, theirs = os.pipe()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "actions.runtime", "--port", "0", "--ready-fd", str(theirs)],
        cwd=ROOT,
        env=os.environ | {"QWHISK_ACTION": name},
        pass_fds=(theirs,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        with os.fdopen(ours) as pipe:
            url = f"http://127.0.0.1:{int(pipe.readline())}"
        listens = time.perf_counter() - began
        with requests.Session() as http:
            http.trust_env = False
            http.post(f"{url}/init", json={"value": {"name": name}}, timeout=TIMEOUT).raise_for_status()
            answer = http.post(f"{url}/run", json={"value": values | ENVELOPE | bound}, timeout=TIMEOUT)
        answered = time.perf_counter() - began
        if "job_id" not in answer.json():
            raise RuntimeError(f"{name}: {answer.text[:300]}")
    finally:
        process.kill()
        process.wait(TIMEOUT)
    return listens, answered


def local_stack(stack: Stack, name: str) -> tuple[float, float]:
    """Seconds of an action's first call on the local OpenWhisk, which keeps none ready, and of its second."""
    values = importlib.import_module(f"tests.actions.cases.{name}").VALUES
    with requests.Session() as http:
        http.trust_env = False
        user, _, password = part_environment(stack, "gateway")["WHISK_AUTH"].partition(":")
        http.auth = (user, password)
        actions = f"http://127.0.0.1:{stack.env['OPENWHISK_PORT']}/api/v1/namespaces/_/actions"
        address = f"{actions}/quantum/{name}?blocking=true&result=true"

        def call() -> float:
            began = time.perf_counter()
            answer = http.post(
                address,
                json=values | ENVELOPE,
                timeout=TIMEOUT,
            )
            seconds = time.perf_counter() - began
            if "job_id" not in answer.json():
                raise RuntimeError(f"{name}: {answer.text[:300]}")
            return seconds

        first = call()
        # The poller asks for its result in the meantime, and the next call must find the process idle.
        time.sleep(1.0)
        return first, call()


def prepare(stack: Stack) -> None:
    """Make the topic that the results go to."""
    address = f"127.0.0.1:{stack.env['BROKER_PORT']}"
    Topics(KafkaSettings(bootstrap_servers=address)).ensure({ENVELOPE["topic"]: 1})
