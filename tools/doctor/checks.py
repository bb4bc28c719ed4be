"""The checks of gateway and poller, with the variables that the part has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from urllib.parse import urlencode

import urllib3

from core import large_results
from core.config_docs.model import ConfigDocument, parse, resolve
from core.config_docs.source import source_of
from core.errors import DocumentError, NotFoundError
from core.kafka.admin import Topics
from core.kafka.client import require_broker
from core.kafka.topics import new_results_topic, shared
from core.openwhisk.credentials import EnvironmentCredentials
from core.settings import KafkaSettings, ProviderSettings, Source
from core.settings.provider import HARDWARE_TOKEN, HARDWARE_URL, SIMULATOR_URL
from core.settings.stores import CLOUDANT_URL
from tools.doctor.check import Check, CheckError, host_of

#: Seconds for one request.
REQUEST_TIMEOUT = 10.0
#: Names in one line.
NAMED = 5
#: Config documents whose actions are looked up.
MAX_LOOKED_UP = 100
#: IBM Cloud's address for tokens, to which IBM's client sends the API key as well.
IAM = "https://iam.cloud.ibm.com"
#: Variables with which IBM's client connects through a proxy.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def checks(part: str, env: Source) -> list[Check]:
    """Return the checks of a part.

    Args:
        part: `gateway` or `poller`.
        env: the part's environment.
    """
    found: list[tuple[str, Callable[[], str], str]] = [
        ("settings", lambda: _settings(part, env), "Correct the variable; docs/settings.md describes it."),
        (
            "Kafka",
            lambda: _kafka(env),
            "See that a broker listens at KAFKA_BOOTSTRAP_SERVERS, and check KAFKA_SASL_*. A poller creates "
            "the topics when it starts.",
        ),
        (
            "documents",
            lambda: f"{len(_documents(env))} functions",
            "Check CLOUDANT_* or CONFIG_FOLDER, and run `make config`.",
        ),
        (
            "OpenWhisk",
            lambda: _openwhisk(env),
            "Check WHISK_AUTH or IBM_CLOUD_API_KEY, and the address in the config documents (`make config`); "
            "run `make deploy`.",
        ),
        (
            "result store",
            lambda: _store(env, writes=part == "poller"),
            "Check RESULTS_S3_* or RESULTS_FOLDER. The bucket must exist, and both parts need the same.",
        ),
    ]
    if part == "poller":
        found += [
            (
                "hardware",
                lambda: _account(env, "hardware"),
                "Check QISKIT_IBM_TOKEN (an API key of IBM Cloud) and QISKIT_IBM_INSTANCE (a CRN that it may "
                "use).",
            ),
            ("simulators", lambda: _account(env, "simulator"), "Check SIMULATOR_URL and SIMULATOR_API_KEY."),
        ]
    return [Check(part, what, fix, run) for what, run, fix in found]


def _settings(part: str, env: Source) -> str:
    # Imported here: the image of a part has no other part.
    if part == "gateway":
        from gateway.settings import GatewaySettings

        GatewaySettings.from_env(env)
    else:
        from core.provider import LOOK_PAGE
        from poller.settings import PollerSettings

        PollerSettings.from_env(env, LOOK_PAGE)
    return "complete"


def _kafka(env: Source) -> str:
    settings = KafkaSettings.from_env(env)
    require_broker(settings)
    topics = set(Topics(settings).names())
    missing = set(shared(1)) - topics
    if missing:
        raise CheckError(f"reached, but without the topics {_some(missing)}")
    return f"{len(topics)} topics"


def _documents(env: Source) -> list[ConfigDocument]:
    """Return the config documents. Raises CheckError if there are none, or one is invalid."""
    source = source_of(env)
    with reaching(CLOUDANT_URL.read(env)) if CLOUDANT_URL.is_set(env) else nullcontext():
        entries = source.read()
    documents, wrong = [], []
    for name, entry in entries.items():
        try:
            if isinstance(entry, DocumentError):
                raise entry
            documents.append(parse(entry, name))
        except DocumentError as error:
            wrong.append(error.message)
    if wrong or not documents:
        raise CheckError(
            f"{len(documents)} functions; {wrong[0] if wrong else 'there are no config documents'}"
        )
    return documents


def _openwhisk(env: Source) -> str:
    credentials, http = EnvironmentCredentials(env), urllib3.PoolManager(retries=False)
    try:
        known = _documents(env)
    except Exception:  # the line of the documents says why
        raise CheckError("not checked: the config documents have its address, and are not all read") from None
    # Others are not actions of an OpenWhisk, and cannot be looked up without an invocation.
    documents = [document for document in known if "/namespaces/" in document.function_backend_url]
    absent: set[str] = set()
    hosts: set[str] = set()
    for document in documents[:MAX_LOOKED_UP]:
        call = resolve(document, {}, credentials)
        hosts.add(host_of(call.url))
        headers = {"Authorization": dict(call.headers).get("Authorization", "")}
        with reaching(call.url):
            answer = http.request("GET", call.url.partition("?")[0], headers=headers, timeout=REQUEST_TIMEOUT)
        if answer.status in (401, 403):
            raise CheckError(f"{_some(hosts)} rejects the key ({answer.status})")
        if answer.status == 404:
            absent.add(document.id)
        elif answer.status != 200:
            raise CheckError(f"{_some(hosts)} answers {answer.status}")
    if absent:
        raise CheckError(f"not deployed: {_some(absent)}")
    return f"{len(documents)} actions at {_some(hosts)}"


def _store(env: Source, writes: bool) -> str:
    store = large_results.from_env(env)
    if store is None:
        return "none: a result over the broker's limit is not kept; set RESULTS_S3_* or RESULTS_FOLDER"
    name = large_results.name_of("doctor", "doctor")
    if not writes:
        try:
            store.get(name)
        except NotFoundError:
            return "can be read"
        return "read an object"
    data = new_results_topic().encode()
    store.put(name, data)
    if store.get(name) != data:
        raise CheckError("what was stored was not read back")
    return "stored an object and read it"


def _account(env: Source, kind: str) -> str:
    settings = ProviderSettings.from_env(env)
    own = (HARDWARE_TOKEN, HARDWARE_URL) if kind == "hardware" else (SIMULATOR_URL,)
    if not any(row.is_set(env) for row in own):
        return "no account of their own: jobs go to the other one"
    url = settings.account(kind).url
    if not any(env.get(name) for name in _PROXIES):
        _require_token(url or IAM, settings.account(kind).token)
    from core.provider import connect

    account = connect(settings, timeout=(REQUEST_TIMEOUT, REQUEST_TIMEOUT)).account(kind)
    backends = account.backends(0.0)
    if not backends:
        raise CheckError("the account has no backends")
    return f"{len(backends)} backends at {host_of(url) if url else 'IBM Quantum'}"


def _require_token(url: str, key: str) -> None:
    """Check that a server exchanges the API key for a token. IBM's client would try for two minutes."""
    form = urlencode({"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with reaching(url):
        answer = urllib3.PoolManager(retries=False).request(
            "POST", f"{url}/identity/token", body=form.encode(), headers=headers, timeout=REQUEST_TIMEOUT
        )
    if answer.status in (400, 401, 403):
        raise CheckError(f"{host_of(url)} rejects the API key ({answer.status})")
    if answer.status != 200:
        raise CheckError(f"{host_of(url)} answers {answer.status}")


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn the errors of connections into one that names the host.

    Args:
        url: what is called.

    Raises:
        CheckError: it cannot be reached, or does not answer in time.
    """
    try:
        yield
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise CheckError(f"{host_of(url)} cannot be reached ({type(error).__name__})") from None


def _some(names: Iterable[str]) -> str:
    known = sorted(names)
    return ", ".join(known[:NAMED]) + (f" and {len(known) - NAMED} more" if len(known) > NAMED else "")
