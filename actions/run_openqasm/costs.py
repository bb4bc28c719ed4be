"""What is left of the time for a distribution, as estimated before each step."""

from __future__ import annotations


class TooCostlyError(Exception):
    """The distribution would take too long."""


class Seconds:
    """Seconds that are left.

    Args:
        seconds: how many there are.
    """

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def spend(self, seconds: float) -> None:
        """Count seconds.

        Raises:
            TooCostlyError: there are not as many.
        """
        self.left -= seconds
        if self.left < 0:
            raise TooCostlyError
