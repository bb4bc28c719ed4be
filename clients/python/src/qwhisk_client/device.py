"""Sign-in at an OpenID Connect provider from a program without a browser: the device flow (RFC 8628).

The program shows an address and a code. The person opens the address in any browser, on any device, and
enters the code there. Meanwhile the program asks the provider whether that has happened.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from qwhisk_client.checks import secret
from qwhisk_client.errors import APIConnectionError, SignInError, json_object

#: Seconds that an answer of the provider may take.
TIMEOUT = 20.0
#: The most bytes of an answer.
MAX_ANSWER = 200_000
#: Seconds between two questions if the provider names none, the seconds by which it slows them down
#: (RFC 8628, section 3.5), and the limits of both.
INTERVAL, SLOWER, INTERVAL_LEAST, INTERVAL_MOST = 5.0, 5.0, 1.0, 60.0
#: The most seconds that a code is waited for, however long it is valid.
MAX_WAIT = 1_800.0
#: The most characters of what is shown to the person.
MAX_SHOWN = 500

_DISCOVERY = "/.well-known/openid-configuration"
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class DeviceCode:
    """What the person needs to sign in.

    Attributes:
        user_code: the code to enter.
        verification_uri: the address at which it is entered.
        verification_uri_complete: the address with the code in it; None if the provider has none.
        expires_in: the seconds for which the code is valid.
        interval: the seconds between two questions to the provider.
    """

    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: float
    interval: float
    #: Secret: who has it gets the tokens.
    device_code: str = field(repr=False)


@dataclass(frozen=True)
class Tokens:
    """What the provider gave.

    Attributes:
        key: the token for the gateway: `Client(url, key=tokens.key)`.
        refresh_token: gets new tokens without the person; None if the provider gave none.
    """

    key: str = field(repr=False)
    refresh_token: str | None = field(repr=False, default=None)


class DeviceSignIn:
    """The device flow at one provider.

    Args:
        issuer: the provider's address. It must be https, unless it is this machine's.
        client_id: the public client that the provider has for this program.
        audience: the audience of the tokens that the gateway accepts; None for the ID token.
        monotonic: returns the time in seconds.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        audience: str | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.issuer = _safe("The provider's address", issuer)
        self.client_id = client_id
        self.audience = audience
        self._monotonic = monotonic
        self._sleep = sleep
        #: Reading the certificates takes longer than a request, of which a wait makes hundreds.
        self._ssl = httpx.create_ssl_context()
        self._found: dict[str, Any] | None = None

    def start(self) -> DeviceCode:
        """Request a code.

        Raises:
            SignInError: the provider has no device flow for this client.
            APIConnectionError: the provider cannot be reached.
        """
        provider = self._discover()
        if not provider.get("device_authorization_endpoint"):
            raise SignInError(f"{self.issuer} has no device flow. Give its token as the key instead.")
        # Only with this scope do many providers give a refresh token; others reject what they do not know.
        offline = "offline_access" in (provider.get("scopes_supported") or ())
        scope = "openid offline_access" if offline else "openid"
        status, answer = self._post("device_authorization_endpoint", scope=scope)
        if status != httpx.codes.OK:
            _refuse(answer)
        try:
            return DeviceCode(
                user_code=_text(answer["user_code"]),
                verification_uri=_link(answer["verification_uri"]),
                verification_uri_complete=_link(answer["verification_uri_complete"])
                if answer.get("verification_uri_complete")
                else None,
                expires_in=min(_seconds(answer["expires_in"]), MAX_WAIT),
                interval=_interval(answer.get("interval", INTERVAL)),
                device_code=_text(answer["device_code"], most=MAX_ANSWER),
            )
        except (KeyError, TypeError, ValueError):
            raise SignInError(f"The answer of {self.issuer} is not that of a device flow.") from None

    def wait(self, code: DeviceCode) -> Tokens:
        """Wait until the person has signed in.

        Raises:
            SignInError: the person declined, the code has expired, or the provider refuses the request.
        """
        deadline, interval = self._monotonic() + code.expires_in, code.interval
        while True:
            # Also before the first question: a person needs longer than that.
            self._sleep(max(0.0, min(interval, deadline - self._monotonic())))
            if self._monotonic() >= deadline:
                raise SignInError("The code has expired. Start again.")
            try:
                status, answer = self._post("token_endpoint", grant_type=_GRANT, device_code=code.device_code)
            except APIConnectionError:
                interval = min(2 * interval, INTERVAL_MOST)
                continue
            if status == httpx.codes.OK:
                return self._tokens(answer)
            error = answer.get("error")
            if error == "slow_down":
                interval = min(interval + SLOWER, INTERVAL_MOST)
            elif status >= httpx.codes.INTERNAL_SERVER_ERROR:
                interval = min(2 * interval, INTERVAL_MOST)
            elif error == "expired_token":
                raise SignInError("The code has expired. Start again.")
            elif error == "access_denied":
                raise SignInError("The sign-in was declined.")
            elif error != "authorization_pending":
                _refuse(answer)

    def run(self, show: Callable[[DeviceCode], object]) -> Tokens:
        """Request a code, show it, and wait until the person has signed in. Raises the errors of both."""
        code = self.start()
        show(code)
        return self.wait(code)

    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens without the person.

        Raises:
            SignInError: the refresh token is not valid any more.
            APIConnectionError: the provider cannot be reached.
        """
        status, answer = self._post("token_endpoint", grant_type="refresh_token", refresh_token=refresh_token)
        if status != httpx.codes.OK:
            _refuse(answer)
        # A provider that gives no new refresh token lets the old one be used again (RFC 6749, section 6).
        return self._tokens(answer, refresh_token)

    def _tokens(self, answer: Mapping[str, Any], refresh_token: str | None = None) -> Tokens:
        """Return the token whose audience is the gateway's, and the refresh token."""
        given = [answer.get(name) for name in ("id_token", "access_token")]
        tokens = [token for token in given if isinstance(token, str) and token]
        if self.audience is not None:
            tokens = [token for token in tokens if self.audience in _audiences(token)]
        if not tokens:
            raise SignInError(
                f"The provider gave no token for the audience {_shown(self.audience or self.client_id)}. Ask "
                "the gateway's operator to check OIDC_AUDIENCE and OIDC_CLIENT_ID."
            )
        renewed = answer.get("refresh_token")
        renewed = renewed if isinstance(renewed, str) and renewed else refresh_token
        try:
            return Tokens(secret("provider's token", tokens[0]), renewed)
        except ValueError as error:
            raise SignInError(str(error)) from None

    def _discover(self) -> dict[str, Any]:
        """Return the provider's own description.

        Raises:
            SignInError: there is none, or it is another provider's.
        """
        if self._found is None:
            url = self.issuer.rstrip("/") + _DISCOVERY
            status, found = self._request("GET", url)
            if status != httpx.codes.OK:
                raise SignInError(f"{url} answered with HTTP {status}. Is this the provider's address?")
            if found.get("issuer") != self.issuer:
                raise SignInError(f"{url} is not the description of {self.issuer}.")
            self._found = found
        return self._found

    def _post(self, endpoint: str, **values: str) -> tuple[int, dict[str, Any]]:
        url = self._discover().get(endpoint)
        if not isinstance(url, str):
            raise SignInError(f"{self.issuer} names no {endpoint}.")
        return self._request(
            "POST", _safe(f"The provider's {endpoint}", url), {"client_id": self.client_id} | values
        )

    def _request(
        self, method: str, url: str, values: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, and return the status and the JSON object of the answer. Follows no redirect."""
        headers = {"Accept": "application/json"}
        try:
            with httpx.stream(
                method, url, data=values, headers=headers, timeout=TIMEOUT, verify=self._ssl
            ) as answer:
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise SignInError(f"The answer of {self.issuer} is too long.")
        except httpx.RequestError as error:
            raise APIConnectionError(f"No answer from {self.issuer}: {type(error).__name__}.") from None
        except httpx.InvalidURL:
            raise SignInError(f"{_shown(url)} is not an address.") from None
        return answer.status_code, json_object(body)


def _refuse(answer: Mapping[str, Any]) -> NoReturn:
    """Raise the provider's error (RFC 6749, section 5.2)."""
    error, words = answer.get("error"), answer.get("error_description")
    text = ": ".join(_shown(str(each)) for each in (error, words) if each)
    raise SignInError(f"The provider refused the sign-in{f' ({text})' if text else ''}.")


def _safe(what: str, url: str) -> str:
    """Return an address to which a secret may be sent.

    Raises:
        SignInError: it is not https, nor this machine's.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        fine = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    except ValueError:
        host, fine = "", False
    if not host or not fine:
        raise SignInError(f"{what}, {_shown(url)}, must begin with https://.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _link(value: Any) -> str:
    """Return an address that a person may open.

    Raises:
        ValueError: it is not a web address.
    """
    text = _text(value)
    if urlsplit(text).scheme not in ("http", "https"):
        raise ValueError(text)
    return text


def _text(value: Any, most: int = MAX_SHOWN) -> str:
    """Return a text of printable ASCII: a terminal obeys other characters.

    Raises:
        ValueError: it is something else.
    """
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= most
        or not (value.isascii() and value.isprintable())
    ):
        raise ValueError("not a text")
    return value


def _shown(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:MAX_SHOWN])


def _seconds(value: Any) -> float:
    """Return a number of seconds.

    Raises:
        ValueError: it is not a positive number.
    """
    seconds = float(value)
    if isinstance(value, bool) or not math.isfinite(seconds) or seconds <= 0:
        raise ValueError("not a number of seconds")
    return seconds


def _interval(value: Any) -> float:
    return min(max(_seconds(value), INTERVAL_LEAST), INTERVAL_MOST)


def _audiences(token: str) -> list[str]:
    """Return the audiences of a token (RFC 7519), which the gateway checks; none if it is not readable."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        audience = claims["aud"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return []
    return [audience] if isinstance(audience, str) else [each for each in audience if isinstance(each, str)]
