"""One setting, and the table of a part's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Generic, NoReturn, TypeVar

from core.errors import SettingsError
from core.settings.kinds import InvalidValueError, Kind

Source = Mapping[str, str]

#: Kubernetes sets `NAME_PORT` to such a URL in each pod of the namespace of a Service `name`.
_PORT_VARIABLE = "_PORT"
_SERVICE_LINK = re.compile(r"(?:tcp|udp|sctp)://[^/]*", re.ASCII)

#: Characters of a wrong value that an error repeats.
_SHOWN = 100

T = TypeVar("T")


class Required(Enum):
    """The type of `REQUIRED`."""

    REQUIRED = "required"


#: The default of a setting that must be set.
REQUIRED: Final = Required.REQUIRED


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One row of a table.

    Attributes:
        name: the environment variable; empty if the setting has a flag only.
        kind: what the value must be.
        default: the value if the setting is not set, or `REQUIRED`.
        help: a line for `--help` and for the documentation.
        flag: the command-line flag, with its dashes; empty if the setting has a variable only.
        secret: whether errors must not repeat the value.
        default_text: what the documentation shows as default where that depends on the machine or on another
            setting.
        common: whether the README lists the setting.
    """

    name: str
    kind: Kind[T]
    default: T | Required
    help: str
    flag: str = ""
    secret: bool = False
    default_text: str = ""
    common: bool = False

    @property
    def key(self) -> str:
        """The setting's key in a source: its variable, or its flag if it has no variable."""
        return self.name or self.flag

    @property
    def label(self) -> str:
        """What messages call the setting."""
        return f"{self.flag} ({self.name})" if self.flag and self.name else self.key

    def text(self, source: Source) -> str:
        """Return the setting's text without surrounding blanks; an empty one if it is not set."""
        return str(source.get(self.key) or "").strip()

    def is_set(self, source: Source) -> bool:
        """Return whether the setting has a text other than blanks."""
        return bool(self.text(source))

    def read(self, source: Source) -> T:
        """Return the setting's value.

        Args:
            source: variables and their texts.

        Raises:
            SettingsError: it is required and not set, or its text does not meet the requirement of its kind.
        """
        text = self.text(source)
        if text:
            return self._parse(text)
        if self.default is REQUIRED:
            raise SettingsError(f"{self.label} is not set. Set it in the environment.", variable=self.key)
        return self.default

    def require(self, source: Source) -> T:
        """As `read`, for a setting whose default does not apply.

        Raises:
            SettingsError: it is not set, or its text does not meet the requirement of its kind.
        """
        return replace(self, default=REQUIRED).read(source)

    def error(self, problem: str) -> SettingsError:
        """Return an error that begins with the setting's label."""
        return SettingsError(f"{self.label} {problem}", variable=self.key)

    def _parse(self, text: str) -> T:
        try:
            return self.kind.parse(text)
        except InvalidValueError as error:
            self._reject(text, f" {error}")
        except ValueError:
            self._reject(text, "")

    def _reject(self, text: str, detail: str) -> NoReturn:
        value = "" if self.secret else f", not {text[:_SHOWN]!r}"
        if self.name.endswith(_PORT_VARIABLE) and _SERVICE_LINK.fullmatch(text):
            service = self.name.removesuffix(_PORT_VARIABLE).lower().replace("_", "-")
            detail = (
                f" Kubernetes sets this variable in the namespace of a Service that is called {service}. "
                "Write `enableServiceLinks: false` into the pod's spec, or give the Service another name."
            )
        raise self.error(f"must be {self.kind.requirement}{value}.{detail}") from None


Rows = tuple[Setting[Any], ...]


@dataclass(frozen=True)
class SettingsTable:
    """All settings of one part.

    Attributes:
        program: the command that starts the part.
        description: what it does, for `--help`.
        rows: the settings.
    """

    program: str
    description: str
    rows: Rows

    @property
    def variables(self) -> frozenset[str]:
        """The environment variables that the part reads."""
        return frozenset(row.name for row in self.rows if row.name)
