"""The main job through the whole stack, as a client sees it."""

from __future__ import annotations

import threading
import time

import orjson
import urllib3

from benchmarks.inputs import pairs


class Client:
    """One client with its own session."""

    def __init__(self, gateway: str, seed: int) -> None:
        self._api = f"{gateway}/api/v1"
        self._inputs = pairs(seed)
        # The lightest client available, because it uses the same cores as what it measures.
        self._http = urllib3.PoolManager(retries=False)
        token = orjson.loads(self._http.request("POST", f"{self._api}/sessions", timeout=20).data)["token"]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def job(self, shots: int) -> float:
        """Run one job; gives the seconds from request to result."""
        first, second = next(self._inputs)
        body = {"emoticon_1": first, "emoticon_2": second, "shots": shots}
        began = time.perf_counter()
        answer = self._http.request(
            "POST",
            f"{self._api}/functions/smile_super_position/jobs?wait=60",
            body=orjson.dumps(body),
            headers=self._headers,
            timeout=120,
        )
        seconds = time.perf_counter() - began
        event = orjson.loads(answer.data)
        if answer.status != 200 or event["status"] != "DONE" or event["answer"]["shots"] != shots:
            raise RuntimeError(f"a job failed: {answer.status} {answer.data[:300]!r}")
        return seconds

    def close(self) -> None:
        """Close the connection."""
        self._http.clear()


def latencies(gateway: str, count: int, shots: int) -> list[float]:
    """Seconds of each of `count` jobs of one client, one after the other."""
    client = Client(gateway, 1)
    try:
        for _ in range(10):
            client.job(shots)
        return [client.job(shots) for _ in range(count)]
    finally:
        client.close()


def throughput(gateway: str, clients: int, seconds: float, shots: int) -> float:
    """Return the jobs per second of this many clients, each sending the next job when the last is done."""
    counts = [0] * clients
    failures: list[BaseException] = []
    start = threading.Barrier(clients + 1)
    end = [0.0]

    def work(index: int) -> None:
        client = Client(gateway, 1000 + index)
        try:
            client.job(shots)
            start.wait(60)
            while time.perf_counter() < end[0]:
                client.job(shots)
                counts[index] += 1
        except Exception as error:
            failures.append(error)
            start.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + 60 + seconds
    start.wait(60)
    end[0] = time.perf_counter() + seconds
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / seconds
