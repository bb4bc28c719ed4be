"""An OpenWhisk, used only through its REST API, with a record of the operations that were tried on it."""

from __future__ import annotations

import json
import random
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

#: Set if tests of the contract were left out.
IN_PART = pytest.StashKey[bool]()

#: Minutes for which a request is repeated that is refused because there were too many.
MINUTES = 5

#: Seconds for what happens after the answer, such as storing an activation's record.
PATIENCE = 30.0

OPERATIONS = json.loads((Path(__file__).parent / "operations.json").read_text())


@dataclass(frozen=True)
class Operation:
    """One of the operations that OpenWhisk's Swagger document describes."""

    method: str
    path: str
    summary: str
    statuses: tuple[int, ...]

    def matches(self, method: str, path: str) -> bool:
        """Return whether a request is this operation."""
        pattern = "".join(
            r"[^/]+" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", self.path)
        )
        return method == self.method and re.fullmatch(pattern, path) is not None


def operations() -> list[Operation]:
    """Return all of them, in the order of the document."""
    return [
        Operation(item["method"], item["path"], item["summary"], tuple(item["statuses"]))
        for item in OPERATIONS["operations"]
    ]


@dataclass
class Api:
    """A client of one namespace."""

    host: str
    auth: str
    #: The statuses that were seen, by operation.
    seen: dict[Operation, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._operations = operations()
        self.session = requests.Session()
        self.session.trust_env = False
        user, _, password = self.auth.partition(":")
        self.session.auth = (user, password)
        self.anonymous = requests.Session()
        self.anonymous.trust_env = False
        self.base = f"{self.host}/api/v1"
        #: Whether it is the local OpenWhisk.
        self.is_local: bool = "qwhisk" in self.anonymous.get(self.base, timeout=90).json().get("buildno", "")
        self.namespace: str = self.ask("GET", "/namespaces", root=True).json()[0]

    def ask(
        self, method: str, path: str, body: Any = None, *, root: bool = False, **arguments: Any
    ) -> requests.Response:
        """Send a request below the namespace `_`, or below the root of the API."""
        where = path if root else f"/namespaces/_{path}"
        answer = self._send(self.session, method, where, json=body, **arguments)
        self._note(method, where, answer.status_code)
        return answer

    def _send(
        self, session: requests.Session, method: str, where: str, **arguments: Any
    ) -> requests.Response:
        """Send a request; repeat it in the next minute if the server has had too many in this one."""
        for _ in range(MINUTES):
            answer = session.request(method, self.base + where, timeout=90, **arguments)
            if answer.status_code != 429:
                break
            time.sleep(60 - time.time() % 60 + random.uniform(0, 1))
        return answer

    def web(self, method: str, path: str, session: requests.Session | None = None, **arguments: Any) -> Any:
        """Send a request to a web action of the namespace, by default without a key."""
        where = f"/web/{self.namespace}{path}"
        answer = self._send(session or self.anonymous, method, where, **arguments)
        self._note(method, where.partition("?")[0], answer.status_code)
        return answer

    def _note(self, method: str, where: str, status: int) -> None:
        path = where.partition("?")[0]
        for operation in self._operations:
            if operation.matches(method, path):
                self.seen.setdefault(operation, set()).add(status)

    def name(self) -> str:
        """Return a name that no other test uses."""
        return f"test-{secrets.token_hex(5)}"

    def put(self, path: str, body: dict[str, Any], overwrite: bool = False) -> dict[str, Any]:
        """Create an entity."""
        answer = self.ask("PUT", path + ("?overwrite=true" if overwrite else ""), body)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def action(self, code: str, name: str = "", **fields: Any) -> str:
        """Create an action of Python code and return its name."""
        name = name or self.name()
        self.put(
            f"/actions/{name}", {"exec": {"kind": "python:default", "code": code}, **fields}, overwrite=True
        )
        return name

    def result(self, name: str, body: Any = None) -> Any:
        """Return the result of an action."""
        answer = self.ask("POST", f"/actions/{name}?blocking=true&result=true", {} if body is None else body)
        return answer.json()

    def record(self, activation_id: str) -> dict[str, Any]:
        """Return an activation's record, as soon as it exists."""
        give_up = time.monotonic() + PATIENCE
        while (answer := self.ask("GET", f"/activations/{activation_id}")).status_code != 200:
            assert time.monotonic() < give_up, answer.text
            time.sleep(0.05)
        document: dict[str, Any] = answer.json()
        return document

    def clear(self) -> None:
        """Delete what tests have created."""
        for collection in ("rules", "triggers", "actions", "packages"):
            for item in self.ask("GET", f"/{collection}?limit=200").json():
                *_, package = item["namespace"].split("/") if "/" in item["namespace"] else ("", "")
                if item["name"].startswith("test-") or package.startswith("test-"):
                    path = f"{package}/{item['name']}" if package else item["name"]
                    self.ask("DELETE", f"/{collection}/{path}?force=true")


def notes(document: dict[str, Any]) -> dict[str, Any]:
    """Return annotations or parameters as a dictionary."""
    return {item["key"]: item["value"] for item in document}  # type: ignore[index]
