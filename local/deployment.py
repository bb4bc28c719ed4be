"""Deploy the package `quantum` over OpenWhisk's REST API, and write the config documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from local.errors import LocalError
from local.settings import ROOT

PACKAGE = "quantum"
#: Seconds one call may take.
TIMEOUT = 30.0
#: Limits of every action: importing qiskit-ibm-runtime takes most of the memory.
LIMITS = {"timeout": 60_000, "memory": 512}


def functions(actions: Path = ROOT / "actions") -> dict[str, dict[str, Any]]:
    """The config document of every algorithm in `actions/`, by its id."""
    found = {}
    for path in sorted(actions.glob("*/document.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        found[document["_id"]] = document
    return found


def deploy(apihost: str, auth: str, bound: Mapping[str, str]) -> list[str]:
    """Create or update the package with its parameters, and every action in it.

    Args:
        apihost: OpenWhisk's address.
        auth: its key, `user:password`.
        bound: what every action gets as parameters, such as where Kafka is.

    Returns:
        The actions' names.
    """
    with requests.Session() as session:
        session.trust_env = False  # no proxy lies between this machine and itself
        user, _, password = auth.partition(":")
        session.auth = (user, password)
        base = f"{apihost}/api/v1/namespaces/_"
        parameters = [{"key": key, "value": value} for key, value in bound.items()]
        _put(session, f"{base}/packages/{PACKAGE}", {"parameters": parameters})
        names = list(functions())
        for name in names:
            action = {"exec": {"kind": "blackbox", "image": f"qwhisk/{name}"}, "limits": LIMITS}
            _put(session, f"{base}/actions/{PACKAGE}/{name}", action)
    return names


def _put(session: requests.Session, url: str, body: dict[str, Any]) -> None:
    try:
        response = session.put(url, params={"overwrite": "true"}, json=body, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise LocalError(f"OpenWhisk cannot be reached: {type(error).__name__}") from None
    if response.status_code != 200:
        name = url.rsplit("/", 1)[-1]
        raise LocalError(f"OpenWhisk refused {name}: {response.status_code} {response.text[:300]}")


def write_documents(folder: Path, apihost: str) -> None:
    """Write the config documents of all algorithms with their addresses.

    Those of algorithms that are no more are removed; documents from elsewhere stay as they are.
    """
    documents = functions()
    for name, document in documents.items():
        document["functionBackendUrl"] = document["functionBackendUrl"].replace("{WHISK_APIHOST}", apihost)
        # Written aside and moved, so that a gateway that looks meanwhile never sees half a document.
        aside = folder / f".{name}.new"
        aside.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        aside.replace(folder / f"{name}.json")
    for path in folder.glob("*.json"):
        if path.stem not in documents and _is_ours(path):
            path.unlink()


def _is_ours(path: Path) -> bool:
    """True for the document of an action of our package: one that was written here, for an algorithm then."""
    try:
        url = json.loads(path.read_text(encoding="utf-8"))["functionBackendUrl"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return f"/namespaces/_/actions/{PACKAGE}/{path.stem}?" in str(url)
