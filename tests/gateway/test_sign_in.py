"""Sign-in: only an API key or a provider's valid token gives a session."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from core.errors import SettingsError
from gateway.auth import sign_in as module
from gateway.auth.sign_in import SignIn, SignInError
from gateway.settings import GatewaySettings
from testkit.replicas import FREE, SECRET, Replica, broker, documents, replica, topic_of
from tests.gateway.oidc import AUDIENCE, Provider, provider
from tests.gateway.test_settings import ENV

KEY = "an-api-key-of-the-tests"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


@pytest.fixture
def issuer() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def sign_in(issuer: Provider) -> SignIn:
    return SignIn({"batch": DIGEST}, issuer.url, AUDIENCE)


def holder(sign_in: SignIn, credential: str) -> str | None:
    """Return the name of a credential's holder; None if it is not valid."""
    identity = sign_in.who(credential)
    return identity.name if identity else None


def test_nothing_is_needed_if_nothing_is_configured() -> None:
    assert not SignIn({}).needed
    assert SignIn({"batch": DIGEST}).needed
    assert SignIn({}, "https://login.example.org", AUDIENCE).needed


def test_an_api_key_gives_its_holder() -> None:
    others = {f"other-{n}": hashlib.sha256(bytes([n])).hexdigest() for n in range(5)}
    keys = SignIn(others | {"batch": DIGEST})
    assert holder(keys, KEY) == "batch"
    for wrong in ("", KEY[:-1], KEY + " ", DIGEST, "batch", "x" * 10_000, "\udc80", "é"):
        assert keys.who(wrong) is None


def test_a_providers_token_gives_its_user(issuer: Provider, sign_in: SignIn) -> None:
    assert holder(sign_in, issuer.token()) == "alice"
    assert holder(sign_in, issuer.token(sub="bob", aud=["elsewhere", AUDIENCE])) == "bob"
    assert holder(sign_in, KEY) == "batch"
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"], (
        "more requests than one for each document"
    )


def test_other_kinds_of_signatures_are_read(issuer: Provider, sign_in: SignIn) -> None:
    issuer.add("curve", elliptic=True)
    assert holder(sign_in, issuer.token("curve", "ES256")) == "alice"
    issuer.add("pss", alg="PS384")
    sign_in = SignIn({}, issuer.url, AUDIENCE)
    assert holder(sign_in, issuer.token("pss", "PS384")) == "alice"
    assert sign_in.who(issuer.token("pss", "RS256")) is None, "accepted with a key for another algorithm"


@pytest.mark.parametrize("published", [True, False])
def test_a_token_without_a_key_id(issuer: Provider, sign_in: SignIn, published: bool) -> None:
    """`kid` is optional where the provider has one key (OpenID Connect Core, section 10.1)."""
    if not published:
        issuer.omit_key_ids()
    token = issuer.token(with_id=False)
    assert "kid" not in jwt.get_unverified_header(token)
    assert holder(sign_in, token) == "alice"
    with provider() as other:
        forged = other.token(with_id=False, iss=issuer.url)
    for _ in range(5):
        assert sign_in.who(forged) is None
    assert issuer.asked.count("/keys") == 2, "forged tokens caused more requests"
    issuer.rotate()
    assert sign_in._provider is not None
    sign_in._provider._refreshed = None
    assert holder(sign_in, issuer.token(with_id=False)) == "alice"
    assert sign_in.who(token) is None
    issuer.add("second")
    sign_in = SignIn({}, issuer.url, AUDIENCE)
    assert sign_in.who(issuer.token(with_id=False)) is None, "it is not clear which of the two keys applies"
    assert holder(sign_in, issuer.token("second")) == "alice"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 3600},
        {"nbf": int(time.time()) + 3600},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"aud": "somebody-else"},
        {"aud": None},
        {"iss": "https://elsewhere.example.org"},
        {"iss": None},
    ],
)
def test_a_token_that_is_not_valid_here_is_refused(
    issuer: Provider, sign_in: SignIn, changes: dict[str, Any]
) -> None:
    assert sign_in.who(issuer.token(**changes)) is None


def test_a_signature_that_is_not_the_providers_is_refused(issuer: Provider, sign_in: SignIn) -> None:
    with provider() as other:
        assert sign_in.who(other.token(iss=issuer.url)) is None
    good = issuer.token()
    assert sign_in.who(good[:-8] + "AAAAAAAA") is None
    # The public key used as a shared secret, and no signature at all.
    public = str(issuer.answer("/keys")).encode()
    assert sign_in.who(issuer.token(algorithm="HS256", key=public)) is None
    claims = jwt.decode(good, options={"verify_signature": False})
    assert sign_in.who(jwt.encode(claims, "", "none", headers={"kid": "first"})) is None
    assert sign_in.who(jwt.encode(claims, SECRET, "HS256")) is None


def test_unknown_keys_are_requested_at_intervals(
    monkeypatch: pytest.MonkeyPatch, issuer: Provider, sign_in: SignIn
) -> None:
    assert holder(sign_in, issuer.token()) == "alice"
    with provider() as other:
        other.add("unknown")
        for _ in range(5):
            assert sign_in.who(other.token("unknown", iss=issuer.url)) is None
    assert issuer.asked.count("/keys") == 1
    # A new key of the provider is found when the interval is over.
    issuer.add("second")
    assert sign_in._provider is not None
    assert sign_in._provider._keys is not None
    sign_in._provider._keys.cooldown_duration = 0
    assert holder(sign_in, issuer.token("second")) == "alice"


def test_an_unreachable_provider_is_reported_and_not_called_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with provider() as issuer:
        token = issuer.token()
    gone = SignIn({"batch": DIGEST}, issuer.url, AUDIENCE)
    for _ in range(3):
        with pytest.raises(SignInError):
            gone.who(token)
    assert holder(gone, KEY) == "batch", "API keys must still work"
    assert gone.who("no token at all") is None


@pytest.mark.parametrize(
    "document",
    [{}, {"issuer": "https://elsewhere.example.org"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": None}],
)
def test_a_wrong_discovery_document_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, issuer: Provider, sign_in: SignIn, document: dict[str, Any]
) -> None:
    right = issuer.document
    issuer.document = {**right, **document} if document else {"x": 1}
    with pytest.raises(SignInError):
        sign_in.who(issuer.token())
    assert "/keys" not in issuer.asked
    issuer.document = right
    monkeypatch.setattr(module, "FAILURE_PAUSE", 0.0)
    assert holder(sign_in, issuer.token()) == "alice"


def test_settings_are_read_and_wrong_ones_named() -> None:
    issuer = "https://login.example.org/tenant/"
    more = {
        "GATEWAY_API_KEYS": f"batch:{DIGEST}, ci:{'A' * 64}",
        "OIDC_ISSUER": issuer,
        "OIDC_AUDIENCE": "qwhisk",
    }
    settings = GatewaySettings.from_env(ENV | more)
    assert settings.api_keys == {"batch": DIGEST, "ci": "a" * 64}
    assert (settings.oidc_issuer, settings.oidc_audience) == (issuer, "qwhisk")
    assert DIGEST not in repr(settings)
    for wrong, name in [
        ({"GATEWAY_API_KEYS": KEY}, "GATEWAY_API_KEYS"),
        ({"GATEWAY_API_KEYS": f"batch:{KEY}"}, "GATEWAY_API_KEYS"),
        ({"GATEWAY_API_KEYS": f"a:{DIGEST},a:{DIGEST}"}, "GATEWAY_API_KEYS"),
        ({"OIDC_ISSUER": issuer}, "OIDC_AUDIENCE"),
        ({"OIDC_ISSUER": "login.example.org", "OIDC_AUDIENCE": "x"}, "OIDC_ISSUER"),
    ]:
        with pytest.raises(SettingsError) as caught:
            GatewaySettings.from_env(ENV | wrong)
        assert caught.value.details["variable"] == name
        assert KEY not in caught.value.message


# --- over HTTP ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Provider]]:
    """A gateway that requires a sign-in."""
    folder: Path = tmp_path_factory.mktemp("signed")
    path = folder / "documents"
    with provider() as issuer, broker(folder) as kafka, documents(path) as settings:
        more = {"GATEWAY_API_KEYS": f"batch:{DIGEST}", "OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": AUDIENCE}
        with replica(folder, kafka, path, **FREE, **more, **settings) as gateway:
            yield gateway, issuer


def sessions(gateway: Replica, credential: str | None) -> requests.Response:
    headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
    return requests.post(f"{gateway.url}/api/v1/sessions", headers=headers, timeout=60)


def test_a_signed_in_client_gets_a_session_and_can_renew_it(signed: tuple[Replica, Provider]) -> None:
    gateway, issuer = signed
    for credential in (KEY, issuer.token()):
        made = sessions(gateway, credential)
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{gateway.url}/api/v1/jobs", headers=headers, timeout=60).json() == {
            "jobs": [],
            "next": None,
        }
        renewed = sessions(gateway, token)
        assert (renewed.status_code, renewed.json()["client_id"]) == (200, made.json()["client_id"])
        assert topic_of(renewed.json()["token"]) == topic_of(token)
        # The credential opens a session, but is valid for nothing else.
        direct = {"Authorization": f"Bearer {credential}"}
        assert requests.get(f"{gateway.url}/api/v1/jobs", headers=direct, timeout=60).status_code == 401
    log = gateway.log.read_text()
    assert '"who"' in log
    assert KEY not in log


def test_a_client_without_a_sign_in_is_informed_how_to_sign_in(signed: tuple[Replica, Provider]) -> None:
    gateway, issuer = signed
    before = gateway.counted('qwhisk_gateway_refused_total{reason="sign_in"}')
    good = jwt.decode(sessions(gateway, KEY).json()["token"], SECRET, ["HS256"])
    long_ago = jwt.encode(good | {"since": good["since"] - 8 * 86_400}, SECRET)
    wrong = [None, "x", DIGEST, issuer.token(aud="else"), jwt.encode(good, "x" * 32), long_ago]
    texts = {sessions(gateway, credential).text for credential in wrong}
    assert len(texts) == 1
    [text] = texts
    assert "Sign in" in text
    assert '"status":401' in text
    assert gateway.counted('qwhisk_gateway_refused_total{reason="sign_in"}') == before + len(wrong)
