"""One attempt, against real receivers: TLS, names that resolve to private addresses, faulty receivers."""

from __future__ import annotations

import datetime
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.webhooks import sender as module
from gateway.webhooks.callback import Policy
from gateway.webhooks.sender import Outcome, WebhookSender, resolve
from testkit.receiver import receiver
from testkit.stack import wait_for

HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}


@contextmanager
def sender(
    policy: Policy = "private",
    context: ssl.SSLContext | None = None,
    timeout: float = 10.0,
    **names: list[str],
) -> Iterator[WebhookSender]:
    """Return a sender for which `a_test="127.0.0.1"` means that a.test has this address."""
    known = {name.replace("_", "."): addresses for name, addresses in names.items()}
    made = WebhookSender(policy, lambda host, port: known.get(host) or resolve(host, port), context, timeout)
    yield made
    made.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate for hooks.test, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "hooks.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_over_tls_to_the_address_that_was_checked(certificate: Path) -> None:
    """The name is resolved once; certificate, SNI and Host have the name, the connection the address."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    wanted: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: wanted.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate))
    asked: list[str] = []

    def names(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with receiver(lambda *_: 204, server) as hooks:
        made = WebhookSender("private", names, trusting)
        outcome = made.post(f"https://hooks.test:{hooks.port}/in?key=1", HEADERS, b'{"a":1}')
        made.close()
    assert outcome == Outcome(True, "status 204")
    [delivery] = hooks.deliveries
    assert (delivery.path, delivery.body) == ("/in?key=1", b'{"a":1}')
    assert delivery.headers["Host"] == f"hooks.test:{hooks.port}"
    assert delivery.headers["webhook-id"] == "msg_1"
    assert delivery.headers["Content-Type"] == "application/json"
    assert (asked, wanted) == (["hooks.test"], ["hooks.test"])


def test_a_certificate_of_another_name_or_an_unknown_issuer_is_refused(certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with receiver(lambda *_: 204, server) as hooks:
        with sender(context=trusting, other_test=["127.0.0.1"]) as made:
            other = made.post(f"https://other.test:{hooks.port}/", HEADERS, b"{}")
        with sender(hooks_test=["127.0.0.1"]) as made:
            unknown = made.post(f"https://hooks.test:{hooks.port}/", HEADERS, b"{}")
    assert other == unknown == Outcome(False, "the certificate is not valid")
    assert hooks.deliveries == []


@pytest.mark.parametrize(
    ("policy", "addresses"),
    [
        ("public", ["127.0.0.1"]),
        ("public", ["93.184.216.34", "127.0.0.1"]),
        ("public", ["::ffff:127.0.0.1"]),
        ("private", ["169.254.169.254"]),
        ("private", ["127.0.0.1", "169.254.169.254"]),
    ],
)
def test_a_name_with_a_private_address_is_refused(policy: Policy, addresses: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, sender(policy, a_test=addresses) as made:
        outcome = made.post(f"https://a.test:{server.getsockname()[1]}/", HEADERS, b"{}")
        assert outcome.last
        assert "may not be called" in outcome.reason
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "localhost"])
def test_other_notations_of_a_private_address(host: str) -> None:
    """The system's resolver accepts them, and its result is checked."""
    with sender("public") as made:
        outcome = made.post(f"https://{host}:9/", HEADERS, b"{}")
    assert not outcome.delivered
    assert outcome.last or "resolved" in outcome.reason


def test_plain_http_is_not_permitted_in_a_public_deployment() -> None:
    with receiver(lambda *_: 200) as hooks, sender("public") as made:
        assert made.post(f"http://127.0.0.1:{hooks.port}/", HEADERS, b"{}").last
    assert hooks.deliveries == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Outcome(True, "status 200")),
        (301, Outcome(False, "status 301")),
        (307, Outcome(False, "status 307")),
        (404, Outcome(False, "status 404")),
        (410, Outcome(False, "status 410", last=True)),
        (429, Outcome(False, "status 429", retry_after=30.0)),
        (503, Outcome(False, "status 503")),
    ],
)
def test_the_outcome_of_a_status_and_redirects_are_not_followed(status: int, expected: Outcome) -> None:
    with receiver(lambda *_: status) as hooks, sender() as made:
        assert made.post(f"http://127.0.0.1:{hooks.port}/", HEADERS, b"{}") == expected
    assert [delivery.path for delivery in hooks.deliveries] == ["/"]


def test_the_second_address_is_tried_if_the_first_is_unreachable() -> None:
    with receiver(lambda *_: 200) as hooks, sender(a_test=["127.0.0.9", "127.0.0.1"]) as made:
        assert made.post(f"http://a.test:{hooks.port}/", HEADERS, b"{}").delivered


def test_no_server_and_a_name_that_does_not_exist() -> None:
    with sender() as made:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        assert (
            made.post(f"http://127.0.0.1:{port}/", HEADERS, b"{}").reason == "the receiver cannot be reached"
        )
        unknown = made.post("https://no-such-host.invalid/", HEADERS, b"{}")
    assert unknown.reason in ("the name cannot be resolved", "the name was not resolved in time")
    assert not unknown.last


def _silent(_: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def _dripping(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.05):
        connection.sendall(b"X: y\r\n")


def _endless(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not over.is_set():
        connection.sendall(b"x" * 65_536)


def _garbled(connection: socket.socket, _: threading.Event) -> None:
    connection.sendall(b"\0\1\2 what?\r\n\r\n")


def _gone(_: socket.socket, __: threading.Event) -> None:
    return


@pytest.mark.parametrize(
    ("behaviour", "reasons"),
    [
        (_silent, {"no answer within 1 s"}),
        (_dripping, {"no answer within 1 s", "the answer is not HTTP"}),
        (_endless, {"the answer is not HTTP"}),
        (_garbled, {"the answer is not HTTP"}),
        (_gone, {"the answer is not HTTP", "the receiver cannot be reached"}),
    ],
)
def test_misbehaving_receivers_take_bounded_time(
    behaviour: Callable[[socket.socket, threading.Event], None], reasons: set[str]
) -> None:
    over = threading.Event()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            try:
                behaviour(connection, over)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server, sender(timeout=1.0) as made:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        began = time.monotonic()
        outcome = made.post(f"http://127.0.0.1:{server.getsockname()[1]}/", HEADERS, b"{}")
        spent = time.monotonic() - began
        over.set()
        thread.join(10)
    assert outcome.reason in reasons
    assert not outcome.delivered
    assert spent < 5


def test_a_resolver_that_hangs_takes_bounded_time() -> None:
    over = threading.Event()

    def names(_host: str, _port: int) -> list[str]:
        over.wait(30)
        return []

    made = WebhookSender("public", names, timeout=0.3)
    assert made.post("https://a.test/", HEADERS, b"{}").reason == "the name was not resolved in time"
    over.set()
    made.close()


def test_the_attempts_at_one_address_are_bounded() -> None:
    with receiver(lambda *_: None) as hanging, sender(timeout=30, a_test=["127.0.0.1"]) as made:
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

        def post(url: str) -> None:
            outcomes.put(made.post(url, HEADERS, b"{}", "source"))

        url = f"http://127.0.0.1:{hanging.port}/"
        for _ in range(module.MAX_IN_FLIGHT_AT_ADDRESS):
            threading.Thread(target=post, args=[url], daemon=True).start()
            wait_for(lambda: not len(made._resolutions))
        wait_for(lambda: len(hanging.deliveries) == module.MAX_IN_FLIGHT_AT_ADDRESS)
        # Another name of the same address has no separate share.
        outcome = made.post(f"http://a.test:{hanging.port}/", HEADERS, b"{}", "source")
        assert (outcome.postponed, outcome.delivered) == (True, False)
        with receiver(lambda *_: 200) as hooks, sender(a_test=["127.0.0.1"]) as other:
            assert other.post(f"http://a.test:{hooks.port}/", HEADERS, b"{}").delivered
        hanging.over.set()
        for _ in range(module.MAX_IN_FLIGHT_AT_ADDRESS):
            assert not outcomes.get(timeout=20).postponed
    assert not len(made._attempts)


def test_a_slow_resolver_of_one_source_delays_no_other() -> None:
    over = threading.Event()

    def names(host: str, port: int) -> list[str]:
        if host.endswith(".slow.test"):
            over.wait(30)
            raise OSError
        return ["127.0.0.1"]

    made = WebhookSender("private", names, timeout=0.1)
    try:
        for number in range(40):
            outcome = made.post(f"http://{number}.slow.test/", HEADERS, b"{}", "attacker")
            # The resolution goes on after the attempt, and keeps the share of its source.
            assert outcome.postponed == (number >= module.MAX_RESOLUTIONS_OF_SOURCE)
        with receiver(lambda *_: 200) as hooks:
            patient = WebhookSender("private", names)
            patient._resolvers, patient._resolutions = made._resolvers, made._resolutions
            assert patient.post(f"http://a.test:{hooks.port}/", HEADERS, b"{}", "stranger").delivered
        over.set()
        wait_for(lambda: not len(made._resolutions))
    finally:
        over.set()
        made.close()
