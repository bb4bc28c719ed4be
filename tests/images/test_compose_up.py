"""deploy/compose.yaml as a whole: brought up by Docker Compose, and a job from end to end."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from core.shipped_documents import shipped_documents
from testkit.listener import Listener
from testkit.stack import wait_for
from tests.images.composition import Composition


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not shutil.which("ldd"), reason="wants a Linux whose programs can be put into images")
def test_the_file_comes_up_and_runs_a_job_from_end_to_end(tmp_path: Path) -> None:
    with Composition(tmp_path) as composed:
        composed.deploy_as_documented()
        client = composed.client()
        # It started before there were documents, and follows them.
        expected = len(shipped_documents(""))
        wait_for(lambda: len(client.get("/functions").json()["functions"]) == expected, 60)

        with closing(Listener(client)) as listener:
            event = client.smile(wait=60)
            wait_for(lambda: event["process_job_id"] in listener.finals(), 60)
        assert (event["status"], event["error"]) == ("DONE", None)
        assert sum(entry["count"] for entry in event["answer"]["emoticons"]) == 1024
        assert listener.events()[-1]["answer"] == event["answer"]
        # OpenWhisk has started them on the network of the services: there they found Kafka and the simulator.
        assert composed.networks_of_actions() == {composed.network}

        assert composed.exit_codes_after_stop() == {"gateway": 0, "poller": 0, "simulator": 0}
        logs = composed.logs()
        secrets = [
            value for name, value in composed.values.items() if name.endswith(("PASSWORD", "KEY", "SECRET"))
        ]
        assert not [value for value in secrets if value in logs], "a secret was logged"
