"""The command's client: its gateway's key and session are kept between calls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from qwhisk_client.cli.store import Store, folder
from qwhisk_client.client import Client
from qwhisk_client.transport import MAX_RETRIES, TIMEOUT


def store() -> Store:
    """Return the file with the credentials."""
    return Store(folder() / "credentials.json")


@contextmanager
def connect(url: str, timeout: float = TIMEOUT, max_retries: int = MAX_RETRIES) -> Iterator[Client]:
    """Return a client with the kept session, and keep the session that it ends with."""
    if token := os.environ.get("QWHISK_TOKEN"):
        with Client(url, session=token, timeout=timeout, max_retries=max_retries) as client:
            yield client
        return
    credentials = store()
    with credentials.locked():
        kept = credentials.get(url)
        key = os.environ.get("QWHISK_KEY") or kept.key
        client = Client(url, key=key, session=kept.session, timeout=timeout, max_retries=max_retries)
        try:
            session = client.open_session()
        except BaseException:
            client.close()
            raise
        if session != kept.session:
            credentials.put(url, replace(kept, session=session))
    with client:
        try:
            yield client
        finally:
            if client.session != session:
                with credentials.locked():
                    credentials.put(url, replace(credentials.get(url), session=client.session))
