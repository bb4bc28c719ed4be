"""Deploy manifest.yaml over OpenWhisk's REST API, as wskdeploy does, and write the config documents."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml

from core.local_folder import ROOT
from core.openwhisk.pace import pause_after
from core.shipped_documents import shipped_documents
from local.errors import LocalError
from local.settings import python

PACKAGE = "quantum"
MANIFEST = ROOT / "manifest.yaml"
#: Names of this machine.
HERE = ("127.0.0.1", "localhost", "::1")
#: Seconds that one call may take, and that the first invocation of an action may take.
TIMEOUT, WARM_UP_TIMEOUT = 30.0, 120.0
#: Minutes for which an invocation is repeated that OpenWhisk refuses because there were too many.
_WARM_UP_MINUTES = 5


def package(path: Path = MANIFEST, tag: str = "") -> dict[str, Any]:
    """Return the manifest's package: its `version`, its `inputs`, and its `actions` by their names.

    Args:
        path: the manifest.
        tag: of the images that have none in the manifest; "" for none.
    """
    content: dict[str, Any] = yaml.safe_load(manifest_text(path, tag))["packages"][PACKAGE]
    return content


def manifest_text(path: Path, tag: str = "") -> str:
    """Return a manifest's text, with a tag for the images that have none; see `package`."""
    text = path.read_text(encoding="utf-8")
    # A colon before the last slash is that of a registry's port.
    untagged = r"(?m)^(\s*docker:\s+(?:\S*/)?[^\s/:@]+)[ \t]*$"
    return re.sub(untagged, rf"\g<1>:{tag}", text) if tag else text


def bound(inputs: Mapping[str, str], values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the package's parameters. `${NAME}` becomes the value of NAME, or nothing if it has no value."""
    return [
        {"key": key, "value": re.sub(r"\$\{(\w+)\}", lambda match: values.get(match[1], ""), text)}
        for key, text in inputs.items()
    ]


def action(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an action's entry in the manifest to the REST API's form."""
    limits = entry["limits"]
    return {
        "exec": {"kind": "blackbox", "image": entry["docker"]},
        "limits": {"timeout": limits["timeout"], "memory": limits["memorySize"]},
        "annotations": [{"key": key, "value": value} for key, value in entry["annotations"].items()],
    }


def deploy(
    apihost: str, auth: str, values: Mapping[str, str], path: Path = MANIFEST, tag: str = ""
) -> list[str]:
    """Create or update the package with its parameters, and every action in it.

    Args:
        apihost: OpenWhisk's address.
        auth: its key, `user:password`.
        values: variables and their values. Only those that the manifest binds reach the actions.
        path: the manifest.
        tag: of the images that have none in the manifest.

    Returns:
        The actions' names.

    Raises:
        LocalError: OpenWhisk cannot be reached, or it rejected a request.
    """
    manifest = package(path, tag)
    with _session(apihost, auth) as session:
        base = f"{apihost}/api/v1/namespaces/_"
        parameters = bound(manifest["inputs"], values)
        body = {"parameters": parameters, "version": str(manifest["version"])}
        _request(session, "PUT", f"{base}/packages/{PACKAGE}", body)
        for name, entry in manifest["actions"].items():
            _request(session, "PUT", f"{base}/actions/{PACKAGE}/{name}", action(entry))
    return list(manifest["actions"])


def warm_up(apihost: str, auth: str, path: Path = MANIFEST) -> list[str]:
    """Start a container for each of the manifest's actions, so that the first jobs do not wait for one.

    Each action is invoked without input, which it answers with an error and without a job.

    Returns:
        Why actions did not answer, such as an image that cannot be pulled; empty if all did.

    Raises:
        LocalError: OpenWhisk cannot be reached.
    """
    problems = []
    with _session(apihost, auth) as session:
        for name in package(path)["actions"]:
            url = f"{apihost}/api/v1/namespaces/_/actions/{PACKAGE}/{name}"
            answer = _invoke_empty(session, url)
            error = answer.get("error")
            # An error with a code is the action's own.
            if not isinstance(error, dict) or "code" not in error:
                problems.append(f"{name}: {str(error or 'no answer')[:300]}")
    return problems


def _invoke_empty(session: requests.Session, url: str) -> dict[str, Any]:
    """Invoke an action without input, in the next minute if this one has had too many invocations."""
    try:
        for _ in range(_WARM_UP_MINUTES):
            query = {"blocking": "true", "result": "true"}
            response = session.post(url, params=query, json={}, timeout=WARM_UP_TIMEOUT)
            if response.status_code != 429:
                break
            time.sleep(pause_after(response.text, time.time(), random.random()))
        answer = response.json()
    except requests.RequestException as error:
        raise LocalError(f"OpenWhisk cannot be reached: {type(error).__name__}") from None
    return answer if isinstance(answer, dict) else {}


def deployed_values(apihost: str, auth: str, path: Path = MANIFEST) -> dict[str, str]:
    """Return the present values of the variables that the manifest binds; empty if there is no package."""
    with _session(apihost, auth) as session:
        deployed = _request(session, "GET", f"{apihost}/api/v1/namespaces/_/packages/{PACKAGE}")
    bound_now = {item["key"]: item["value"] for item in deployed.get("parameters", [])}
    values = {}
    for key, template in package(path)["inputs"].items():
        parts = re.fullmatch(r"(.*)\$\{(\w+)\}", template)
        value = bound_now.get(key)
        if parts and isinstance(value, str) and value.startswith(parts[1]):
            values[parts[2]] = value.removeprefix(parts[1])
    return values


def undeploy(apihost: str, auth: str, path: Path = MANIFEST) -> None:
    """Delete the manifest's actions and their package, if they exist."""
    with _session(apihost, auth) as session:
        base = f"{apihost}/api/v1/namespaces/_"
        for name in package(path)["actions"]:
            _request(session, "DELETE", f"{base}/actions/{PACKAGE}/{name}")
        _request(session, "DELETE", f"{base}/packages/{PACKAGE}")


def _session(apihost: str, auth: str) -> requests.Session:
    session = requests.Session()
    # Connections to this machine must not use a proxy.
    session.trust_env = urlsplit(apihost).hostname not in HERE
    user, _, password = auth.partition(":")
    session.auth = (user, password)
    return session


def _request(
    session: requests.Session, method: str, url: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return OpenWhisk's answer; an empty one if a GET or DELETE names something that does not exist."""
    query = {"overwrite": "true"} if method == "PUT" else {}
    try:
        response = session.request(method, url, params=query, json=body, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise LocalError(f"OpenWhisk cannot be reached: {type(error).__name__}") from None
    missing = method != "PUT" and response.status_code == 404
    if response.status_code != 200 and not missing:
        name = url.rsplit("/", 1)[-1]
        raise LocalError(f"OpenWhisk rejected {name}: {response.status_code} {response.text[:300]}")
    return {} if missing else dict(response.json())


def write_documents(folder: Path, apihost: str) -> None:
    """Write the config documents of all algorithms with their addresses.

    Documents of algorithms that no longer exist are deleted. Documents of other functions are not changed.
    """
    documents = shipped_documents(apihost)
    for name, document in documents.items():
        # Written to another file and renamed, so that a gateway never reads half a document.
        temporary = folder / f".{name}.new"
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        temporary.replace(folder / f"{name}.json")
    for path in folder.glob("*.json"):
        if path.stem not in documents and _is_ours(path):
            path.unlink()


def load_documents(env: Mapping[str, str]) -> None:
    """Load the config documents of all algorithms into the CouchDB that `env` names, as `make config` does.

    Raises:
        LocalError: it failed, or took too long.
    """
    command = [python(), "-m", "tools.load_config_documents"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=dict(env), capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise LocalError(
            f"Loading the config documents into CouchDB took longer than {TIMEOUT:.0f} s."
        ) from None
    if done.returncode != 0:
        raise LocalError(f"Loading the config documents into CouchDB failed: {done.stderr.strip()[-300:]}")


def _is_ours(path: Path) -> bool:
    """Return whether a document is one of an action in our package, written here earlier."""
    try:
        url = json.loads(path.read_text(encoding="utf-8"))["functionBackendUrl"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return f"/namespaces/_/actions/{PACKAGE}/{path.stem}?" in str(url)
