"""The errors of the service, and IBM's form of an error response."""

from __future__ import annotations

from typing import Any


class SimulatorError(Exception):
    """Base of the errors that this service raises."""


class ApiError(SimulatorError):
    """A request is rejected with an HTTP status.

    Args:
        status: HTTP status.
        code: IBM Quantum's error code, or one of this service if IBM has none.
        message: The error, for the caller.
        solution: What the caller can do.
        headers: Further HTTP headers.
    """

    def __init__(
        self, status: int, code: int, message: str, solution: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.solution = solution
        self.headers = headers or {}

    def body(self, trace: str) -> dict[str, Any]:
        """Return IBM's error document.

        `errors` is the current form; the client reads the text that it shows from `error`.
        """
        more_info = "https://docs.quantum.ibm.com/errors"
        error = {
            "code": self.code,
            "message": self.message,
            "solution": self.solution,
            "more_info": more_info,
        }
        return {"errors": [error], "error": {"code": self.code, "message": self.message}, "trace": trace}


class InvalidJob(SimulatorError):
    """A job's input is wrong or exceeds a limit. A worker detects it while it decodes the job."""

    def __init__(self, message: str, code: int = 1217, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


class SimulationError(SimulatorError):
    """A valid job could not be simulated. It fails with this reason."""

    def __init__(self, message: str, code: int = 6000) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class PoolFull(SimulatorError):
    """Too many jobs are waiting for a worker."""


class BackendUnknown(SimulatorError):
    """fake_provider has no device of this name."""


class DatabaseError(SimulatorError):
    """The database file cannot be used or written."""


class FaultsWrong(SimulatorError):
    """A description of faults is invalid. The message gives the reason."""
