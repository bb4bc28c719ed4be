"""The headers that select an API version and an instance."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web

from ..errors import ApiError
from ..instances import CRN, MAX_CRN

#: The versions of IBM's REST API, oldest first, and the date until which IBM serves a deprecated one; None
#: for the current version.
VERSIONS: dict[str, str | None] = {
    "2024-01-01": "2027-01-01",
    "2025-01-01": "2027-01-01",
    "2025-05-01": "2027-01-01",
    "2026-02-01": "2027-02-01",
    "2026-02-15": "2027-02-15",
    "2026-03-15": "2027-03-15",
    "2026-04-15": None,
}
#: The version of a request without the header.
OLDEST = next(iter(VERSIONS))
#: From these versions on, IBM's list of backends describes them, and `GET /versions` describes the versions.
BACKENDS_DESCRIBED = "2025-01-01"
VERSIONS_DESCRIBED = "2026-02-01"


def read_version(request: web.Request) -> str:
    """Return the API version of a request; the oldest one if it has no header.

    Raises:
        ApiError: If there is no such version.
    """
    version = request.headers.get("IBM-API-Version", OLDEST)
    if version not in VERSIONS:
        raise ApiError(
            400,
            1217,
            f"IBM-API-Version {version[:32]!r} is not an API version; there are: {', '.join(VERSIONS)}.",
            "Use one of those that GET /versions lists.",
        )
    return version


def read_instance(request: web.Request, instances: Collection[str]) -> str:
    """Return the CRN of the instance that a request is for.

    Args:
        request: The request.
        instances: The CRNs of all instances; if it is empty, each CRN is one.

    Raises:
        ApiError: If the header is missing or malformed, or there is no such instance.
    """
    crn = request.headers.get("Service-CRN", "")
    if len(crn) > MAX_CRN or not CRN.fullmatch(crn):
        raise ApiError(
            400,
            1217,
            "The header Service-CRN must have the CRN of an instance, "
            "such as crn:v1:bluemix:public:quantum-computing:us-east:a/ACCOUNT:INSTANCE::.",
            "Set the header Service-CRN.",
        )
    if instances and crn not in instances:
        raise ApiError(404, 1206, f"There is no instance {crn}.", "Check the CRN of the instance.")
    return crn


def version_documents(version: str) -> list[object]:
    """Return the response to `GET /versions` in a version of the API."""
    if version < VERSIONS_DESCRIBED:
        return list(VERSIONS)
    return [
        {"version": name, "status": "live"}
        if sunset is None
        else {"version": name, "sunset_date": sunset, "status": "deprecated"}
        for name, sunset in VERSIONS.items()
    ]
