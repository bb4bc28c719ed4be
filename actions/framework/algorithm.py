"""An algorithm as an action: validate the input, submit a job, and continue or answer with its result."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import orjson
from pydantic import ValidationError
from qiskit import QuantumCircuit

from actions.framework.answer import ActionAnswer, output_schema
from actions.framework.input import ActionInput, findings, validated
from actions.framework.job import Job, JobError, Pub, Step
from actions.framework.submission import Run, Submission
from core.errors import InputError, QwhiskError, SettingsError
from core.protocol import ENVELOPE_NAMES, STEP, Envelope, ResultEvent, answer_reply, error_reply, explain
from core.settings import bound_settings, is_setting
from core.tracing import TRACEPARENT, activation
from core.tracing.reply import with_spans

log = logging.getLogger(__name__)

#: The most bytes of an answer. OpenWhisk's own limit of a reply is 1,048,576.
MAX_ANSWER_BYTES = 1_000_000
#: The most characters of the reason why an answer cannot be sent.
MAX_REASON = 1_000
#: The beginning of the names of parameters that OpenWhisk adds to the calls of rules and web requests.
PLATFORM_PREFIX = "__ow_"

Input = TypeVar("Input", bound=ActionInput)


class AnswerError(ValueError):
    """An answer that cannot be sent: a mistake in the algorithm, not in its input."""


class Algorithm(ABC, Generic[Input]):
    """An algorithm of one or more jobs. A subclass has a name, models of input and answer, and its steps.

    `main` never raises: it returns any error as `{"error": {"code", "message", "details"}}`.
    """

    #: The function's id: the name of the folder and of the action, and the id of the config document.
    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    #: The heading under which the page lists it; one of `CATEGORIES`.
    category: ClassVar[str] = "Other"
    #: How the page shows the answer; one of `VIEWS`.
    view: ClassVar[str] = "default"
    #: Limits of an activation in OpenWhisk: memory in MB and time in seconds.
    memory: ClassVar[int] = 256
    timeout: ClassVar[int] = 60
    #: The most jobs of one run; more than one only for an algorithm whose `proceed` returns jobs. A run that
    #: needs more ends with an error.
    max_jobs: ClassVar[int] = 1
    #: When a caller needs it, for docs/functions.md.
    use_case: ClassVar[str]
    #: When not to use it: what a classical program does instead, and how well.
    classical_alternative: ClassVar[str]
    input: type[Input]
    #: The model of the answer; None for a function whose answers have no schema.
    output: ClassVar[type[ActionAnswer] | None] = None

    @abstractmethod
    def start(self, params: Input) -> Job:
        """Return the first job; pure.

        Raises:
            InputError: the input is valid by itself, but not as a whole.
        """

    @abstractmethod
    def proceed(self, params: Input, step: Step) -> Job | ActionAnswer | dict[str, Any]:
        """Return the next job, or the answer in the caller's terms, of the model `output`.

        Pure: the same step always gives the same result.
        """

    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        """The action's entry point.

        Args:
            params: the algorithm's input with `client_id`, `process_job_id` and `topic`; or
                `{"step": <ResultEvent>}` for the next job or the answer. Names in upper case are settings
                that were bound to the action at its deployment. A caller cannot replace them: OpenWhisk
                rejects that, since all are bound and `final`.

        Returns:
            What was submitted, `{"answer": ...}`, or `{"error": ...}`; with `spans` if the caller traces.
        """
        # OpenWhisk sends an object. `_reply` answers whatever else a caller of this function gives.
        caller = params.get(TRACEPARENT) if isinstance(params, dict) else None
        with activation(caller, f"run {self.name}") as spans:
            reply = self._reply(params)
        return with_spans(reply, spans)

    def _reply(self, params: dict[str, Any]) -> dict[str, Any]:
        try:
            settings = bound_settings(params)
            values = {
                key: value
                for key, value in params.items()
                if not is_setting(key) and not key.startswith(PLATFORM_PREFIX) and key != TRACEPARENT
            }
            if STEP in values:
                return self._step(values, settings)
            return self._submit(values, settings)
        except SettingsError as error:
            log.error("%s", error.message)
            message = "The function is not configured. Ask the operator to check its log."
            return error_reply(SettingsError(message))
        except QwhiskError as error:
            return error_reply(error)
        except JobError as error:
            log.exception("%s made a job that cannot run", self.name)
            message = f"The function {self.name} made a job that cannot run, and did not submit it: {error}"
            return error_reply(QwhiskError(message))
        except AnswerError as error:
            log.exception("%s gave an answer that cannot be sent", self.name)
            message = f"The function {self.name} gave an answer that cannot be sent: {error}"
            return error_reply(QwhiskError(message[:MAX_REASON]))
        except Exception:
            log.exception("%s failed", self.name)
            message = f"The function {self.name} failed. The error is in the function, not in its input."
            return error_reply(QwhiskError(message))

    def _submit(self, values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        given = {key: value for key, value in values.items() if key not in ENVELOPE_NAMES}
        params = validated(self.input, given)
        envelope = validated(Envelope, {key: value for key, value in values.items() if key in ENVELOPE_NAMES})
        run = Run(self.name, params, given, envelope)
        return Submission.shared(settings).submit(run, self.start(params))

    def _step(self, values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        try:
            event = ResultEvent.model_validate_json(orjson.dumps(values[STEP]))
        except ValidationError as error:
            raise InputError("step: not a ResultEvent.", errors=findings(error)) from None
        if event.result is None:
            raise InputError("step: has no result.", field="step")
        params = validated(self.input, event.params)
        noisy = event.backend_type != "simulator"
        try:
            outcome = self.proceed(params, Step(event.step, event.result, event.state, event.backend, noisy))
        except ValidationError as error:
            raise AnswerError(f"it is not of its model: {explain(error)}") from None
        if not isinstance(outcome, Job):
            return answer_reply(_sendable(self._checked(outcome)))
        if event.step + 1 >= self.max_jobs:
            raise JobError(f"a run has at most {self.max_jobs} jobs; `max_jobs` declares how many")
        envelope = Envelope.of_event(event)
        run = Run(
            self.name,
            params,
            event.params,
            envelope,
            event.step + 1,
            event.backend,
            previous_jobs=event.provider_jobs,
        )
        return Submission.shared(settings).submit(run, outcome)

    def _checked(self, answer: ActionAnswer | dict[str, Any]) -> dict[str, Any]:
        """Return the answer as JSON values; AnswerError if it is not of the model `output`."""
        if isinstance(answer, dict) and self.output is None:
            return answer
        if isinstance(answer, dict) or type(answer) is not self.output:
            raise AnswerError(f"it is a {type(answer).__name__}. Return the model `output`")
        try:
            return answer.as_dict()
        except (ValueError, RecursionError) as error:
            raise AnswerError(f"it is not JSON: {error}") from None

    def document(self) -> dict[str, Any]:
        """Return the function's config document; loading completes its URL (see docs/deploy.md)."""
        output = {} if self.output is None else {"functionOutputSchema": output_schema(self.output)}
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
            **output,
            "functionCategory": self.category,
            "functionView": self.view,
            "functionMaxJobs": self.max_jobs,
        }


def _sendable(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer if it can be sent.

    Raises:
        AnswerError: it cannot. The same result would give the same answer again.
    """
    try:
        size = len(json.dumps(answer, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise AnswerError(f"it is not JSON: {error}") from None
    if size > MAX_ANSWER_BYTES:
        raise AnswerError(f"it has {size} bytes, and {MAX_ANSWER_BYTES} can be sent")
    return answer


class CircuitAlgorithm(Algorithm[Input]):
    """An algorithm of one circuit."""

    @abstractmethod
    def build(self, params: Input) -> QuantumCircuit:
        """Return the circuit with its measurements; pure.

        Raises:
            InputError: the input is valid by itself, but not as a whole.
        """

    @abstractmethod
    def answer(self, params: Input, step: Step) -> ActionAnswer | dict[str, Any]:
        """Return the result in the caller's terms, of the model `output`; pure."""

    def start(self, params: Input) -> Job:
        return Job([Pub(self.build(params))])

    def proceed(self, params: Input, step: Step) -> ActionAnswer | dict[str, Any]:
        return self.answer(params, step)
