"""Who may have a session, where that is not everybody: holders of API keys, an OpenID provider's users."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from jwt import PyJWKClient

from core.errors import QwhiskError

log = logging.getLogger(__name__)

#: Characters of a credential; a longer one is none.
MAX_CREDENTIAL = 8_000
#: Signatures of providers; none that the holder of a public key could make.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
#: Seconds that the provider's clock may differ from ours.
LEEWAY = 30
#: Seconds that the provider may take, for which its keys are kept, and for which it is left in peace when
#: it has failed.
TIMEOUT, KEEP, PEACE = 5.0, 3_600.0, 10.0
#: Bytes of the provider's discovery document.
MAX_DOCUMENT = 200_000

_DISCOVERY = "/.well-known/openid-configuration"


class SignInError(QwhiskError):
    """The provider cannot be asked now."""

    code = "sign_in_unavailable"


class SignIn:
    """Tells who holds a credential.

    Args:
        api_keys: SHA-256 of each key in hexadecimal, by the name of its holder.
        issuer: address of the OpenID Connect provider; empty for none.
        audience: for whom its tokens must be.
    """

    def __init__(self, api_keys: Mapping[str, str], issuer: str = "", audience: str = "") -> None:
        self._api_keys = dict(api_keys)
        self._provider = Provider(issuer, audience) if issuer else None

    @property
    def needed(self) -> bool:
        """False where everybody may have a session."""
        return bool(self._api_keys or self._provider)

    def who(self, credential: str) -> str | None:
        """The holder's name, or None if the credential is not good.

        Raises:
            SignInError: it cannot be told now.
        """
        if not credential or len(credential) > MAX_CREDENTIAL:
            return None
        digest = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).hexdigest()
        # All are compared, so that the time tells nothing.
        found = [name for name, known in self._api_keys.items() if hmac.compare_digest(known, digest)]
        if found:
            return found[0]
        return self._provider.subject(credential) if self._provider else None


class Provider:
    """An OpenID Connect provider: its keys by discovery (OpenID Connect Discovery 1.0), kept for an hour."""

    def __init__(self, issuer: str, audience: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._keys: PyJWKClient | None = None
        self._failed: float | None = None
        self._lock = threading.Lock()

    def subject(self, token: str) -> str | None:
        """Whose token it is; None if it is not this provider's, not for us, or not good any more."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
                return None
            key = self._key(header["kid"])
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.PyJWTError:
            return None
        return str(claims["sub"])[:200] or None

    def _key(self, kid: str) -> jwt.PyJWK | None:
        # One at a time: what one has fetched the others have, and what failed is not tried by each.
        with self._lock:
            if self._failed is not None and self._clock() - self._failed < PEACE:
                raise SignInError("The sign-in provider cannot be reached. Try again in a minute.")
            try:
                if self._keys is None:
                    self._keys = PyJWKClient(self._discovered(), lifespan=KEEP, timeout=TIMEOUT)
                return self._keys.get_signing_key(kid)
            except jwt.PyJWKClientConnectionError as error:
                self._fail(error)
            except jwt.PyJWKClientError:
                return None  # no such key
            except (OSError, ValueError, jwt.PyJWTError) as error:
                self._fail(error)
        raise SignInError("The sign-in provider cannot be reached. Try again in a minute.")

    def _fail(self, error: Exception) -> None:
        self._failed = self._clock()
        log.warning("the sign-in provider gave no keys: %s", str(error)[:300])

    def _discovered(self) -> str:
        """Address of the provider's keys. OSError or ValueError if it does not say."""
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
