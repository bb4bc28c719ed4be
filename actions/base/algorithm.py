"""An algorithm as an action: validate, build the circuit, submit, and answer when called with a result."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import orjson
from pydantic import ValidationError
from qiskit import QuantumCircuit

from actions.base.input import ActionInput, Envelope, findings, validated
from actions.base.submission import Submission
from core.errors import InputError, QwhiskError, SettingsError
from core.events import JobResult, ResultEvent
from core.settings import is_setting

log = logging.getLogger(__name__)

Input = TypeVar("Input", bound=ActionInput)

_ENVELOPE = frozenset(Envelope.model_fields)


class Algorithm(ABC, Generic[Input]):
    """One algorithm. A subclass names itself, its input model, and says how to build and how to answer.

    `main` never raises: whatever goes wrong comes back as `{"error": {"code", "message", "details"}}`.
    """

    #: Id of the function: the folder's name, the action's name, the config document's id.
    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    #: How the page shows the answer.
    view: ClassVar[str] = "default"
    input: type[Input]

    @abstractmethod
    def build(self, params: Input) -> QuantumCircuit:
        """The circuit, measurements included; pure. InputError where the input makes no sense."""

    @abstractmethod
    def answer(self, params: Input, result: JobResult) -> dict[str, Any]:
        """The result in the caller's terms; pure, JSON-native and finite."""

    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        """The action's entry point.

        Args:
            params: the algorithm's own input with `client_id`, `process_job_id`, `topic`; or
                `{"step": <ResultEvent>}` for the answer. Names in upper case are settings that were bound
                to the action when it was deployed.
        """
        try:
            settings = {key: value for key, value in params.items() if is_setting(key)}
            values = {key: value for key, value in params.items() if not is_setting(key)}
            if "step" in values:
                return self._step(values)
            return self._submit(values, settings)
        except SettingsError as error:
            log.error("%s", error.message)
            return {
                "error": {
                    "code": error.code,
                    "message": "The function is not configured. Ask the operator to look at its log.",
                    "details": {},
                }
            }
        except QwhiskError as error:
            return {"error": error.as_dict()}
        except Exception:
            log.exception("%s failed", self.name)
            return {
                "error": {
                    "code": "internal_error",
                    "message": f"The function {self.name} failed. The mistake is its own, not the input's.",
                    "details": {},
                }
            }

    def _submit(self, values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        own = {key: value for key, value in values.items() if key not in _ENVELOPE}
        params = validated(self.input, own)
        envelope = validated(Envelope, {key: value for key, value in values.items() if key in _ENVELOPE})
        circuit = self.build(params)
        return Submission.shared(settings).submit(self.name, circuit, params, envelope, own)

    def _step(self, values: dict[str, Any]) -> dict[str, Any]:
        try:
            event = ResultEvent.model_validate_json(orjson.dumps(values["step"]))
        except ValidationError as error:
            raise InputError("step: not a ResultEvent.", errors=findings(error)) from None
        if event.result is None:
            raise InputError("step: has no result to answer from.", field="step")
        return {"answer": self.answer(validated(self.input, event.params), event.result)}

    def document(self) -> dict[str, Any]:
        """The function's config document; its URL is completed when it is loaded (see docs/deploy)."""
        return {
            "_id": self.name,
            "functionHttpMethod": "POST",
            "functionBackendUrl": (
                f"{{WHISK_APIHOST}}/api/v1/namespaces/_/actions/quantum/{self.name}?blocking=true&result=true"
            ),
            "functionParams": {
                "body": "incomingRequestBody",
                "headers": {
                    "Authorization": "BasicAuth",
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                },
            },
            "functionTitle": self.title,
            "functionDescription": self.description,
            "functionInputSchema": self.input.model_json_schema(),
            "functionView": self.view,
        }
