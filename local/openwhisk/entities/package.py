"""Packages and bindings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from local.openwhisk.entities.common import (
    Entity,
    Parameter,
    common,
    entity_name,
    malformed_request,
    parameters,
    parameters_from_record,
)
from local.openwhisk.errors import BadRequest, Conflict

#: Names that packages may not have. In the addresses of web actions, this one means no package.
RESERVED = ("default",)


@dataclass(frozen=True, slots=True)
class Package(Entity):
    """A package, or a binding of one."""

    collection: ClassVar[str] = "packages"

    parameters: tuple[Parameter, ...] = ()
    #: The package that this one is a binding of, or "".
    binding: str = ""

    def summary(self) -> dict[str, Any]:
        """Return it as the API lists it."""
        shown = Entity.summary(self)
        return shown | {
            "binding": {"namespace": self.namespace, "name": self.binding} if self.binding else {}
        }

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return self.summary() | {"parameters": [item.document() for item in self.parameters]}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Package:
        """Return the package in a file."""
        lists = {name: parameters_from_record(record[name]) for name in ("parameters", "annotations")}
        return cls(**(record | lists))


def put_package(body: dict[str, Any], namespace: str, name: str, old: Package | None, at: int) -> Package:
    """Return the package that a PUT creates: a new one, or the old one with the fields of the body.

    Raises:
        BadRequest: a field or the name is wrong, or it refers to another namespace.
        Conflict: a package would become a binding.
    """
    if name in RESERVED:
        raise BadRequest(f"Package name '{name}' is reserved.")
    binding = old.binding if old else ""
    target = body.get("binding")
    if target:
        if not isinstance(target, dict) or not isinstance(target.get("name"), str):
            raise malformed_request("binding must be an object with namespace and name")
        if target.get("namespace", "_") not in ("_", namespace):
            raise BadRequest("Binding references a package that does not exist.")
        if old is not None and not old.binding:
            raise Conflict("Resource is a package and cannot be converted into a binding.")
        binding = entity_name(target["name"])
    fields = common(body, old, at)
    # Lists of packages show by this annotation which are bindings. Only the server sets it.
    annotations = [item for item in fields["annotations"] if item.key != "binding"]
    if binding:
        annotations.append(Parameter("binding", {"namespace": namespace, "name": binding}))
    return Package(
        namespace=namespace,
        name=name,
        parameters=parameters(body, "parameters", old.parameters if old else ()),
        binding=binding,
        **fields | {"annotations": tuple(annotations)},
    )
