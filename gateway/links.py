"""The path prefix under which a reverse proxy serves the gateway, and links that follow it."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import has_request_context, request

from core.protocol import API
from core.settings.kinds import InvalidValueError
from gateway.inbox.inbox import InboxEntry

#: The most characters of a prefix.
MAX_PREFIX = 200
#: The header by which a proxy says which prefix it has removed from the path.
FORWARDED_PREFIX = b"x-forwarded-prefix"

#: One or more segments. The second slash of `//host` would make a link to another host. Segments of dots
#: alone would lead out of the prefix.
_PREFIX = re.compile(r"(?:/(?!\.+(?:/|\Z))[A-Za-z0-9._~-]+)+", re.ASCII)


def parse_prefix(text: str) -> str:
    """Return a prefix without a slash at its end; empty for none.

    Raises:
        ValueError: it is not a path of plain segments, such as `/quantum/qwhisk`.
    """
    prefix = text.strip(" \t").removesuffix("/")
    if len(prefix) > MAX_PREFIX or (prefix and not _PREFIX.fullmatch(prefix)):
        raise ValueError(f"{text[:100]!r} is not a prefix")
    return prefix


def own_prefix(text: str) -> str:
    """Return the prefix of the setting. Requests may have it in their paths, or a proxy has removed it.

    Raises:
        ValueError: it is not a prefix.
        InvalidValueError: it could not be distinguished from the gateway's own paths.
    """
    prefix = parse_prefix(text)
    first = API.split("/")[1]
    if prefix.split("/")[1:2] == [first]:
        raise InvalidValueError(f"The gateway's own paths begin with /{first}.")
    return prefix


def forwarded_prefix(values: list[str], proxies: int) -> str:
    """Return the prefix that the trusted proxies have removed; empty if there is none, or no valid one.

    Each proxy adds its own prefix behind those of the proxies before it. What a client has sent is before all
    of them, so the last values count, one for each proxy.

    Args:
        values: the values of all headers `X-Forwarded-Prefix`.
        proxies: the number of trusted proxies.
    """
    if not proxies or not values:
        return ""
    try:
        joined = "".join(parse_prefix(value) for value in ",".join(values).split(",")[-proxies:])
        return parse_prefix(joined)
    except ValueError:
        return ""


def mounted(scope: dict[str, Any], proxies: int, prefix: str) -> dict[str, Any]:
    """Return the scope of a request with the prefix as `root_path`, and without it in `path`.

    Unlike in ASGI, `path` is relative to `root_path`: `unmounted` joins them for other applications.

    Args:
        scope: the ASGI scope.
        proxies: the number of trusted proxies.
        prefix: the prefix of the setting, which has precedence over what proxies send.
    """
    if not prefix:
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED_PREFIX]
        return scope | {"root_path": forwarded_prefix(values, proxies)}
    path: str = scope["path"]
    inside = path == prefix or path.startswith(f"{prefix}/")
    return scope | {"root_path": prefix, "path": path[len(prefix) :] if inside else path}


def unmounted(scope: dict[str, Any]) -> dict[str, Any]:
    """Return a scope of `mounted` as ASGI defines it: its path begins with its root path."""
    return scope | {"path": scope["root_path"] + scope["path"]}


def public_path(path: str) -> str:
    """Return a path of the gateway as the client of the current request reaches it.

    Every link in a response is made by this function or by `shown`. Without a request, the path itself is
    returned.

    Args:
        path: the path without a prefix, such as `/api/v1/jobs`.
    """
    return request.root_path + path if has_request_context() else path


def shown(entry: InboxEntry, prefix: str) -> bytes:
    """Return the JSON of an event, with the link that it has (`result_url`) below a prefix.

    Args:
        entry: the event.
        prefix: the prefix of the request, such as `public_path("")`.
    """
    return below(entry.json, entry.event.result_url, prefix)


def below(job: bytes, link: str | None, prefix: str) -> bytes:
    """Return the JSON of a job with its link below a prefix.

    Args:
        job: the JSON.
        link: its `result_url`. One that is not a path of the gateway's is left as it is.
        prefix: the prefix.
    """
    if not prefix or not link or not link.startswith(f"{API}/"):
        return job
    # Not orjson, which changes integers of more than 64 bits.
    changed: dict[str, Any] = json.loads(job) | {"result_url": prefix + link}
    return json.dumps(changed, separators=(",", ":")).encode()
