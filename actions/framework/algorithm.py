"""An algorithm as an action: validate, submit a job, and go on or answer when called with its result."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import orjson
from pydantic import ValidationError
from qiskit import QuantumCircuit

from actions.framework.input import ActionInput, findings, validated
from actions.framework.job import Job, JobError, Pub, Step
from actions.framework.submission import Run, Submission
from core.errors import InputError, QwhiskError, SettingsError
from core.protocol import ENVELOPE_NAMES, STEP, Envelope, ResultEvent, answer_reply, error_reply
from core.settings import bound_settings, is_setting

log = logging.getLogger(__name__)

Input = TypeVar("Input", bound=ActionInput)


class Algorithm(ABC, Generic[Input]):
    """An algorithm of one or more jobs. A subclass names itself, its input model, and its steps.

    `main` never raises: whatever goes wrong comes back as `{"error": {"code", "message", "details"}}`.
    """

    #: Id of the function: the folder's name, the action's name, the config document's id.
    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    #: The heading under which the page lists it; one of `CATEGORIES`.
    category: ClassVar[str] = "Other"
    #: How the page shows the answer; one of `VIEWS`.
    view: ClassVar[str] = "default"
    #: MB and seconds that OpenWhisk grants an activation.
    memory: ClassVar[int] = 512
    timeout: ClassVar[int] = 60
    input: type[Input]

    @abstractmethod
    def start(self, params: Input) -> Job:
        """The first job; pure. InputError where the input makes no sense."""

    @abstractmethod
    def proceed(self, params: Input, step: Step) -> Job | dict[str, Any]:
        """The next job, or the answer in the caller's terms, JSON-native and finite, with a `summary`.

        Pure: asked twice about the same step, it says the same.
        """

    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        """The action's entry point.

        Args:
            params: the algorithm's own input with `client_id`, `process_job_id`, `topic`; or
                `{"step": <ResultEvent>}` for the next job or the answer. Names in upper case are settings
                that were bound to the action when it was deployed: a caller's cannot be told from them here,
                but OpenWhisk refuses them, since all are bound and `final`.
        """
        try:
            settings = bound_settings(params)
            values = {key: value for key, value in params.items() if not is_setting(key)}
            if STEP in values:
                return self._step(values, settings)
            return self._submit(values, settings)
        except SettingsError as error:
            log.error("%s", error.message)
            message = "The function is not configured. Ask the operator to look at its log."
            return error_reply(SettingsError(message))
        except QwhiskError as error:
            return error_reply(error)
        except JobError as error:
            log.exception("%s made a job that cannot run", self.name)
            message = f"The function {self.name} made a job that cannot run, and did not submit it: {error}"
            return error_reply(QwhiskError(message))
        except Exception:
            log.exception("%s failed", self.name)
            message = f"The function {self.name} failed. The mistake is its own, not the input's."
            return error_reply(QwhiskError(message))

    def _submit(self, values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        own = {key: value for key, value in values.items() if key not in ENVELOPE_NAMES}
        params = validated(self.input, own)
        envelope = validated(Envelope, {key: value for key, value in values.items() if key in ENVELOPE_NAMES})
        run = Run(self.name, params, own, envelope)
        return Submission.shared(settings).submit(run, self.start(params))

    def _step(self, values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        try:
            event = ResultEvent.model_validate_json(orjson.dumps(values[STEP]))
        except ValidationError as error:
            raise InputError("step: not a ResultEvent.", errors=findings(error)) from None
        if event.result is None:
            raise InputError("step: has no result to answer from.", field="step")
        params = validated(self.input, event.params)
        noisy = event.backend_type != "simulator"
        found = self.proceed(params, Step(event.step, event.result, event.state, event.backend, noisy))
        if not isinstance(found, Job):
            return answer_reply(found)
        envelope = Envelope.of_event(event)
        run = Run(self.name, params, event.params, envelope, event.step + 1, event.backend)
        return Submission.shared(settings).submit(run, found)

    def document(self) -> dict[str, Any]:
        """The function's config document; its URL is completed when it is loaded (see docs/deploy.md)."""
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
            "functionCategory": self.category,
            "functionView": self.view,
        }


class CircuitAlgorithm(Algorithm[Input]):
    """An algorithm of one circuit: what to run, and what the counts mean."""

    @abstractmethod
    def build(self, params: Input) -> QuantumCircuit:
        """The circuit, measurements included; pure. InputError where the input makes no sense."""

    @abstractmethod
    def answer(self, params: Input, step: Step) -> dict[str, Any]:
        """The result in the caller's terms, JSON-native and finite, with a `summary`; pure."""

    def start(self, params: Input) -> Job:
        return Job([Pub(self.build(params))])

    def proceed(self, params: Input, step: Step) -> dict[str, Any]:
        return self.answer(params, step)
