"""The audit and the permissions over HTTP: a gateway's process, signed-in tenants and refused ones."""

from __future__ import annotations

import hashlib
import json
import logging
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from core.errors import SettingsError
from core.kafka.publisher import Publisher
from core.protocol import encode
from core.settings import KafkaSettings
from gateway.audit import FIELDS, MAX_TEXT, REFUSED_PER_MINUTE, Audit, text_of
from gateway.auth.sign_in import Identity
from gateway.permissions import Permissions, document_of
from gateway.settings import GatewaySettings
from testkit.replicas import FREE, SECRET, Replica, broker, documents, replica, topic_of
from testkit.serving import served
from testkit.stack import wait_for
from tests.core.samples import result_event
from tests.gateway.oidc import AUDIENCE, Provider, provider
from tests.gateway.test_settings import ENV

KEYS = {"ci": "the-key-of-ci", "lab": "the-key-of-lab", "nobody": "the-key-of-nobody"}
RULES = {
    "rules": [
        {"api_keys": ["ci"], "functions": ["bell", "liar"], "backend_types": ["simulator"]},
        {"api_keys": ["lab"]},
        {"claims": {"groups": ["students"]}, "functions": ["bell"], "backend_types": ["simulator"]},
    ],
    "others": {"functions": []},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "backend_type": {"enum": ["hardware", "simulator", "noisy_simulator"], "default": "hardware"},
        "text": {"type": "string"},
    },
}
PATIENCE = 60
PREVIOUS_SECRET = "the secret before it, of at least 32 characters"
#: The function `slow` was invoked, and may reply.
ENTERED, RELEASED = threading.Event(), threading.Event()


class Action(BaseHTTPRequestHandler):
    """A function that submits a job where it is asked to, or on hardware if it is called `liar`."""

    def do_POST(self) -> None:
        if self.path == "/slow":
            ENTERED.set()
            RELEASED.wait(PATIENCE)
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        backend_type = "hardware" if self.path == "/liar" else params.get("backend_type", "hardware")
        data = json.dumps({"job_id": "d1", "backend": "some", "backend_type": backend_type}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class World:
    """A gateway that requires a sign-in, with rules and an audit file."""

    gateway: Replica
    issuer: Provider
    kafka: KafkaSettings
    audit: Path

    def sign_in(self, credential: str | None) -> requests.Response:
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        return requests.post(f"{self.gateway.url}/api/v1/sessions", headers=headers, timeout=PATIENCE)

    def client(self, credential: str) -> Tenant:
        return Tenant(self, str(self.sign_in(credential).json()["token"]))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit.read_bytes().split(b"\n") if line]


@dataclass
class Tenant:
    """A signed-in client."""

    world: World
    token: str

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        url = f"{self.world.gateway.url}/api/v1{path}"
        return requests.request(method, url, headers=headers, timeout=PATIENCE, **more)

    def submit(self, function: str, key: str = "", **value: Any) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self("POST", f"/functions/{function}/jobs", json=value, headers=headers)

    def listed(self) -> list[str]:
        return [each["id"] for each in self("GET", "/functions").json()["functions"]]


@contextmanager
def audited(folder: Path) -> Iterator[World]:
    """Start a gateway that requires a sign-in, and what it needs."""
    rules = folder / "permissions.json"
    rules.write_text(json.dumps(RULES))
    with ExitStack() as ends:
        action = ends.enter_context(served(ThreadingHTTPServer(("127.0.0.1", 0), Action)))
        address = f"http://127.0.0.1:{action.server_port}"
        raw = [
            {"_id": name, "functionBackendUrl": f"{address}/{name}", "functionInputSchema": SCHEMA}
            for name in ("bell", "liar", "shor", "slow")
        ]
        settings = ends.enter_context(documents(folder / "documents", *raw))
        kafka, issuer = ends.enter_context(broker(folder)), ends.enter_context(provider())
        digests = (f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items())
        more = FREE | {
            "GATEWAY_API_KEYS": ",".join(digests),
            "OIDC_ISSUER": issuer.url,
            "OIDC_AUDIENCE": AUDIENCE,
            "GATEWAY_PERMISSIONS": str(rules),
            "GATEWAY_PREVIOUS_SECRET": PREVIOUS_SECRET,
            "GATEWAY_AUDIT_FILE": str(folder / "audit.log"),
            "GATEWAY_MCP": "on",
            "LOG_LEVEL": "ERROR",
        }
        gateway = replica(folder, kafka, folder / "documents", **more, **settings)
        yield World(ends.enter_context(gateway), issuer, kafka, folder / "audit.log")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with audited(tmp_path_factory.mktemp("audit")) as started:
        yield started


def test_a_tenant_sees_and_submits_only_what_it_may_use(world: World) -> None:
    ci, lab = world.client(KEYS["ci"]), world.client(KEYS["lab"])
    assert (ci.listed(), lab.listed()) == (["bell", "liar"], ["bell", "liar", "shor", "slow"])
    assert ci("GET", "/functions/shor").status_code == 403
    assert ci("GET", "/functions/bell").status_code == 200
    assert ci("GET", "/functions/unknown").status_code == 404
    assert ci.submit("bell", backend_type="simulator").status_code == 202
    refused = ci.submit("shor", backend_type="simulator")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert "You may use: bell, liar" in refused.json()["detail"]
    for value in ({"backend_type": "hardware"}, {}):
        refused = ci.submit("bell", **value)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (403, "backend_type")
        assert "backend types: simulator" in refused.json()["detail"]
    assert lab.submit("shor").status_code == 202
    assert len(ci("GET", "/jobs").json()["jobs"]) == 1


def test_a_users_claims_decide(world: World) -> None:
    student = world.client(world.issuer.token(sub="carol", groups=["staff", "students"]))
    stranger = world.client(world.issuer.token(sub="dave", groups=["staff"]))
    assert (student.listed(), stranger.listed()) == (["bell"], [])
    assert student.submit("bell", backend_type="simulator").status_code == 202
    refused = stranger.submit("bell", backend_type="simulator")
    assert (refused.status_code, refused.json()["detail"][-20:]) == (403, ". You may use: none.")
    renewed = Tenant(world, str(world.sign_in(student.token).json()["token"]))
    assert renewed.listed() == ["bell"]


def test_a_renewed_session_needs_no_previous_secret_for_its_rules(world: World) -> None:
    rules, ci = document_of(json.dumps(RULES)), Identity("key", "ci")
    claims = jwt.decode(world.client(KEYS["ci"]).token, SECRET, ["HS256"])
    marks = Permissions(rules, PREVIOUS_SECRET).marks(ci)
    before = Tenant(world, jwt.encode(claims | {"marks": marks}, PREVIOUS_SECRET))
    assert before.listed() == ["bell", "liar"]
    renewed = jwt.decode(str(world.sign_in(before.token).json()["token"]), SECRET, ["HS256"])
    assert tuple(renewed["marks"]) == Permissions(rules, SECRET).marks(ci)


def test_a_function_that_uses_another_backend_type_than_asked_is_stopped(world: World) -> None:
    ci = world.client(KEYS["ci"])
    refused = ci.submit("liar", backend_type="simulator")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert ci("GET", "/jobs").json()["jobs"] == []


def test_a_repeated_request_is_checked_too(world: World) -> None:
    lab = world.client(KEYS["lab"])
    assert lab.submit("bell", key="once").status_code == 202
    # The same client with the rules of another tenant, as if the rules had been changed.
    claims = jwt.decode(lab.token, SECRET, ["HS256"])
    other = jwt.decode(world.client(KEYS["ci"]).token, SECRET, ["HS256"])
    demoted = Tenant(world, jwt.encode(claims | {"marks": other["marks"]}, SECRET))
    refused = demoted.submit("bell", key="once")
    assert refused.status_code == 403, refused.text
    assert lab.submit("bell", key="once").headers["Idempotent-Replayed"] == "true"


def test_each_action_has_one_line_and_no_line_has_a_secret(world: World) -> None:
    before = len(world.lines())
    ci = world.client(KEYS["ci"])
    made = ci.submit("bell", backend_type="simulator", text="a secret input")
    job = made.headers["Location"].rpartition("/")[2]
    assert ci("DELETE", f"/jobs/{job}/data").status_code == 409
    assert ci("DELETE", f"/jobs/{job}").status_code == 202
    publisher = Publisher(world.kafka)
    topic = topic_of(ci.token)
    event = result_event(status="CANCELLED", process_job_id=job, topic=topic, backend_type="simulator")
    publisher.publish(topic, job, encode(event))
    publisher.close()
    wait_for(lambda: ci("GET", f"/jobs/{job}").json()["status"] == "CANCELLED", PATIENCE)
    assert ci("DELETE", f"/jobs/{job}/data").status_code == 204
    lines = world.lines()[before:]
    shown = [(x["action"], x["outcome"], x["status"], x.get("code")) for x in lines]
    assert shown == [
        ("sign_in", "accepted", 201, None),
        ("submission", "accepted", 202, None),
        ("erasure", "refused", 409, "job_not_ended"),
        ("cancellation", "accepted", 202, None),
        ("erasure", "accepted", 204, None),
    ]
    for line in lines:
        assert {"time", "level", "service", "logger", "message", "address"} <= line.keys()
        assert (line["logger"], line["address"]) == ("qwhisk.audit", "127.0.0.1")
    assert {x.get("tenant") for x in lines} == {"ci"}
    assert {x.get("process_job_id") for x in lines[1:]} == {job}
    assert (lines[1]["function"], len({x["client"] for x in lines})) == ("bell", 1)
    client_id = result_event().client_id
    text = world.audit.read_text() + world.gateway.log.read_text()
    for secret in (*KEYS.values(), "a secret input", ci.token, topic, client_id):
        assert secret not in text
    assert stat.S_IMODE(world.audit.stat().st_mode) == 0o600


def test_refused_attempts_have_lines(world: World) -> None:
    before = len(world.lines())
    ci, nobody = world.client(KEYS["ci"]), world.client(KEYS["nobody"])
    stranger = Tenant(world, "forged")
    ci.submit("shor")
    nobody.submit("bell", backend_type="simulator")
    stranger.submit("bell")
    ci("POST", "/functions/bell/jobs", data=b"{", headers={"Content-Type": "application/json"})
    ci.submit("bell", backend_type="else")
    ci("DELETE", "/jobs/nosuchjob/data")
    ci("DELETE", "/jobs/nosuchjob")
    ci("POST", "/functions/bell/jobs", json={}, headers={"Origin": "https://evil.example"})
    # The status is only in the body.
    ci("POST", "/functions/shor/jobs", json={}, headers={"Prefer": "problem=in-body"})
    world.sign_in("not a key")
    world.sign_in(None)
    shown = [(x["action"], x["status"], x.get("tenant")) for x in world.lines()[before:]]
    assert shown == [
        ("sign_in", 201, "ci"),
        ("sign_in", 201, "nobody"),
        ("submission", 403, "ci"),
        ("submission", 403, "nobody"),
        ("submission", 401, None),
        ("submission", 400, "ci"),
        ("submission", 422, "ci"),
        ("erasure", 404, "ci"),
        ("cancellation", 404, "ci"),
        ("submission", 403, None),
        ("submission", 403, "ci"),
        ("sign_in", 401, None),
        ("sign_in", 401, None),
    ]


def test_a_sign_in_at_the_provider_and_a_refused_one_have_lines(world: World) -> None:
    before = len(world.lines())
    accepted = world.issuer.token(sub="carol", groups=["students"])
    refused = [
        world.issuer.token(sub="mallory", aud="another"),
        world.issuer.token(sub="mallory", exp=1),
        accepted.rpartition(".")[0] + ".c2lnbmF0dXJl",
    ]
    session = world.sign_in(accepted).json()
    assert [world.sign_in(token).status_code for token in refused] == [401] * len(refused)
    # A renewal is no sign-in.
    assert world.sign_in(session["token"]).status_code == 200
    lines = world.lines()[before:]
    shown = [(x["action"], x["outcome"], x["status"], x.get("tenant"), x.get("code")) for x in lines]
    assert shown[0] == ("sign_in", "accepted", 201, "carol", None)
    assert shown[1:] == [("sign_in", "refused", 401, None, "unauthorized")] * len(refused)
    client = hashlib.sha256(session["client_id"].encode()).hexdigest()[:16]
    assert [x.get("client") for x in lines] == [client, None, None, None]
    text = world.audit.read_text() + world.gateway.log.read_text()
    for secret in (accepted, *refused, session["token"], session["client_id"]):
        assert secret not in text


def test_a_caller_who_leaves_has_a_line_too(world: World) -> None:
    """The job is submitted all the same."""
    before = len(world.lines())
    lab = world.client(KEYS["lab"])
    body = b"{}"
    request = (
        f"POST /api/v1/functions/slow/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {lab.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", world.gateway.port), PATIENCE) as sock:
        sock.sendall(request.encode() + body)
        assert ENTERED.wait(PATIENCE)
    # The event loop that serves this request has seen the end of the connection before.
    requests.get(f"{world.gateway.url}/healthz", timeout=PATIENCE).raise_for_status()
    RELEASED.set()
    wait_for(lambda: len(world.lines()) == before + 2, PATIENCE)
    line = world.lines()[-1]
    assert (line["action"], line["function"], line["outcome"], line["tenant"]) == (
        "submission",
        "slow",
        "accepted",
        "lab",
    )


def test_no_text_of_a_caller_begins_another_line(world: World) -> None:
    before = len(world.lines())
    ci = world.client(KEYS["ci"])
    attacks = ["%0a%7B%22a%22:1%7D", "%E2%80%A8x", "%C2%85", "a%0D%0Ab", "x" * 500, "%1B%5B2J", "%22%5C"]
    for attack in attacks:
        ci("DELETE", f"/jobs/{attack}/data")
        ci("POST", f"/functions/{attack}/jobs", json={})
    lines = world.lines()[before:]
    assert len(lines) == 1 + 2 * len(attacks)
    text = world.audit.read_text()
    assert len(text.splitlines()) == text.count("\n")
    assert text.isascii()


def test_repeated_requests_cannot_displace_the_other_lines(world: World) -> None:
    """They are accepted, cost nothing and have no limit of their own.

    This is the last test of this gateway: no refused request has a line afterwards.
    """
    ci = world.client(KEYS["ci"])
    job = ci.submit("bell", backend_type="simulator").headers["Location"].rpartition("/")[2]
    times = 2 * REFUSED_PER_MINUTE

    def lines(action: str, path: str, status: int) -> int:
        before = len(world.lines())
        assert {ci("DELETE", path).status_code for _ in range(times)} == {status}
        return sum(line["action"] == action for line in world.lines()[before:])

    while_running = lines("cancellation", f"/jobs/{job}", 202)
    publisher, topic = Publisher(world.kafka), topic_of(ci.token)
    event = result_event(status="CANCELLED", process_job_id=job, topic=topic, backend_type="simulator")
    publisher.publish(topic, job, encode(event))
    publisher.close()
    wait_for(lambda: ci("GET", f"/jobs/{job}").json()["status"] == "CANCELLED", PATIENCE)
    after_the_end = lines("cancellation", f"/jobs/{job}", 202)
    erased = lines("erasure", f"/jobs/{job}/data", 204)
    # A loaded machine may need several minutes of the clock for them.
    written = while_running + after_the_end + erased
    minutes = len({line["time"][:16] for line in world.lines()}) + 1
    assert 3 <= written <= minutes * (REFUSED_PER_MINUTE + 3)
    assert written < 3 * times
    assert world.lines()[-1]["status"] in (202, 204)


def test_a_text_is_ascii_and_short() -> None:
    for text in ("a\nb", "\u2028", "\x00\x1b[2J", "\udc80", "é" * 500, "\N{GRINNING FACE}" * 100):
        written = text_of(text)
        assert written.isascii()
        assert written.isprintable()
        assert len(written) <= MAX_TEXT
    assert text_of("a-normal_id.1") == "a-normal_id.1"


# --- the file -------------------------------------------------------------------------------------------


def settings(tmp_path: Path, **more: str) -> GatewaySettings:
    return GatewaySettings.from_env(ENV | {"GATEWAY_AUDIT_FILE": str(tmp_path / "audit.log")} | more)


@pytest.fixture
def audits() -> Iterator[ExitStack]:
    with ExitStack() as ends:
        yield ends


def test_the_file_is_replaced_and_only_some_are_kept(tmp_path: Path, audits: ExitStack) -> None:
    audit = Audit(settings(tmp_path, GATEWAY_AUDIT_BYTES="10000", GATEWAY_AUDIT_FILES="2"))
    audits.callback(audit.close)
    for number in range(500):
        audit.write({"action": "submission", "outcome": "accepted", "process_job_id": str(number)}, "::1")
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.log", "audit.log.1", "audit.log.2"]
    assert all(0 < file.stat().st_size <= 10_000 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    newest = [json.loads(line)["process_job_id"] for line in files[0].read_text().splitlines()]
    assert newest[-1] == "499"


def test_refused_requests_cannot_displace_the_other_lines(tmp_path: Path, audits: ExitStack) -> None:
    audit = Audit(settings(tmp_path))
    audits.callback(audit.close)
    for _ in range(10 * REFUSED_PER_MINUTE):
        audit.write({"action": "sign_in", "outcome": "refused"}, "192.0.2.1")
    audit.write({"action": "sign_in", "outcome": "refused"}, "192.0.2.2")
    audit.write({"action": "sign_in", "outcome": "accepted"}, "192.0.2.1")
    lines = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    written = sum(line["outcome"] == "refused" for line in lines)
    # The clock's minute may have changed in between.
    assert REFUSED_PER_MINUTE < written <= 2 * REFUSED_PER_MINUTE + 1
    assert lines[-1]["outcome"] == "accepted"
    assert sum(line.get("omitted", 0) for line in lines) == 10 * REFUSED_PER_MINUTE + 1 - written


def test_without_a_file_the_lines_are_in_the_log(
    audits: ExitStack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Audit(GatewaySettings.from_env(ENV))
    audits.callback(audit.close)
    monkeypatch.setattr(logging.getLogger(), "level", logging.ERROR)
    audit.write({"action": "erasure", "outcome": "accepted"}, "192.0.2.1")
    [record] = [each for each in caplog.records if each.name == "qwhisk.audit"]
    assert vars(record)["action"] == "erasure"


def test_a_file_that_cannot_be_written_is_named_at_the_start(tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "none" / "audit.log"), "a\0b"):
        with pytest.raises(SettingsError, match="GATEWAY_AUDIT_FILE"):
            Audit(settings(tmp_path, GATEWAY_AUDIT_FILE=name))


def test_a_line_that_cannot_be_written_is_in_the_log(
    tmp_path: Path, audits: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    audit = Audit(settings(tmp_path))
    audits.callback(audit.close)
    assert audit._file is not None
    if audit._file.stream is not None:
        audits.callback(audit._file.stream.close)
    audit._file.stream = (tmp_path / "audit.log").open(encoding="ascii")  # not for writing
    written: dict[str, Any] = {name: name for name in FIELDS} | {"outcome": "accepted", "status": 204}
    audit.write(written, "192.0.2.1")
    [record] = [each for each in caplog.records if each.name == "gateway.audit"]
    assert {name: vars(record).get(name) for name in FIELDS} == written | {"address": "192.0.2.1"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_a_full_disk_stops_nothing(
    tmp_path: Path, audits: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    audit = Audit(settings(tmp_path, GATEWAY_AUDIT_FILE="/dev/full"))
    audits.callback(audit.close)
    for number in range(70):  # more than a buffer of the file has
        audit.write({"action": "erasure", "outcome": "accepted", "process_job_id": str(number)}, "192.0.2.1")
    records = [vars(each) for each in caplog.records if each.name == "gateway.audit"]
    assert [each["process_job_id"] for each in records] == [str(number) for number in range(70)]
    audit.close()


def test_a_file_that_was_closed_by_an_error_is_opened_again(tmp_path: Path, audits: ExitStack) -> None:
    """A full disk while a new file is begun closes the old one."""
    audit = Audit(settings(tmp_path))
    audits.callback(audit.close)
    audit.write({"action": "erasure", "outcome": "accepted", "status": 204}, "192.0.2.1")
    assert audit._file is not None
    assert audit._file.stream is not None
    audit._file.stream.close()
    audit.write({"action": "erasure", "outcome": "refused", "status": 404}, "192.0.2.1")
    lines = (tmp_path / "audit.log").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == [204, 404]


@pytest.mark.parametrize("deleted", [False, True])
def test_a_file_that_is_moved_away_is_followed_by_a_new_one(
    tmp_path: Path, audits: ExitStack, deleted: bool
) -> None:
    """As logrotate does."""
    audit, path, moved = Audit(settings(tmp_path)), tmp_path / "audit.log", tmp_path / "moved"
    audits.callback(audit.close)
    audit.write({"action": "erasure", "outcome": "accepted", "status": 204}, "192.0.2.1")
    path.unlink() if deleted else path.rename(moved)
    for _ in range(2):
        audit.write({"action": "erasure", "outcome": "refused", "status": 404}, "192.0.2.1")
    assert [json.loads(line)["status"] for line in path.read_text().splitlines()] == [404, 404]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if not deleted:
        assert [json.loads(line)["status"] for line in moved.read_text().splitlines()] == [204]
