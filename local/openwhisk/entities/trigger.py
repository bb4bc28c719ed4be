"""Triggers, and the rules that connect actions with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from local.openwhisk.entities.common import (
    Entity,
    Parameter,
    common,
    is_path,
    malformed_request,
    parameters,
    parameters_from_record,
    reference,
)
from local.openwhisk.errors import BadRequest

#: The values of a rule's status.
STATUSES = {"active": True, "inactive": False}


@dataclass(frozen=True, slots=True)
class Link:
    """A rule in its trigger."""

    rule: str
    #: `action` or `package/action`.
    action: str
    active: bool = True

    @property
    def status(self) -> str:
        """The rule's status."""
        return "active" if self.active else "inactive"


@dataclass(frozen=True, slots=True)
class Trigger(Entity):
    """When it is fired, it invokes the actions of its active rules."""

    collection: ClassVar[str] = "triggers"

    parameters: tuple[Parameter, ...] = ()
    rules: tuple[Link, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        rules = {
            f"{self.namespace}/{link.rule}": {
                "action": _named(self.namespace, link.action),
                "status": link.status,
            }
            for link in self.rules
        }
        shown = self.summary() | {"parameters": [item.document() for item in self.parameters], "limits": {}}
        return shown | {"rules": rules} if rules else shown

    def link(self, rule: str) -> Link | None:
        """Return the link of a rule, or None."""
        return next((link for link in self.rules if link.rule == rule), None)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Trigger:
        """Return the trigger in a file."""
        lists = {name: parameters_from_record(record[name]) for name in ("parameters", "annotations")}
        return cls(**(record | lists | {"rules": tuple(Link(**link) for link in record["rules"])}))


@dataclass(frozen=True, slots=True)
class Rule(Entity):
    """Connects an action with a trigger. The trigger has its status."""

    collection: ClassVar[str] = "rules"

    trigger: str = ""
    #: `action` or `package/action`.
    action: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as the API lists it; with the status, it is as the API shows it."""
        return Entity.summary(self) | {
            "trigger": _named(self.namespace, self.trigger),
            "action": _named(self.namespace, self.action),
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Rule:
        """Return the rule in a file."""
        return cls(**(record | {"annotations": parameters_from_record(record["annotations"])}))


def put_trigger(body: dict[str, Any], namespace: str, name: str, old: Trigger | None, at: int) -> Trigger:
    """Return the trigger that a PUT creates: a new one, or the old one with the fields of the body.

    Raises:
        BadRequest: a field is wrong.
    """
    fields = common(body, old, at)
    for item in fields["annotations"] if old is None else ():
        # Only the form is checked, as in OpenWhisk: clients create the trigger before they invoke its feed.
        if item.key == "feed" and not is_path(item.value):
            raise BadRequest("Feed name is not valid")
    return Trigger(
        namespace=namespace,
        name=name,
        parameters=parameters(body, "parameters", old.parameters if old else ()),
        rules=old.rules if old else (),
        **fields,
    )


def put_rule(body: dict[str, Any], namespace: str, name: str, old: Rule | None, at: int) -> Rule:
    """Return the rule that a PUT creates. Whether its trigger and action exist is not checked.

    Raises:
        BadRequest: a field is missing or wrong.
    """
    named: dict[str, Any] = {}
    for field, parts in (("trigger", 1), ("action", 2)):
        if body.get(field) is not None:
            named[field] = reference(body[field], namespace, field, parts)
        elif old is not None:
            named[field] = getattr(old, field)
        else:
            raise malformed_request(f"{field} is missing: a rule requires a valid trigger and a valid action")
    return Rule(namespace=namespace, name=name, **named, **common(body, old, at))


def _named(namespace: str, short: str) -> dict[str, str]:
    package, slash, name = short.rpartition("/")
    return {"path": f"{namespace}/{package}" if slash else namespace, "name": name}
