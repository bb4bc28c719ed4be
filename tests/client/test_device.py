"""The device flow, at a real OpenID Connect provider and at one that answers whatever a test wants."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin

import pytest
import requests

from qwhisk_client import APIConnectionError, AuthenticationError, Client, DeviceSignIn, SignInError
from qwhisk_client.cli.access import store
from qwhisk_client.cli.exits import Exit
from qwhisk_client.cli.main import main
from qwhisk_client.device import INTERVAL, INTERVAL_MOST, MAX_ANSWER, MAX_WAIT, SLOWER, DeviceCode
from testkit.replicas import FREE, Replica, broker, documents, process, replica
from testkit.serving import served
from testkit.stack import ROOT, free_ports
from tests.clients.conftest import node_with_packages
from tests.printed import printed

OIDC = Path(__file__).parent / "oidc"
CLIENT = "qwhisk-command"
#: Seconds for one command.
PATIENCE = 120

Answer = tuple[int, Any]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The provider `oidc-provider`, installed according to its lock file."""
    node = node_with_packages(OIDC, "the OpenID Connect provider")
    [port] = free_ports(1)
    url, log = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("oidc") / "provider.log"
    ready = f"{url}/.well-known/openid-configuration"
    with process([node, str(OIDC / "server.mjs"), str(port)], {}, log, ready):
        yield url


@pytest.fixture(scope="module")
def gateway(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A gateway whose users sign in at the provider."""
    folder = tmp_path_factory.mktemp("signed")
    more = {"OIDC_ISSUER": issuer, "OIDC_AUDIENCE": CLIENT, "OIDC_CLIENT_ID": CLIENT}
    with ExitStack() as ends:
        kafka = ends.enter_context(broker(folder))
        settings = ends.enter_context(documents(folder / "documents"))
        yield ends.enter_context(replica(folder, kafka, folder / "documents", **FREE, **more, **settings))


def open_in_a_browser(address: str, name: str = "ada", decline: bool = False) -> None:
    """Do what a person does: confirm the code, sign in, and consent; or decline."""
    with requests.Session() as browser:
        page = browser.get(address, timeout=60)
        # The code, its confirmation, the sign-in, and the consent.
        for _ in range(4):
            page.raise_for_status()
            action = re.search(r'action="([^"]*)"', page.text)
            assert action
            values = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
            if values.get("prompt") == "login":
                values |= {"login": name, "password": "any"}
            if decline and "confirm" in values:
                values["abort"] = "yes"
            page = browser.post(urljoin(page.url, action[1]), data=values, timeout=60)
            if "abort" in values:
                return
    assert "Sign-in Success" in page.text, page.text


def while_waiting(*steps: Callable[[], object]) -> Callable[[float], None]:
    """Return a `sleep` that performs one step instead of each pause."""
    left = list(steps)

    def sleep(seconds: float) -> None:
        assert seconds > 0
        left.pop(0)()

    return sleep


def test_tokens_are_for_who_signs_in_and_are_refreshed(issuer: str, gateway: Replica) -> None:
    shown: list[DeviceCode] = []

    def confirm() -> None:
        open_in_a_browser(shown[0].verification_uri_complete or "")

    sign_in = DeviceSignIn(issuer, CLIENT, sleep=while_waiting(lambda: None, confirm))
    tokens = sign_in.run(shown.append)
    [code] = shown
    assert code.user_code in (code.verification_uri_complete or "")
    assert code.device_code not in repr(code)
    assert tokens.key not in repr(tokens)
    assert tokens.refresh_token
    with Client(gateway.url, key=tokens.key) as client:
        assert client.functions() == []
    again = sign_in.refresh(tokens.refresh_token)
    assert again.refresh_token not in (None, tokens.refresh_token)
    calls: list[str] = []

    def key() -> str:
        calls.append(again.key)
        return again.key

    with Client(gateway.url, key=key) as client:
        client.functions()
        client.functions()
    assert len(calls) == 1, "the key is needed only to open a session"
    # The provider gives each refresh token for one use, and ends the sign-in of one that is used twice.
    for used in (tokens.refresh_token, again.refresh_token):
        with pytest.raises(SignInError, match="invalid_grant"):
            sign_in.refresh(used or "")


def test_the_printed_program_signs_in(issuer: str, gateway: Replica) -> None:
    program = printed("docs/client.md", "import qwhisk_client\n\nsign_in")
    for its, here in (("https://login.example.org", issuer), ("https://quantum.example.org", gateway.url)):
        assert program.count(its) == 1
        program = program.replace(its, here)
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", f"{program}print(client.functions())"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python/src")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    address, _, user_code = process.stdout.readline().strip().partition(" ")
    assert address == f"{issuer}/device?user_code={user_code}"
    open_in_a_browser(address)
    assert ended(process) == (0, "[]\n", "")


def test_who_declines_gets_no_tokens(issuer: str) -> None:
    shown: list[DeviceCode] = []
    sign_in = DeviceSignIn(
        issuer,
        CLIENT,
        sleep=while_waiting(
            lambda: open_in_a_browser(shown[0].verification_uri_complete or "", decline=True)
        ),
    )
    with pytest.raises(SignInError, match="declined"):
        sign_in.run(shown.append)


def test_a_code_expires_at_the_provider(issuer: str) -> None:
    # The clock of this program stands still, so that only the provider knows. It is asked until it says so.
    sign_in = DeviceSignIn(issuer, "short", monotonic=lambda: 0.0, sleep=lambda _: time.sleep(0.1))
    with pytest.raises(SignInError, match="expired"):
        sign_in.run(lambda _: None)


def test_the_gateway_says_how_to_sign_in(issuer: str, gateway: Replica) -> None:
    with Client(gateway.url) as client, pytest.raises(AuthenticationError) as refused:
        client.functions()
    assert refused.value.openid == {"issuer": issuer, "client_id": CLIENT, "audience": CLIENT}


def command(gateway: Replica, config: Path, *words: str) -> subprocess.Popen[str]:
    hidden = {"QWHISK_KEY", "QWHISK_TOKEN"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env |= {
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "QWHISK_URL": gateway.url,
        "QWHISK_CONFIG": str(config),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "qwhisk_client", *words],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=PATIENCE)
    return process.returncode, out, error


def test_the_command_signs_in_and_stays_signed_in(
    issuer: str, gateway: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    login = command(gateway, config, "login")
    assert login.stderr
    said = [login.stderr.readline() for _ in range(4)]
    assert said[0] == f"To sign in for {gateway.url} at {issuer}, open\n"
    address, user_code = said[1].strip(), said[3].strip()
    # The words of the documentation, which has another gateway, provider and code.
    shown = printed("docs/client.md", "$ qwhisk login")
    for its, here in (
        ("https://quantum.example.org", gateway.url),
        ("https://login.example.org", issuer),
        ("HXRQ-QPXP", user_code),
    ):
        shown = shown.replace(its, here)
    signed = f"Signed in at {gateway.url}.\n"
    assert shown == f"$ qwhisk login --url {gateway.url}\n{''.join(said)}{signed}"
    assert address == f"{issuer}/device?user_code={user_code}"
    open_in_a_browser(address)
    assert ended(login) == (0, signed, "")

    kept = config / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    before = json.loads(kept.read_text())[gateway.url]
    assert ended(command(gateway, config, "functions", "--json")) == (0, "[]\n", "")
    assert json.loads(kept.read_text())[gateway.url] == before

    # When the session is over, the provider's token is too: a new one is requested without the person.
    monkeypatch.setenv("QWHISK_CONFIG", str(config))
    entry = before | {"key": "an.expired.token", "session": None}
    kept.write_text(json.dumps({gateway.url: entry}))
    code, out, error = ended(command(gateway, config, "functions"))
    assert code == 0, error
    after = store().get(gateway.url)
    assert after.key not in (None, entry["key"])
    assert after.session is not None
    assert after.openid is not None
    assert after.openid.refresh_token not in (None, before["openid"]["refresh_token"])
    for secret in (before["key"], after.key, before["openid"]["refresh_token"], after.openid.refresh_token):
        assert str(secret) not in out + error
        assert str(secret) not in repr(after)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    # A refresh token that the provider does not accept any more: the person signs in again.
    kept.write_text(json.dumps({gateway.url: entry}))
    code, _, error = ended(command(gateway, config, "functions"))
    assert code == Exit.SIGN_IN
    assert "Sign in with `qwhisk login`." in error
    assert ended(command(gateway, config, "logout"))[0] == 0
    assert json.loads(kept.read_text()) == {}


def test_a_key_for_a_gateway_without_a_sign_in_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QWHISK_CONFIG", str(tmp_path / "config"))
    with ExitStack() as ends:
        kafka = ends.enter_context(broker(tmp_path))
        settings = ends.enter_context(documents(tmp_path / "documents"))
        gateway = ends.enter_context(replica(tmp_path, kafka, tmp_path / "documents", **FREE, **settings))
        with (
            Client(gateway.url, key="a-key") as client,
            pytest.raises(AuthenticationError, match="This gateway has no sign-in: send no key"),
        ):
            client.functions()
        monkeypatch.setenv("QWHISK_KEY", "a-key")
        assert main(["functions", "--url", gateway.url]) == Exit.SIGN_IN
        error = capsys.readouterr().err
        assert "Unset QWHISK_KEY, or run `qwhisk logout`." in error
        assert "qwhisk login" not in error
        monkeypatch.delenv("QWHISK_KEY")
        assert main(["login", "--url", gateway.url]) == Exit.USAGE
        assert "requires no sign-in" in capsys.readouterr().err


class Scripted(ThreadingHTTPServer):
    """A provider that gives the answers of a test, in order, at its token endpoint."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.discovery: Any = {
            "issuer": self.url,
            "device_authorization_endpoint": f"{self.url}/device",
            "token_endpoint": f"{self.url}/token",
        }
        self.code: dict[str, Any] = {
            "device_code": "secret",
            "user_code": "ABCD",
            "verification_uri": "https://login.example/device",
            "expires_in": 600,
        }
        self.answers: list[Answer] = []
        self.posted: list[dict[str, list[str]]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        self._answer(200, self.server.discovery)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posted.append(parse_qs(body))
        self._answer(*((200, self.server.code) if self.path == "/device" else self.server.answers.pop(0)))

    def _answer(self, status: int, document: Any) -> None:
        if status == 0:  # the connection is lost
            self.close_connection = True
            return
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Do not log."""


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with served(Scripted()) as provider:
        yield provider


class Clock:
    """A clock that only pauses advance."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def sign_in(self, provider: Scripted, **more: Any) -> DeviceSignIn:
        return DeviceSignIn(provider.url, "a-client", monotonic=lambda: self.now, sleep=self.sleep, **more)


PENDING: Answer = (400, {"error": "authorization_pending"})
SLOW: Answer = (400, {"error": "slow_down"})
GIVEN: Answer = (200, {"id_token": "a.b.c"})


def test_the_provider_sets_the_pace(scripted: Scripted) -> None:
    clock = Clock()
    scripted.answers = [PENDING, SLOW, SLOW, PENDING, (0, None), (503, b"busy"), GIVEN]
    assert clock.sign_in(scripted).run(lambda _: None).key == "a.b.c"
    slow = INTERVAL + 2 * SLOWER
    expected = [INTERVAL, INTERVAL, INTERVAL + SLOWER, slow, slow, 2 * slow, 4 * slow]
    assert clock.pauses == [min(pause, INTERVAL_MOST) for pause in expected]
    assert scripted.posted[0] == {"client_id": ["a-client"], "scope": ["openid"]}
    assert scripted.posted[1] == {
        "client_id": ["a-client"],
        "grant_type": ["urn:ietf:params:oauth:grant-type:device_code"],
        "device_code": ["secret"],
    }


def test_an_interval_of_the_provider_is_kept(scripted: Scripted) -> None:
    scripted.code["interval"] = 9
    scripted.answers = [PENDING, GIVEN]
    clock = Clock()
    clock.sign_in(scripted).run(lambda _: None)
    assert clock.pauses == [9, 9]


@pytest.mark.parametrize(("valid", "most"), [(12, 12.0), (10**9, MAX_WAIT)])
def test_a_wait_ends_with_the_code(scripted: Scripted, valid: int, most: float) -> None:
    scripted.code["expires_in"] = valid
    scripted.answers = [PENDING] * 1_000
    clock = Clock()
    with pytest.raises(SignInError, match="expired"):
        clock.sign_in(scripted).run(lambda _: None)
    assert clock.now == most


@pytest.mark.parametrize(
    "changes",
    [
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "https://login.example/\x1b]0;owned\x07"},
        {"user_code": "\x1b[2J"},
        {"user_code": ""},
        {"user_code": "A" * 10_000},
        {"user_code": 7},
        {"expires_in": -1},
        {"expires_in": "soon"},
        {"expires_in": float("inf")},
        {"expires_in": True},
        {"interval": []},
        {"interval": float("nan")},
        {"device_code": None},
    ],
)
def test_a_code_that_cannot_be_shown_or_used_is_refused(scripted: Scripted, changes: dict[str, Any]) -> None:
    scripted.code |= changes
    shown: list[DeviceCode] = []
    with pytest.raises(SignInError, match="not that of a device flow"):
        Clock().sign_in(scripted).run(shown.append)
    assert shown == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            (400, {"error": "invalid_client", "error_description": "no\x1b[2Jsuch"}),
            r"\(invalid_client: no\?\[2Jsuch\)",
        ),
        ((400, b"<html>"), "refused the sign-in"),
        ((400, [1]), "refused the sign-in"),
        ((302, {}), "refused the sign-in"),
        ((200, {}), "no token"),
        ((200, {"id_token": 7}), "no token"),
        ((200, {"id_token": "a b"}), "a space"),
        ((200, b"[" * MAX_ANSWER), "refused|no token"),
        ((200, b"x" * (MAX_ANSWER + 1)), "too long"),
    ],
)
def test_what_the_provider_answers_instead_of_tokens_is_an_error(
    scripted: Scripted, answer: Answer, words: str
) -> None:
    scripted.answers = [answer]
    with pytest.raises(SignInError, match=words):
        Clock().sign_in(scripted).run(lambda _: None)


def test_the_token_for_the_gateways_audience_is_chosen(scripted: Scripted) -> None:
    # {"aud":"other"} and {"aud":["x","gateway"]}
    other, ours = "e30.eyJhdWQiOiJvdGhlciJ9.s", "e30.eyJhdWQiOlsieCIsImdhdGV3YXkiXX0.s"
    tokens = {"id_token": other, "access_token": ours}
    scripted.answers = [(200, tokens)] * 2
    assert Clock().sign_in(scripted, audience="gateway").run(lambda _: None).key == ours
    with pytest.raises(SignInError, match="no token for the audience elsewhere"):
        Clock().sign_in(scripted, audience="elsewhere").run(lambda _: None)
    scripted.answers = [(200, {"access_token": "opaque"})]
    with pytest.raises(SignInError, match="OIDC_AUDIENCE"):
        Clock().sign_in(scripted, audience="gateway").run(lambda _: None)


def test_a_refresh_token_stays_if_the_provider_gives_no_new_one(scripted: Scripted) -> None:
    scripted.answers = [GIVEN]
    assert Clock().sign_in(scripted).refresh("kept").refresh_token == "kept"
    assert scripted.posted[0]["refresh_token"] == ["kept"]


def test_a_provider_that_does_not_answer_is_no_refusal(scripted: Scripted) -> None:
    scripted.answers = [(0, None)]
    with pytest.raises(APIConnectionError, match="No answer from"):
        Clock().sign_in(scripted).refresh("kept")


def test_secrets_go_only_where_they_are_safe(scripted: Scripted) -> None:
    for unsafe in ("http://login.example", "ftp://127.0.0.1", "login.example", "http://", "http://[::1"):
        with pytest.raises(SignInError, match="must begin with https://"):
            DeviceSignIn(unsafe, "a-client")
    assert DeviceSignIn("https://login.example", "a-client").issuer == "https://login.example"
    scripted.discovery["token_endpoint"] = "http://elsewhere.example/token"
    scripted.answers = [GIVEN]
    with pytest.raises(SignInError, match="token_endpoint, http://elsewhere"):
        Clock().sign_in(scripted).run(lambda _: None)
    scripted.discovery["issuer"] = "https://elsewhere.example"
    with pytest.raises(SignInError, match="not the description"):
        Clock().sign_in(scripted).start()
    del scripted.discovery["device_authorization_endpoint"]
    scripted.discovery["issuer"] = scripted.url
    with pytest.raises(SignInError, match="no device flow"):
        Clock().sign_in(scripted).start()
