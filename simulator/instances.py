"""The CRN of an instance: the name by which IBM Cloud knows it."""

from __future__ import annotations

import re

#: A CRN of an instance of the service quantum-computing, with its account and its id.
CRN = re.compile(
    r"crn:v1:[^:]*:[^:]*:quantum-computing:[^:]*:a/(?P<account>[^:/]+):(?P<id>[^:]+):[^:]*:[^:]*"
)
#: Maximum length of a CRN in characters.
MAX_CRN = 256


def account_of(instance: str) -> str:
    """Return the account of an instance; "" if it is not a CRN."""
    match = CRN.fullmatch(instance)
    return match["account"] if match else ""


def belongs(owner: str, instance: str) -> bool:
    """Return whether what an instance owns is visible to an instance.

    Args:
        owner: The CRN of the owner; "" if an earlier version, which had one instance, stored it.
        instance: The CRN of the instance.
    """
    return owner in ("", instance)
