"""An action whose activations may run concurrently in one container."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from testkit.action_server import ActionServer, until
from tests.action_server.conftest import Start

#: Returns only when as many activations as requested are in it at once.
MEETING = (
    "import threading\n"
    "barriers = {}\n"
    "lock = threading.Lock()\n"
    "def main(p):\n"
    "    with lock:\n"
    "        barrier = barriers.setdefault(p['meeting'], threading.Barrier(p['of'], timeout=10))\n"
    "    barrier.wait()\n"
    "    return {'n': p['n'], 'alone': threading.current_thread() is threading.main_thread()}\n"
)


def run(server: ActionServer, **value: Any) -> tuple[int, dict[str, Any]]:
    """POST /run on a new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("POST", "/run", json.dumps({"value": value}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_activations_run_concurrently_if_openwhisk_allows_it(start: Start) -> None:
    server = start(__OW_ALLOW_CONCURRENT="true")
    assert server.init(MEETING) == (200, {"ok": True})
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda n: run(server, n=n, of=20, meeting="all"), range(20)))
    assert results == [(200, {"n": n, "alone": False}) for n in range(20)]
    assert server.stdout().count("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n") == 20


def test_otherwise_they_run_one_after_another_on_the_main_thread(start: Start) -> None:
    server = start()
    server.init(MEETING)
    assert run(server, n=1, of=1, meeting="one") == (200, {"n": 1, "alone": True})


def test_a_failing_activation_does_not_disturb_the_others(start: Start) -> None:
    server = start(__OW_ALLOW_CONCURRENT="true")
    server.init("import time\ndef main(p):\n    time.sleep(p['wait'])\n    return {'n': 1 / p['n']}\n")
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(run, server, wait=0.5, n=1)
        status, answer = run(server, wait=0, n=0)
        assert (status, list(answer)) == (200, ["error"])
        assert "division by zero" in answer["error"]
        assert slow.result() == (200, {"n": 1.0})


def test_sigterm_lets_current_activations_finish(start: Start, tmp_path: Path) -> None:
    server = start(__OW_ALLOW_CONCURRENT="true")
    server.init(
        "import pathlib, time\n"
        "def main(p):\n"
        "    print('begun', flush=True)\n"
        "    while not pathlib.Path(p['gate']).exists():\n"
        "        time.sleep(0.01)\n"
        "    return {'n': p['n']}\n"
    )
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(run, server, n=n, gate=str(gate)) for n in range(3)]
        until(lambda: server.stdout().count("begun") == 3)
        server.process.terminate()
        time.sleep(0.2)
        gate.touch()
        assert [future.result() for future in running] == [(200, {"n": n}) for n in range(3)]
    assert server.process.wait(9) == 0


def test_a_connection_is_kept_between_activations(start: Start) -> None:
    server = start(__OW_ALLOW_CONCURRENT="true")
    server.init("def main(p):\n    return p\n")
    for n in range(3):
        assert server.run({"n": n}) == (200, {"n": n})
        time.sleep(0.05)
