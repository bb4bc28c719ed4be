"""The errors of the local stack."""

from __future__ import annotations

from core.errors import QwhiskError


class LocalError(QwhiskError):
    """The stack, or a deployment, failed. The message is shown at the terminal."""

    code = "local_stack_failed"
