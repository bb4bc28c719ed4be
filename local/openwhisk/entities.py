"""Packages and actions: what the API takes, keeps and gives back. Pure: no I/O, the time is passed in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from local.openwhisk.errors import BadRequest, TooLarge

#: OpenWhisk's entity names: up to 256 characters, beginning with a letter, digit or underscore.
_NAME = re.compile(r"\w([\w@ .&-]{0,254}[\w@.&-])?", re.ASCII)

#: The kinds whose code this server runs. `blackbox` is an image.
PYTHON_KINDS = ("python:3", "python:3.10", "python:3.11", "python:3.12", "python:default")

#: Bytes of code in an action, as OpenWhisk has it.
MAX_CODE = 48 * 1024 * 1024

#: Bytes of parameters, and of a result.
MAX_PAYLOAD = 1024 * 1024

#: Least and most of each limit: milliseconds, megabytes, megabytes, activations in one container.
LIMITS = {"timeout": (100, 600_000), "memory": (128, 4096), "logs": (0, 10), "concurrency": (1, 1)}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A bound parameter. `init`: given to /init as environment, not to /run."""

    key: str
    value: Any
    init: bool = False

    def document(self) -> dict[str, Any]:
        """As the API shows it."""
        shown = {"key": self.key, "value": self.value}
        return shown | {"init": True} if self.init else shown


@dataclass(frozen=True, slots=True)
class Limits:
    """An action's limits: milliseconds, MB, MB, activations at a time."""

    timeout: int = 60_000
    memory: int = 256
    logs: int = 10
    concurrency: int = 1

    def document(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "timeout": self.timeout,
            "memory": self.memory,
            "logs": self.logs,
            "concurrency": self.concurrency,
        }


@dataclass(frozen=True, slots=True)
class Exec:
    """What an action executes: code of a kind, or an image, with or without code."""

    kind: str
    image: str = ""
    code: str = ""
    main: str = ""
    binary: bool = False

    def document(self, code: bool) -> dict[str, Any]:
        """As the API shows it, with the code or without."""
        shown: dict[str, Any] = {"kind": self.kind, "binary": self.binary}
        if self.image:
            shown["image"] = self.image
        if self.main:
            shown["main"] = self.main
        if code and self.code:
            shown["code"] = self.code
        return shown


@dataclass(frozen=True, slots=True)
class Package:
    """A package, or a binding of one."""

    namespace: str
    name: str
    updated: int
    version: str = "0.0.1"
    publish: bool = False
    parameters: tuple[Parameter, ...] = ()
    annotations: tuple[Parameter, ...] = ()
    binding: str = ""

    def document(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "version": self.version,
            "publish": self.publish,
            "parameters": [item.document() for item in self.parameters],
            "annotations": [item.document() for item in self.annotations],
            "binding": {"namespace": self.namespace, "name": self.binding} if self.binding else {},
            "updated": self.updated,
        }


@dataclass(frozen=True, slots=True)
class Action:
    """An action. `revision` tells one PUT's processes from the next one's."""

    namespace: str
    package: str
    name: str
    exec: Exec
    updated: int
    revision: int
    version: str = "0.0.1"
    publish: bool = False
    limits: Limits = field(default_factory=Limits)
    parameters: tuple[Parameter, ...] = ()
    annotations: tuple[Parameter, ...] = ()

    @property
    def short(self) -> str:
        """`package/name`, or `name` in the default package."""
        return f"{self.package}/{self.name}" if self.package else self.name

    @property
    def path(self) -> str:
        """`namespace/package/name`."""
        return f"{self.namespace}/{self.short}"

    def annotation(self, key: str) -> Any:
        """The value of an annotation, or None."""
        return next((item.value for item in self.annotations if item.key == key), None)

    def document(self, code: bool = True) -> dict[str, Any]:
        """As the API shows it, with the code or without."""
        return self.summary() | {
            "exec": self.exec.document(code),
            "parameters": [item.document() for item in self.parameters],
        }

    def summary(self) -> dict[str, Any]:
        """As the API lists it."""
        return {
            "namespace": f"{self.namespace}/{self.package}" if self.package else self.namespace,
            "name": self.name,
            "version": self.version,
            "publish": self.publish,
            "exec": {"binary": self.exec.binary},
            "annotations": [item.document() for item in self.annotations],
            "limits": self.limits.document(),
            "updated": self.updated,
        }


def entity_name(name: str) -> str:
    """The name, if it is one.

    Raises:
        BadRequest: it is too long or has illegal characters.
    """
    if len(name) > 256:
        raise BadRequest(f"The name of the entity is longer than allowed: {len(name)} > 256.")
    if not _NAME.fullmatch(name):
        raise BadRequest(f"The name of the entity contains illegal characters: {name!r}.")
    return name


def put_action(
    body: dict[str, Any], namespace: str, package: str, name: str, old: Action | None, now: int, revision: int
) -> Action:
    """The action that a PUT makes: new, or the old one with what the body defines put in its place.

    Raises:
        BadRequest: a field is missing or wrong; the message names it.
        TooLarge: the code or the parameters are beyond the limit.
    """
    if "exec" in body:
        executes = _exec(body["exec"])
    elif old is not None:
        executes = old.exec
    else:
        raise _malformed("exec is not defined")
    annotations = _annotations(body, old.annotations if old else ())
    annotations = _with(annotations, "exec", executes.kind)
    if all(item.key != "provide-api-key" for item in annotations):
        annotations = (*annotations, Parameter("provide-api-key", False))
    return Action(
        namespace=namespace,
        package=package,
        name=name,
        exec=executes,
        updated=now,
        revision=revision,
        version=_next_version(body, old),
        publish=_boolean(body, "publish", old.publish if old else False),
        limits=_limits(body.get("limits"), old.limits if old else Limits()),
        parameters=_parameters(body, "parameters", old.parameters if old else ()),
        annotations=annotations,
    )


def put_package(body: dict[str, Any], namespace: str, name: str, old: Package | None, now: int) -> Package:
    """The package that a PUT makes; see `put_action`.

    Raises:
        BadRequest: a field is wrong, or a package would become a binding or point outside the namespace.
    """
    binding = old.binding if old else ""
    given = body.get("binding")
    if given:
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise _malformed("binding must be an object with namespace and name")
        if given.get("namespace", "_") not in ("_", namespace):
            raise BadRequest("Binding references a package that does not exist.")
        if old is not None and not old.binding:
            raise BadRequest("Resource is a package and cannot be converted into a binding.")
        binding = entity_name(given["name"])
    return Package(
        namespace=namespace,
        name=name,
        updated=now,
        version=_next_version(body, old),
        publish=_boolean(body, "publish", old.publish if old else False),
        parameters=_parameters(body, "parameters", old.parameters if old else ()),
        annotations=_annotations(body, old.annotations if old else ()),
        binding=binding,
    )


def inherit(action: Action, packages: Iterable[Package]) -> Action:
    """The action with the parameters of its packages, outermost first; its own win."""
    merged: dict[str, Parameter] = {}
    for package in packages:
        merged.update((item.key, item) for item in package.parameters)
    if not merged:
        return action
    merged.update((item.key, item) for item in action.parameters)
    return replace(action, parameters=tuple(merged.values()))


def _exec(value: Any) -> Exec:
    if not isinstance(value, dict):
        raise _malformed("exec must be an object")
    kind = _string(value, "kind", "exec.")
    image, code, main = (_string(value, name, "exec.") for name in ("image", "code", "main"))
    if kind == "blackbox":
        if not image:
            raise _malformed("exec.image must be a string that names the image")
    elif kind in PYTHON_KINDS:
        if not code:
            raise _malformed(f"exec.code must be a string, for kind {kind}")
    else:
        known = ", ".join(("blackbox", *PYTHON_KINDS))
        raise _malformed(f"exec.kind is {kind!r}, and must be one of {known}")
    size = len(code.encode("utf-8", "surrogatepass"))
    if size > MAX_CODE:
        raise TooLarge("exec.code", size, MAX_CODE)
    return Exec(kind, image, code, main, binary=bool(code) and _is_binary(value, code))


def _is_binary(value: dict[str, Any], code: str) -> bool:
    """Whether the code is a base64 zip; OpenWhisk finds out by itself, and so does this."""
    # "PK\3\4" in base64. No Python source begins like this and holds only base64's characters.
    declared = _boolean(value, "binary", False, "exec.")
    return declared or (code.startswith("UEsDB") and re.fullmatch(r"[A-Za-z0-9+/=\s]*", code) is not None)


def _limits(value: Any, old: Limits) -> Limits:
    if value is None:
        return old
    if not isinstance(value, dict):
        raise _malformed("limits must be an object")
    found: dict[str, int] = {}
    for name, (least, most) in LIMITS.items():
        if name not in value:
            continue
        number = value[name]
        if isinstance(number, bool) or not isinstance(number, int):
            raise _malformed(f"limits.{name} must be an integer")
        if not least <= number <= most:
            raise _malformed(f"limits.{name} is {number}, and must be from {least} to {most}")
        found[name] = number
    return replace(old, **found)


def _parameters(body: dict[str, Any], name: str, old: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    given = body.get(name)
    if given is None:
        return old
    if not isinstance(given, list):
        raise _malformed(f"{name} must be a list of objects with key and value")
    found: dict[str, Parameter] = {}
    for index, item in enumerate(given):
        if not isinstance(item, dict) or not isinstance(item.get("key"), str) or not item["key"]:
            raise _malformed(f"{name}[{index}] must be an object with a key, a string, and a value")
        found[item["key"]] = Parameter(
            item["key"], item.get("value"), _boolean(item, "init", False, f"{name}[{index}].")
        )
    return tuple(found.values())


def _annotations(body: dict[str, Any], old: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    found = _parameters(body, "annotations", old)
    dropped = body.get("delAnnotations") or []
    if not isinstance(dropped, list):
        raise _malformed("delAnnotations must be a list of strings")
    return tuple(item for item in found if item.key not in dropped)


def _with(annotations: tuple[Parameter, ...], key: str, value: Any) -> tuple[Parameter, ...]:
    return (*(item for item in annotations if item.key != key), Parameter(key, value))


def _next_version(body: dict[str, Any], old: Action | Package | None) -> str:
    given = body.get("version")
    if given is not None:
        if not isinstance(given, str) or not re.fullmatch(r"\d{1,9}\.\d{1,9}\.\d{1,9}", given):
            raise _malformed("version must be a string of three numbers with dots between")
        return given
    if old is None:
        return "0.0.1"
    major, minor, patch = old.version.split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


def _string(value: dict[str, Any], name: str, prefix: str = "") -> str:
    item = value.get(name)
    if item is None:
        return ""
    if not isinstance(item, str):
        raise _malformed(f"{prefix}{name} must be a string")
    return item


def _boolean(value: dict[str, Any], name: str, default: bool, prefix: str = "") -> bool:
    item = value.get(name)
    if item is None:
        return default
    if not isinstance(item, bool):
        raise _malformed(f"{prefix}{name} must be true or false")
    return item


def _malformed(why: str) -> BadRequest:
    return BadRequest(f"The request content was malformed: {why}.")
