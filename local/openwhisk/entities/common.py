"""What all entities have in common, and reading the fields of a PUT."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from local.openwhisk.errors import BadRequest

#: OpenWhisk's entity names: up to 256 characters, beginning with a letter, digit or underscore.
_NAME = re.compile(r"\w([\w@ .&-]{0,254}[\w@.&-])?", re.ASCII)

#: Characters of a path: a namespace, a package and a name.
_MAX_PATH = 3 * 257

#: A version: numbers with dots between. OpenWhisk's are 32 bits; nine digits always fit.
_VERSION = re.compile(r"(\d{1,9}(\.\d{1,9})*\.?)?", re.ASCII)
_MAX_VERSION = 100


@dataclass(frozen=True, slots=True)
class Parameter:
    """A bound parameter or an annotation. With `init` it is an environment variable in /init, not in /run."""

    key: str
    value: Any
    init: bool = False

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        shown = {"key": self.key, "value": self.value}
        return shown | {"init": True} if self.init else shown


@dataclass(frozen=True, slots=True)
class Entity:
    """What packages, actions, triggers and rules have in common."""

    #: Its collection in the API, such as `actions`.
    collection: ClassVar[str] = ""

    namespace: str
    name: str
    #: Milliseconds since 1970.
    updated: int
    version: str = "0.0.1"
    publish: bool = False
    annotations: tuple[Parameter, ...] = ()

    @property
    def short(self) -> str:
        """Its name within the namespace."""
        return self.name

    @property
    def path(self) -> str:
        """Its name with the namespace."""
        return f"{self.namespace}/{self.short}"

    def annotation(self, key: str) -> Any:
        """Return the value of an annotation, or None."""
        return next((item.value for item in self.annotations if item.key == key), None)

    def summary(self) -> dict[str, Any]:
        """Return it as the API lists it."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "version": self.version,
            "publish": self.publish,
            "annotations": [item.document() for item in self.annotations],
            "updated": self.updated,
        }


def entity_name(name: str) -> str:
    """Return a name if it is valid.

    Raises:
        BadRequest: it is too long or has illegal characters.
    """
    if len(name) > 256:
        raise BadRequest(f"The name of the entity is longer than allowed: {len(name)} > 256.")
    if not _NAME.fullmatch(name):
        raise BadRequest(f"The name of the entity contains illegal characters: {name!r}.")
    return name


def is_path(value: Any) -> bool:
    """Return whether a value is the name of an entity, with or without its namespace and package."""
    return (
        isinstance(value, str)
        and len(value) <= _MAX_PATH
        and all(_NAME.fullmatch(part) for part in value.removeprefix("/").split("/"))
    )


def reference(value: Any, namespace: str, field: str, parts: int) -> str:
    """Return the name within the namespace of an entity that another one refers to.

    Args:
        value: `/namespace/name`, `/namespace/package/name`, or `{"path": …, "name": …}`.
        namespace: the only namespace; `_` means it too.
        field: its name, for the message.
        parts: maximum number of names after the namespace: 1, or 2 for actions.

    Raises:
        BadRequest: it does not refer to an entity in this namespace.
    """
    if isinstance(value, dict) and isinstance(value.get("path"), str) and isinstance(value.get("name"), str):
        value = f"{value['path']}/{value['name']}"
    if not isinstance(value, str):
        raise malformed_request(f"{field} must be a string, /namespace/name")
    space, *names = value.removeprefix("/").split("/")
    if not 1 <= len(names) <= parts:
        raise malformed_request(
            f"{field} is {value!r}; the fully qualified name of the entity must contain at least the "
            "namespace and the name of the entity"
        )
    if space not in ("_", namespace):
        raise BadRequest(f"{field} is {value!r}, and the only namespace is {namespace!r}.")
    return "/".join(entity_name(name) for name in names)


def parameters(body: dict[str, Any], name: str, old: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Return the list of keys and values in the field `name`, or the old list."""
    items = body.get(name)
    if items is None:
        return old
    if not isinstance(items, list):
        raise malformed_request(f"{name} must be a list of objects with key and value")
    parameters_by_key: dict[str, Parameter] = {}
    for index, item in enumerate(items):
        if not isinstance(item, dict) or not isinstance(item.get("key"), str) or not item["key"]:
            raise malformed_request(f"{name}[{index}] must be an object with a key, a string, and a value")
        parameters_by_key[item["key"]] = Parameter(
            item["key"], item.get("value"), boolean(item, "init", False, f"{name}[{index}].")
        )
    return tuple(parameters_by_key.values())


def notes(body: dict[str, Any], old: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Return the annotations of a PUT, or the old ones, without those that it deletes.

    Raises:
        BadRequest: a field is wrong.
    """
    annotations = parameters(body, "annotations", old)
    dropped = body.get("delAnnotations") or []
    if not isinstance(dropped, list):
        raise malformed_request("delAnnotations must be a list of strings")
    keys = {key for key in dropped if isinstance(key, str)}
    return tuple(item for item in annotations if item.key not in keys)


def common(body: dict[str, Any], old: Entity | None, at: int) -> dict[str, Any]:
    """Return the common fields of an entity from a PUT and the old entity."""
    return {
        "updated": at,
        "version": _next_version(body, old),
        "publish": boolean(body, "publish", old.publish if old else False),
        "annotations": notes(body, old.annotations if old else ()),
    }


def _next_version(body: dict[str, Any], old: Entity | None) -> str:
    version = body.get("version")
    if version is not None:
        return _semantic_version(version)
    if old is None:
        return "0.0.1"
    major, minor, patch = old.version.split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


def _semantic_version(text: Any) -> str:
    """Return a version as three numbers. As in OpenWhisk, missing ones are 0 and others are ignored."""
    if not isinstance(text, str) or len(text) > _MAX_VERSION or not _VERSION.fullmatch(text):
        raise malformed_request(
            "version is malformed: it must be a string of numbers with dots between, such as 1.0.0"
        )
    numbers = [int(part) for part in text.split(".") if part][:3]
    return ".".join(map(str, numbers + [0] * (3 - len(numbers))))


def string(value: dict[str, Any], name: str, prefix: str = "") -> str:
    """Return a field that is a string, or None if it is missing."""
    item = value.get(name)
    if item is None:
        return ""
    if not isinstance(item, str):
        raise malformed_request(f"{prefix}{name} must be a string")
    return item


def boolean(value: dict[str, Any], name: str, default: bool, prefix: str = "") -> bool:
    """Return a field that is true or false, or None if it is missing."""
    item = value.get(name)
    if item is None:
        return default
    if not isinstance(item, bool):
        raise malformed_request(f"{prefix}{name} must be true or false")
    return item


def malformed_request(problem: str) -> BadRequest:
    """Return the error for a body that is invalid."""
    return BadRequest(f"The request content was malformed: {problem}.")


def parameters_from_record(items: list[dict[str, Any]]) -> tuple[Parameter, ...]:
    """Return the parameters in a file."""
    return tuple(Parameter(**item) for item in items)


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
