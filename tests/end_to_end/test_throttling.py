"""A burst of jobs on an OpenWhisk with limits of a stock one: every job that it accepted gets its answer."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from testkit.stack import GIVEN_WHISK, running, wait_for

#: Invocations in a minute, for submissions and answers together. A stock OpenWhisk has twice as many.
LIMIT = 30
BURST = 45


@pytest.mark.skipif(bool(GIVEN_WHISK), reason="the limits of another OpenWhisk are its own")
@pytest.mark.timeout(420)
def test_no_answer_of_a_burst_is_lost(tmp_path: Path) -> None:
    limits = {"OPENWHISK_INVOCATIONS_PER_MINUTE": str(LIMIT), "OPENWHISK_CONCURRENT_INVOCATIONS": "30"}
    with running(tmp_path, **limits) as stack:
        client = stack.client()
        with ThreadPoolExecutor(BURST) as pool:
            answers = list(pool.map(lambda _: client.submit(emoticon_1=":)", emoticon_2=":("), range(BURST)))
        assert {answer.status_code for answer in answers} <= {202, 429}
        refused = [answer for answer in answers if answer.status_code == 429]
        for answer in refused:
            assert 1 <= int(answer.headers["Retry-After"]) <= 62
        accepted = {answer.json()["process_job_id"] for answer in answers if answer.status_code == 202}
        # The burst may lie in two minutes.
        assert 0 < len(accepted) <= 2 * LIMIT
        events: dict[str, dict[str, Any]] = {}

        def all_are_final() -> bool:
            for job in sorted(accepted - events.keys()):
                event = client.get(f"/jobs/{job}").json()
                if event["status"] in ("DONE", "ERROR", "CANCELLED"):
                    events[job] = event
            return len(events) == len(accepted)

        wait_for(all_are_final, 300)
        assert Counter((event["status"], event["answer"] is not None) for event in events.values()) == {
            ("DONE", True): len(accepted)
        }
