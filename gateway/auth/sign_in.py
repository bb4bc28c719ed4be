"""Decides who may create a session: holders of API keys and users of an OpenID provider."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from jwt import PyJWKClient

from core.errors import QwhiskError

log = logging.getLogger(__name__)

#: The most characters of a credential.
MAX_CREDENTIAL = 8_000
#: The signature algorithms of providers. The holder of a public key cannot produce any of these signatures.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
#: Seconds by which the provider's clock may differ from ours.
LEEWAY = 30
#: Seconds to wait for the provider, seconds for which its keys are cached, and seconds without requests to it
#: after it has failed.
TIMEOUT, KEEP, FAILURE_PAUSE = 5.0, 3_600.0, 10.0
#: Seconds between two requests for the keys that a token without a key id causes.
COOLDOWN = 30.0
#: Bytes of the provider's discovery document.
MAX_DOCUMENT = 200_000

#: The most characters of a subject.
MAX_SUBJECT = 200

_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Identity:
    """Who signed in.

    Args:
        kind: `key` for an API key, `oidc` for a user of the OpenID Connect provider.
        name: the key's name, or the user's subject.
        claims: the claims of the provider's token.
    """

    kind: Literal["key", "oidc"]
    name: str
    claims: Mapping[str, Any] = field(default_factory=dict)


class SignInError(QwhiskError):
    """The sign-in provider is not available."""

    code = "sign_in_unavailable"


class SignIn:
    """Identifies the holders of credentials.

    Args:
        api_keys: the SHA-256 digest of each key in hexadecimal, by the name of its holder.
        issuer: the address of the OpenID Connect provider; empty for none.
        audience: the audience that its tokens must have.
    """

    def __init__(self, api_keys: Mapping[str, str], issuer: str = "", audience: str = "") -> None:
        self._api_keys = dict(api_keys)
        self._provider = OpenIDProvider(issuer, audience) if issuer else None

    @property
    def needed(self) -> bool:
        """Whether a session requires a sign-in."""
        return bool(self._api_keys or self._provider)

    def who(self, credential: str) -> Identity | None:
        """Return the holder; None if the credential is not valid.

        Raises:
            SignInError: the sign-in provider is not available.
        """
        if not credential or len(credential) > MAX_CREDENTIAL:
            return None
        digest = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).hexdigest()
        # All are compared, so that the time does not show which one matched.
        holders = [name for name, known in self._api_keys.items() if hmac.compare_digest(known, digest)]
        if holders:
            return Identity("key", holders[0])
        return self._provider.user(credential) if self._provider else None


class OpenIDProvider:
    """An OpenID Connect provider. Its keys are discovered and cached for an hour."""

    def __init__(self, issuer: str, audience: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._keys: PyJWKClient | None = None
        self._failed: float | None = None
        self._refreshed: float | None = None
        self._lock = threading.Lock()

    def user(self, token: str) -> Identity | None:
        """Return whose token it is; None if it is not this provider's, not for this audience, or expired.

        Raises:
            SignInError: the provider cannot be reached.
        """
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("alg") not in ALGORITHMS or not (kid is None or isinstance(kid, str)):
                return None
            try:
                claims = self._claims(token, self._key(kid))
            except jwt.InvalidSignatureError:
                # Without a key id in the token, a new key of the provider does not show until it is needed.
                if kid is not None or not self._cooled_down():
                    return None
                claims = self._claims(token, self._key(None, refresh=True))
        except jwt.PyJWTError:
            return None
        subject = "" if claims is None else str(claims["sub"])[:MAX_SUBJECT]
        return Identity("oidc", subject, claims or {}) if subject else None

    def _claims(self, token: str, key: jwt.PyJWK | None) -> dict[str, Any] | None:
        """Return the claims of a valid token; None without a key.

        Raises:
            jwt.PyJWTError: the token is not valid.
        """
        if key is None:
            return None
        return jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "sub", "iss", "aud"]},
        )

    def _key(self, kid: str | None, refresh: bool = False) -> jwt.PyJWK | None:
        """Return the key with this id; without an id the provider's only signing key. None if there is none.

        Raises:
            SignInError: the provider cannot be reached.
        """
        # One request at a time: the others use its keys, and a failed request is not repeated by each.
        with self._lock:
            if self._failed is not None and self._clock() - self._failed < FAILURE_PAUSE:
                raise SignInError("The sign-in provider cannot be reached. Try again in a minute.")
            try:
                if self._keys is None:
                    self._keys = PyJWKClient(self._discover_keys(), lifespan=KEEP, timeout=TIMEOUT)
                if kid is None:
                    return _only_signing_key(self._keys.get_jwk_set(refresh))
                return self._keys.get_signing_key(kid)
            except jwt.PyJWKClientConnectionError as error:
                self._fail(error)
            except jwt.PyJWKClientError:
                return None  # no such key
            except (OSError, ValueError, jwt.PyJWTError) as error:
                self._fail(error)
        raise SignInError("The sign-in provider cannot be reached. Try again in a minute.")

    def _cooled_down(self) -> bool:
        """Return whether the keys may be requested again, and count that request."""
        with self._lock:
            now = self._clock()
            if self._refreshed is not None and now - self._refreshed < COOLDOWN:
                return False
            self._refreshed = now
            return True

    def _fail(self, error: Exception) -> None:
        self._failed = self._clock()
        log.warning("the sign-in provider gave no keys: %s", str(error)[:300])

    def _discover_keys(self) -> str:
        """Return the address of the provider's keys.

        Raises:
            OSError: the provider is not available.
            ValueError: its discovery document is not valid.
        """
        url = self._issuer.rstrip("/") + _DISCOVERY
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - the settings allow http(s) only
            document: dict[str, Any] = json.loads(answer.read(MAX_DOCUMENT))
        if not isinstance(document, dict) or document.get("issuer") != self._issuer:
            raise ValueError(f"{url} is not the document of OIDC_ISSUER")
        keys = str(document.get("jwks_uri"))
        secure = self._issuer.startswith("https://")
        if not keys.startswith("https://" if secure else ("http://", "https://")):
            raise ValueError(f"{url} names no safe jwks_uri")
        return keys


def _only_signing_key(keys: jwt.PyJWKSet) -> jwt.PyJWK | None:
    """The key if the set has exactly one for signatures, with or without an id."""
    signing = [key for key in keys.keys if key.public_key_use in ("sig", None)]
    return signing[0] if len(signing) == 1 else None
