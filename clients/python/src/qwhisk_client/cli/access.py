"""The command's client: its gateway's key and session are kept between calls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace

from qwhisk_client.cli.store import LOCK_TIMEOUT, Store, folder
from qwhisk_client.client import Client
from qwhisk_client.device import DeviceSignIn
from qwhisk_client.transport import MAX_RETRIES, TIMEOUT


def store() -> Store:
    """Return the file with the credentials."""
    return Store(folder() / "credentials.json")


@contextmanager
def connect(
    url: str,
    timeout: float = TIMEOUT,
    max_retries: int = MAX_RETRIES,
    lock_timeout: float = LOCK_TIMEOUT,
) -> Iterator[Client]:
    """Return a client with the kept session, and keep the session that it ends with.

    With a token, or with a key that is not the kept one, the kept session is not used and nothing is kept.

    Args:
        url: the gateway's address.
        timeout: seconds that a response may take.
        max_retries: how often a request is sent again.
        lock_timeout: seconds to wait for another command that opens a session.
    """
    token, key = _given("QWHISK_TOKEN"), _given("QWHISK_KEY")
    credentials = store()
    if token or (key and key != credentials.get(url).key):
        # Who the kept session belongs to may be someone else.
        with Client(url, key=key, session=token, timeout=timeout, max_retries=max_retries) as client:
            yield client
        return
    keys = _Keys(credentials, url, lock_timeout)
    with ExitStack() as ends:
        with credentials.locked(lock_timeout), keys.lock_held():
            kept = credentials.get(url)
            client = ends.enter_context(
                Client(url, key=keys.current, session=kept.session, timeout=timeout, max_retries=max_retries)
            )
            session = client.open_session()
            if session != kept.session:
                credentials.put(url, replace(credentials.get(url), session=session))
        try:
            yield client
        finally:
            if client.session != session:
                with credentials.locked(lock_timeout):
                    now = credentials.get(url)
                    # Meanwhile, the user may have signed out or in, and other commands may have renewed it.
                    if now.session == session:
                        credentials.put(url, replace(now, session=client.session))


class _Keys:
    """The kept key of a gateway. A provider's token is short-lived: a new one is requested for each session.

    Args:
        credentials: the file.
        url: the gateway's address.
        lock_timeout: seconds to wait for another command that opens a session.
    """

    def __init__(self, credentials: Store, url: str, lock_timeout: float) -> None:
        self._credentials = credentials
        self._url = url
        self._lock_timeout = lock_timeout
        self._held = False

    @contextmanager
    def lock_held(self) -> Iterator[None]:
        """Take no lock meanwhile: the caller has it."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def current(self) -> str | None:
        """Return the key for a new session.

        Raises:
            SignInError: the provider gives no new token. The person must sign in again.
        """
        # Two commands must not use the same refresh token: a provider may then end the whole sign-in.
        with nullcontext() if self._held else self._credentials.locked(self._lock_timeout):
            kept = self._credentials.get(self._url)
            openid = kept.openid
            if openid is None or openid.refresh_token is None:
                return kept.key
            tokens = DeviceSignIn(openid.issuer, openid.client_id, openid.audience).refresh(
                openid.refresh_token
            )
            openid = replace(openid, refresh_token=tokens.refresh_token)
            self._credentials.put(self._url, replace(kept, key=tokens.key, openid=openid))
            return tokens.key


def _given(variable: str) -> str | None:
    return os.environ.get(variable, "").strip() or None
