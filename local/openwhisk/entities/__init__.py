"""Packages, actions, triggers and rules. Pure: without I/O, and the time is an argument."""

from __future__ import annotations

from local.openwhisk.entities.action import (
    LIMITS,
    PYTHON_KIND,
    PYTHON_KINDS,
    SEQUENCE,
    Action,
    ActionLimits,
    Exec,
    inherit,
    put_action,
)
from local.openwhisk.entities.common import Entity, Parameter, entity_name, now
from local.openwhisk.entities.package import Package, put_package
from local.openwhisk.entities.trigger import Link, Rule, Trigger, put_rule, put_trigger

__all__ = [
    "LIMITS",
    "PYTHON_KIND",
    "PYTHON_KINDS",
    "SEQUENCE",
    "Action",
    "ActionLimits",
    "Entity",
    "Exec",
    "Link",
    "Package",
    "Parameter",
    "Rule",
    "Trigger",
    "entity_name",
    "inherit",
    "now",
    "put_action",
    "put_package",
    "put_rule",
    "put_trigger",
]
