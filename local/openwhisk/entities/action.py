"""Actions: what they execute, their limits, and the parameters they inherit."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from core.openwhisk.action_server import MAX_CODE
from local.openwhisk.entities.common import (
    Entity,
    Parameter,
    boolean,
    common,
    malformed_request,
    parameters,
    parameters_from_record,
    reference,
    string,
)
from local.openwhisk.entities.package import Package
from local.openwhisk.errors import BadRequest, TooLarge

#: The kind of the Python that actions run with.
PYTHON_KIND = f"python:{sys.version_info.major}.{sys.version_info.minor}"

#: The name that stands for that kind.
PYTHON_DEFAULT = "python:default"

#: The kinds whose code this server runs, each with the same Python. `blackbox` is an image. A stock OpenWhisk
#: has no `python:3`, but older ones and many manifests do.
PYTHON_KINDS = tuple(
    sorted({"python:3", "python:3.10", "python:3.11", "python:3.12", "python:3.13", PYTHON_KIND})
)

#: The kind of a sequence: an action that runs others, one after another.
SEQUENCE = "sequence"

#: Actions that a sequence may have, including those of sequences in it.
MAX_COMPONENTS = 50

#: Minimum and maximum of each limit of a stock OpenWhisk: milliseconds, MB, MB, activations in one container.
LIMITS: Mapping[str, tuple[int, int]] = {
    "timeout": (100, 300_000),
    "memory": (128, 512),
    "logs": (0, 10),
    "concurrency": (1, 1),
}

#: Characters of an image's name.
_MAX_IMAGE = 500

#: A name of an image: a host, then names with slashes between, a tag and a digest.
_IMAGE = re.compile(
    r"([\w.-]+(:\d{1,5})?/)?[a-z0-9]+((\.|_{1,2}|-+|/)[a-z0-9]+)*"
    r"(:\w[\w.-]{0,127})?(@[A-Za-z][\w+.-]*:[0-9A-Fa-f]{32,})?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ActionLimits:
    """An action's limits: milliseconds, MB, MB, activations at a time."""

    timeout: int = 60_000
    memory: int = 256
    logs: int = 10
    concurrency: int = 1

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "timeout": self.timeout,
            "memory": self.memory,
            "logs": self.logs,
            "concurrency": self.concurrency,
        }


@dataclass(frozen=True, slots=True)
class Exec:
    """What an action executes: code of a kind; an image, with or without code; or other actions."""

    kind: str
    image: str = ""
    code: str = ""
    main: str = ""
    binary: bool = False
    #: The actions of a sequence: `action` or `package/action`.
    components: tuple[str, ...] = ()

    def document(self, code: bool, namespace: str) -> dict[str, Any]:
        """Return it as the API shows it, with or without the code."""
        if self.kind == SEQUENCE:
            return {"kind": self.kind, "components": [f"/{namespace}/{item}" for item in self.components]}
        shown: dict[str, Any] = {"kind": self.kind, "binary": self.binary}
        if self.image:
            shown["image"] = self.image
        if self.main:
            shown["main"] = self.main
        if code and self.code:
            shown["code"] = self.code
        return shown


@dataclass(frozen=True, slots=True)
class Action(Entity):
    """An action. `revision` distinguishes the processes of one PUT from those of the next."""

    collection: ClassVar[str] = "actions"

    package: str = ""
    exec: Exec = field(default_factory=lambda: Exec("blackbox"))
    revision: int = 0
    limits: ActionLimits = field(default_factory=ActionLimits)
    parameters: tuple[Parameter, ...] = ()

    @property
    def short(self) -> str:
        """`package/name`, or `name` in the default package."""
        return f"{self.package}/{self.name}" if self.package else self.name

    def document(self, code: bool = True) -> dict[str, Any]:
        """Return it as the API shows it, with or without the code."""
        return self.summary() | {
            "exec": self.exec.document(code, self.namespace),
            "parameters": [item.document() for item in self.parameters],
        }

    def summary(self) -> dict[str, Any]:
        """Return it as the API lists it."""
        return Entity.summary(self) | {
            "namespace": f"{self.namespace}/{self.package}" if self.package else self.namespace,
            "exec": {"binary": self.exec.binary},
            "limits": self.limits.document(),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Action:
        """Return the action in a file."""
        executes = record["exec"] | {"components": tuple(record["exec"]["components"])}
        return cls(
            **record
            | {name: parameters_from_record(record[name]) for name in ("parameters", "annotations")}
            | {"exec": Exec(**executes), "limits": ActionLimits(**record["limits"])}
        )


def put_action(
    body: dict[str, Any],
    namespace: str,
    package: str,
    name: str,
    old: Action | None,
    at: int,
    revision: int,
    limits: Mapping[str, tuple[int, int]] = LIMITS,
) -> Action:
    """Return the action that a PUT creates: a new one, or the old one with the fields of the body.

    Args:
        body: of the request.
        namespace: of the action.
        package: its package; "" for none.
        name: its name.
        old: the action that it replaces.
        at: milliseconds since 1970.
        revision: its revision.
        limits: minimum and maximum of each limit.

    Raises:
        BadRequest: a field is missing or wrong; the message names it.
        TooLarge: the code exceeds the limit.
    """
    if "exec" in body:
        executes = _exec(body["exec"], namespace)
    elif old is not None:
        executes = old.exec
    else:
        raise malformed_request("exec is not defined")
    fields = common(body, old, at)
    annotated = {item.key: item for item in fields["annotations"]} | {
        "exec": Parameter("exec", executes.kind)
    }
    annotated.setdefault("provide-api-key", Parameter("provide-api-key", False))
    if executes.kind == SEQUENCE:
        # A sequence passes on its input. Bound parameters would have no effect, and are not kept.
        bound: tuple[Parameter, ...] = ()
    else:
        bound = parameters(body, "parameters", old.parameters if old else ())
    return Action(
        namespace=namespace,
        package=package,
        name=name,
        exec=executes,
        revision=revision,
        limits=_limits(body.get("limits"), old.limits if old else ActionLimits(), limits),
        parameters=bound,
        **fields | {"annotations": tuple(annotated.values())},
    )


def inherit(action: Action, packages: Iterable[Package]) -> Action:
    """Return the action with the parameters of its packages, outermost first. Its own take precedence."""
    merged: dict[str, Parameter] = {}
    for package in packages:
        merged.update((item.key, item) for item in package.parameters)
    if not merged:
        return action
    merged.update((item.key, item) for item in action.parameters)
    return replace(action, parameters=tuple(merged.values()))


def _exec(value: Any, namespace: str) -> Exec:
    if not isinstance(value, dict):
        raise malformed_request("exec must be an object")
    kind = string(value, "kind", "exec.")
    if kind == SEQUENCE:
        return Exec(kind, components=_components(value.get("components"), namespace))
    if kind == PYTHON_DEFAULT:
        kind = PYTHON_KIND
    image, code, main = (string(value, name, "exec.") for name in ("image", "code", "main"))
    if kind == "blackbox":
        if not image:
            raise malformed_request("exec.image must be a string that names the image")
        if len(image) > _MAX_IMAGE or not _IMAGE.fullmatch(image):
            raise malformed_request(f"exec.image is {image[:_MAX_IMAGE]!r}, which is not an image's name")
    elif kind in PYTHON_KINDS:
        if not code:
            raise malformed_request(f"exec.code must be a string, for kind {kind}")
    else:
        known = ", ".join(("blackbox", SEQUENCE, PYTHON_DEFAULT, *PYTHON_KINDS))
        raise malformed_request(f"exec.kind is {kind!r}, and must be one of {known}")
    size = len(code.encode("utf-8", "surrogatepass"))
    if size > MAX_CODE:
        raise TooLarge("exec.code", size, MAX_CODE)
    return Exec(kind, image, code, main, binary=bool(code) and _is_binary(value, code))


def _components(value: Any, namespace: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise malformed_request("exec.components must be a list of names of actions")
    if not value:
        raise BadRequest("No component specified for the sequence.")
    if len(value) > MAX_COMPONENTS:
        raise BadRequest("Too many actions in the sequence.")
    return tuple(
        reference(item, namespace, f"exec.components[{index}]", 2) for index, item in enumerate(value)
    )


def _is_binary(value: dict[str, Any], code: str) -> bool:
    """Return whether the code is a base64 zip. Like OpenWhisk, this server detects it."""
    # "PK\3\4" in base64. No Python source begins like this and has only base64's characters.
    declared = boolean(value, "binary", False, "exec.")
    return declared or (code.startswith("UEsDB") and re.fullmatch(r"[A-Za-z0-9+/=\s]*", code) is not None)


def _limits(value: Any, old: ActionLimits, allowed: Mapping[str, tuple[int, int]]) -> ActionLimits:
    if value is None:
        return old
    if not isinstance(value, dict):
        raise malformed_request("limits must be an object")
    limits: dict[str, int] = {}
    for name, (minimum, maximum) in allowed.items():
        if name not in value:
            continue
        number = value[name]
        if isinstance(number, bool) or not isinstance(number, int):
            raise malformed_request(f"limits.{name} must be an integer")
        if not minimum <= number <= maximum:
            raise malformed_request(f"limits.{name} is {number}, and must be from {minimum} to {maximum}")
        limits[name] = number
    return replace(old, **limits)
