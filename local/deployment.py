"""Deploy manifest.yaml over OpenWhisk's REST API, as wskdeploy does, and write the config documents."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml

from local.errors import LocalError
from local.key import ROOT
from local.settings import python

PACKAGE = "quantum"
MANIFEST = ROOT / "manifest.yaml"
#: This machine's own names.
HERE = ("127.0.0.1", "localhost", "::1")
#: Seconds one call may take.
TIMEOUT = 30.0


def functions(actions: Path = ROOT / "actions") -> dict[str, dict[str, Any]]:
    """The config document of every algorithm in `actions/`, by its id."""
    found = {}
    for path in sorted(actions.glob("*/document.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        found[document["_id"]] = document
    return found


def package(path: Path = MANIFEST) -> dict[str, Any]:
    """The package as the manifest has it: `inputs`, and `actions` by their names."""
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["packages"][PACKAGE]
    return found


def bound(inputs: Mapping[str, str], values: Mapping[str, str]) -> list[dict[str, str]]:
    """The package's parameters: `${NAME}` is the value of NAME, or nothing where there is none."""
    return [
        {"key": key, "value": re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], ""), text)}
        for key, text in inputs.items()
    ]


def action(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An action's entry in the manifest as the REST API takes it."""
    limits = entry["limits"]
    return {
        "exec": {"kind": "blackbox", "image": entry["docker"]},
        "limits": {"timeout": limits["timeout"], "memory": limits["memorySize"]},
        "annotations": [{"key": key, "value": value} for key, value in entry["annotations"].items()],
    }


def deploy(apihost: str, auth: str, values: Mapping[str, str], path: Path = MANIFEST) -> list[str]:
    """Create or update the package with its parameters, and every action in it.

    Args:
        apihost: OpenWhisk's address.
        auth: its key, `user:password`.
        values: of the variables that the manifest binds; others reach no action, here as in a cluster.
        path: the manifest.

    Returns:
        The actions' names.
    """
    manifest = package(path)
    with _session(apihost, auth) as session:
        base = f"{apihost}/api/v1/namespaces/_"
        parameters = bound(manifest["inputs"], values)
        _ask(session, "PUT", f"{base}/packages/{PACKAGE}", {"parameters": parameters})
        for name, entry in manifest["actions"].items():
            _ask(session, "PUT", f"{base}/actions/{PACKAGE}/{name}", action(entry))
    return list(manifest["actions"])


def deployed_values(apihost: str, auth: str, path: Path = MANIFEST) -> dict[str, str]:
    """The values that are bound now of the variables that the manifest binds; none without the package."""
    with _session(apihost, auth) as session:
        found = _ask(session, "GET", f"{apihost}/api/v1/namespaces/_/packages/{PACKAGE}")
    bound_now = {item["key"]: item["value"] for item in found.get("parameters", [])}
    values = {}
    for key, template in package(path)["inputs"].items():
        parts = re.fullmatch(r"(.*)\$\{(\w+)\}", template)
        value = bound_now.get(key)
        if parts and isinstance(value, str) and value.startswith(parts[1]):
            values[parts[2]] = value.removeprefix(parts[1])
    return values


def undeploy(apihost: str, auth: str, path: Path = MANIFEST) -> None:
    """Delete the manifest's actions and their package; what is not there needs no deleting."""
    with _session(apihost, auth) as session:
        base = f"{apihost}/api/v1/namespaces/_"
        for name in package(path)["actions"]:
            _ask(session, "DELETE", f"{base}/actions/{PACKAGE}/{name}")
        _ask(session, "DELETE", f"{base}/packages/{PACKAGE}")


def _session(apihost: str, auth: str) -> requests.Session:
    session = requests.Session()
    # No proxy lies between this machine and itself.
    session.trust_env = urlsplit(apihost).hostname not in HERE
    user, _, password = auth.partition(":")
    session.auth = (user, password)
    return session


def _ask(
    session: requests.Session, method: str, url: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What OpenWhisk answers; nothing for what is not there, unless it was to be made."""
    query = {"overwrite": "true"} if method == "PUT" else {}
    try:
        response = session.request(method, url, params=query, json=body, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise LocalError(f"OpenWhisk cannot be reached: {type(error).__name__}") from None
    gone = method != "PUT" and response.status_code == 404
    if response.status_code != 200 and not gone:
        name = url.rsplit("/", 1)[-1]
        raise LocalError(f"OpenWhisk refused {name}: {response.status_code} {response.text[:300]}")
    return {} if gone else dict(response.json())


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


def load_documents(env: Mapping[str, str]) -> None:
    """Put the config documents of all algorithms into the CouchDB that `env` names, as `make config` does."""
    command = [python(), "-m", "tools.load_config_documents"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=dict(env), capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise LocalError(f"CouchDB did not take the config documents within {TIMEOUT:.0f} s.") from None
    if done.returncode != 0:
        raise LocalError(f"CouchDB did not take the config documents: {done.stderr.strip()[-300:]}")


def _is_ours(path: Path) -> bool:
    """True for the document of an action of our package: one that was written here, for an algorithm then."""
    try:
        url = json.loads(path.read_text(encoding="utf-8"))["functionBackendUrl"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return f"/namespaces/_/actions/{PACKAGE}/{path.stem}?" in str(url)
