"""Checks of what the caller gives: the gateway's address, keys and tokens. No message shows a secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx

#: The characters that a header can have, without the space, which separates a header's words.
_SECRET = re.compile(r"[!-~]+")


def base_url(url: str) -> str:
    """Return the gateway's address without a slash at its end.

    Raises:
        ValueError: it is not the address of an HTTP server, or has a user name or a password.
    """
    # What is before an @ may be a password.
    shown = "The address" if "@" in url else repr(url)
    try:
        parts = urlsplit(url)
        port = parts.port
        httpx.URL(url)  # stricter than urlsplit, and what sends the requests
    except (ValueError, httpx.InvalidURL):
        parts, port = None, None
    if parts is not None and "@" in parts.netloc:
        raise ValueError(
            "The address has a user name or a password. Remove it, and give a key for a sign-in."
        )
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or port == 0
        or parts.query
        or parts.fragment
    ):
        raise ValueError(f"{shown} is not the address of a gateway. Write it like http://127.0.0.1:8080.")
    return url.rstrip("/")


def secret(name: str, value: str) -> str:
    """Return a key or a token if a header can have it.

    Args:
        name: what it is, for the message.
        value: the secret.

    Raises:
        ValueError: it is empty, or has a space, a line break or another character that no header can have.
    """
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise ValueError(
            f"The {name} is empty, or has a space, a line break or a character that is not ASCII. "
            "Check how it was copied."
        )
    return value
