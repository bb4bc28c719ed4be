"""The main job on each type of backend, over HTTP as any client would do it."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import requests

from testkit.faults import paused
from testkit.processes import part_environment
from testkit.stack import GIVEN_WHISK, Client, wait_for


def check_answer(event: dict[str, Any], first: str, second: str, shots: int) -> None:
    """Check that every shot is accounted for, and that the raw counts agree with the answer."""
    answer, counts = event["answer"], event["result"]["counts"]["meas"]
    assert [entry["text"] for entry in answer["emoticons"]] == [first, second]
    assert sum(counts.values()) == answer["shots"] == event["result"]["shots"] == shots
    seen = 0
    for entry in answer["emoticons"]:
        assert entry["bitstring"] == "".join(f"{ord(character):08b}" for character in entry["text"])
        assert entry["count"] == counts.get(entry["bitstring"], 0)
        assert entry["probability"] == pytest.approx(entry["count"] / shots)
        seen += entry["count"]
    assert answer["others_probability"] == pytest.approx((shots - seen) / shots)


@pytest.mark.skipif(bool(GIVEN_WHISK), reason="the log of another OpenWhisk is not here")
def test_the_first_job_pays_one_cold_start(client: Client) -> None:
    """Its answer is interpreted in the container that has submitted it."""
    stack = client.stack
    key = part_environment(stack, "gateway")["WHISK_AUTH"]
    document = stack.document("smile_super_position")
    assert document is not None
    action = document["functionBackendUrl"].partition("?")[0]
    path = "guest/" + action.partition("/actions/")[2]
    with requests.Session() as http:
        http.auth = (key.partition(":")[0], key.partition(":")[2])
        # An update ends the containers that other tests have left.
        fields = {"exec": http.get(action, timeout=20).json()["exec"]}
        assert http.put(action, params={"overwrite": "true"}, json=fields, timeout=20).status_code == 200
    log = stack.folder / "logs" / "openwhisk.log"
    start = len(log.read_text())
    with paused(stack):
        # It is accepted when the container has answered.
        accepted = client.smile(wait=0, backend_type="hardware")
    event = client.get(f"/jobs/{accepted['process_job_id']}", wait=60).json()
    assert (event["status"], event["answer"] is not None) == ("DONE", True)
    assert len(re.findall(rf"process \d+ for {path}, ready", log.read_text()[start:])) == 1


@pytest.mark.parametrize(("first", "second"), [(":)", ":("), ("a", "b"), ("(^_^)/__", "(T_T)\\__")])
def test_noiseless_shows_each_half_of_the_time_and_no_others(client: Client, first: str, second: str) -> None:
    event = client.smile(emoticon_1=first, emoticon_2=second, shots=4096)
    assert (event["status"], event["backend"], event["error"]) == ("DONE", "aer_simulator", None)
    check_answer(event, first, second, 4096)
    assert event["answer"]["others"] == []
    # Six standard deviations of a fair coin.
    assert abs(event["answer"]["emoticons"][0]["probability"] - 0.5) < 6 * math.sqrt(0.25 / 4096)


def test_the_noisy_simulator_reports_the_effect_of_noise(client: Client) -> None:
    event = client.smile(backend_type="noisy_simulator", shots=2048)
    assert (event["status"], event["backend"]) == ("DONE", "aer_simulator_noisy_fez")
    check_answer(event, ":)", ":(", 2048)
    first, second = (entry["probability"] for entry in event["answer"]["emoticons"])
    assert first + second > 0.6, "the answer must be readable despite the noise"
    assert event["answer"]["others"], "the noisy backend shows no noise"
    assert event["answer"]["others"][0]["count"] < min(first, second) * 2048
    assert event["result"]["metadata"]["simulator"]["noise_model"] != "none"


def test_a_hardware_job_waits_in_the_queue_and_reports_it(client: Client) -> None:
    with paused(client.stack):
        accepted = client.smile(wait=0, backend_type="hardware")
        seen = client.get(f"/jobs/{accepted['process_job_id']}").json()
    assert accepted["status"] == "QUEUED"
    assert accepted["circuit"]["qubits"] == 16
    assert accepted["circuit"]["openqasm3"].startswith("OPENQASM 3")
    assert seen["status"] == "QUEUED"
    event = client.get(f"/jobs/{accepted['process_job_id']}", wait=60).json()
    assert (event["status"], event["backend"]) == ("DONE", "fake_fez")
    check_answer(event, ":)", ":(", 1024)
    assert event["provider_jobs"] == accepted["provider_jobs"]
    assert event["circuit"] == accepted["circuit"]
    assert event["queue_length_at_submit"] is not None


def test_a_queued_job_can_be_cancelled(client: Client) -> None:
    with paused(client.stack):
        accepted = client.smile(wait=0, backend_type="hardware")
        path = f"{client.stack.api}/jobs/{accepted['process_job_id']}"
        answer = client.http.delete(path, timeout=20)
        assert answer.status_code == 202
        event = client.get(f"/jobs/{accepted['process_job_id']}", wait=60).json()
    assert event["status"] == "CANCELLED"
    assert event["result"] is None
    # Cancelling a final job changes nothing.
    assert client.http.delete(path, timeout=20).json()["status"] == "CANCELLED"


def test_jobs_lists_newest_first(client: Client) -> None:
    ids = [client.smile()["process_job_id"] for _ in range(3)]
    listed = client.get("/jobs").json()["jobs"]
    assert [job["process_job_id"] for job in listed] == ids[::-1]
    assert all(job["status"] == "DONE" for job in listed)


def test_an_accepted_job_is_found_at_once(client: Client) -> None:
    for _ in range(5):
        accepted = client.smile(wait=0)
        assert client.get(f"/jobs/{accepted['process_job_id']}").status_code == 200


def test_functions_and_backends_are_listed(client: Client) -> None:
    functions = {function["id"]: function for function in client.get("/functions").json()["functions"]}
    smile = functions["smile_super_position"]
    assert smile["view"] == "emoticons"
    assert set(smile["input_schema"]["required"]) == {"emoticon_1", "emoticon_2"}

    def listed() -> dict[str, dict[str, Any]]:
        return {backend["name"]: backend for backend in client.get("/backends").json()["backends"]}

    backends = wait_for(listed)
    assert {backend["backend_type"] for backend in backends.values()} == {
        "hardware",
        "simulator",
        "noisy_simulator",
    }
    assert backends["fake_fez"]["qubits"] == 156
    # There is no quantum processor here, whatever the type says.
    assert backends["fake_fez"]["backend_type"] == "hardware"
    assert {backend["simulated"] for backend in backends.values()} == {True}


def test_a_function_appears_and_disappears_with_its_document(client: Client) -> None:
    smile = client.stack.document("smile_super_position")
    assert smile is not None
    client.stack.put_document(smile | {"_id": "smile_again"})
    try:

        def names() -> list[str]:
            return [function["id"] for function in client.get("/functions").json()["functions"]]

        wait_for(lambda: "smile_again" in names())
        answer = client.submit(60, "smile_again", emoticon_1=":)", emoticon_2=":(")
        assert answer.status_code == 200, answer.text
    finally:
        client.stack.remove_document("smile_again")
    wait_for(lambda: "smile_again" not in names())
    assert client.submit(0, "smile_again", emoticon_1=":)", emoticon_2=":(").status_code == 404


def test_no_secret_is_logged(client: Client) -> None:
    client.smile()
    logs = client.stack.logs()
    assert client.token not in logs
    assert "Bearer" not in logs
    said = (client.stack.folder / "stack.log").read_text()
    if not GIVEN_WHISK:
        # `make up` prints where the key is, not its value.
        assert str(client.stack.folder / "whisk.key") in said
    key = part_environment(client.stack, "gateway")["WHISK_AUTH"]
    for part in (key, *key.split(":")):
        assert part not in logs + said
