"""The request that submits a job, without the parameters of its program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import ApiError
from .requests import parse_object

#: Limits of a job's tags: their number, and the letters of one.
MAX_TAGS = 32
MAX_TAG_LENGTH = 128


@dataclass(frozen=True)
class SubmissionRequest:
    """The envelope of a job. A worker decodes and checks the parameters.

    Attributes:
        program_id: Name of the program.
        backend: The backend as it is in the request.
        tags: The job's tags.
        cost: Maximum execution time in seconds; None if it is not set.
        session_id: The job's session; None if it has none.
        private: Whether the input is never returned, and the result can be read once.
        calibration_id: The calibration that the job needs; None for any.
    """

    program_id: str
    backend: object
    tags: list[str]
    cost: float | None
    session_id: str | None
    private: bool
    calibration_id: str | None = None

    @classmethod
    def read(cls, body: bytes) -> SubmissionRequest:
        """Read a request.

        Args:
            body: Its JSON.

        Raises:
            ApiError: If it is not a JSON object, or a field is wrong.
        """
        request = parse_object(body)
        program_id = request.get("program_id")
        if not isinstance(program_id, str) or not program_id:
            raise ApiError(400, 1217, "program_id must be a program's name: sampler, estimator or executor.")
        if not isinstance(request.get("params"), dict):
            raise ApiError(400, 1217, "params must be a JSON object.")
        if request.get("backend") is None:
            raise ApiError(400, 1217, "backend must be the name of a backend.")
        tags = read_tags(request.get("tags") or [])
        cost = request.get("cost")
        if cost is not None and (isinstance(cost, bool) or not isinstance(cost, int | float) or cost <= 0):
            raise ApiError(
                400, 1217, "cost (the maximum execution time) must be a positive number of seconds."
            )
        session_id = request.get("session_id")
        if session_id is not None and not isinstance(session_id, str):
            raise ApiError(400, 1217, "session_id must be a string.")
        private = request.get("private", False)
        if not isinstance(private, bool):
            raise ApiError(400, 1217, "private must be true or false.")
        calibration_id = request.get("calibration_id")
        if calibration_id is not None and not isinstance(calibration_id, str):
            raise ApiError(400, 1217, "calibration_id must be a string.")
        return cls(program_id, request["backend"], tags, cost, session_id, private, calibration_id)


def read_tags(tags: Any) -> list[str]:
    """Return a job's tags.

    Args:
        tags: The field of a request.

    Raises:
        ApiError: If it is not a list of tags, or exceeds a limit.
    """
    if (
        not isinstance(tags, list)
        or len(tags) > MAX_TAGS
        or not all(isinstance(tag, str) and len(tag) <= MAX_TAG_LENGTH for tag in tags)
    ):
        raise ApiError(
            400, 1217, f"tags must be at most {MAX_TAGS} strings of at most {MAX_TAG_LENGTH} letters."
        )
    return tags
