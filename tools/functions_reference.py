"""`python -m tools.functions_reference`: write docs/functions.md, and the runs that it shows.

Every function is run once on the simulator. A run in docs/function_runs.json is replaced only if the new one
differs by more than rounding, so that the files do not change from one machine to another.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

from actions.framework.algorithm import Algorithm
from actions.framework.answer import output_schema
from actions.framework.input import COMMON_INPUTS, ActionInput
from core.protocol import API
from tools.documents import algorithms
from tools.function_runs import SEED, example_input, run, simulator
from tools.schema_words import Schema, kind, resolved, unit

ROOT = Path(__file__).resolve().parents[1]
PAGE = "docs/functions.md"
RUNS = "docs/function_runs.json"
_TEMPLATE = Path(__file__).with_name("template") / "functions.md.txt"

#: Significant digits of the numbers of a run, and the relative difference that is rounding.
DIGITS, ROUNDING = 6, 1e-4
#: The gateway of `make demo` and `make up`.
ADDRESS = "http://127.0.0.1:8080"
#: Entries of a list or a distribution that are shown; two more are shown instead of `...`.
SHOWN = 4
#: Characters of a line of JSON.
WIDTH = 100

Runs = Mapping[str, dict[str, Any]]


def rounded(value: Any) -> Any:
    """Return the JSON value with its floats rounded to `DIGITS` significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return {name: rounded(item) for name, item in value.items()} if isinstance(value, dict) else value


def same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal but for rounding."""
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=ROUNDING, abs_tol=ROUNDING / 100)
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(same(first[name], second[name]) for name in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return type(first) is type(second) and bool(first == second)


def new_runs(known: Mapping[str, type[Algorithm[Any]]], kept: Runs) -> dict[str, dict[str, Any]]:
    """Run every function on the simulator.

    Args:
        known: the algorithms by name.
        kept: the runs of last time; one stays if the new one is the same but for rounding.

    Returns:
        The input and the answer of each function.
    """
    runs = {}
    with simulator() as provider:
        for name, algorithm in known.items():
            values = example_input(algorithm())
            made = {"input": values, "answer": rounded(run(algorithm(), values, provider))}
            runs[name] = kept[name] if name in kept and same(kept[name], made) else made
    return runs


def text(known: Mapping[str, type[Algorithm[Any]]], runs: Runs) -> str:
    """Return docs/functions.md.

    Args:
        known: the algorithms by name.
        runs: the input and the answer of each.
    """
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        seed=SEED,
        index="\n".join(_index(known)),
        common="\n".join(_inputs(ActionInput.model_json_schema(), COMMON_INPUTS)),
        sections="\n\n".join(_section(algorithm, runs[name]) for name, algorithm in known.items()),
    )


def _index(known: Mapping[str, type[Algorithm[Any]]]) -> Iterator[str]:
    yield from ("| function | what it is for |", "|---|---|")
    for name, algorithm in known.items():
        yield f"| [`{name}`](#{name}) | {_cell(algorithm.use_case)} |"


def _section(algorithm: type[Algorithm[Any]], kept: dict[str, Any]) -> str:
    assert algorithm.output is not None
    schema, common = algorithm.input.model_json_schema(), ActionInput.model_json_schema()["properties"]
    own = [
        name
        for name, field in schema["properties"].items()
        if name not in COMMON_INPUTS or field != common[name]
    ]
    lines = [
        f"## {algorithm.name}",
        "",
        f"**{algorithm.title}**, in the category {algorithm.category}. {algorithm.description}",
        "",
        f"**What it is for.** {algorithm.use_case}",
        "",
        f"**When not to use it.** {algorithm.classical_alternative}",
        "",
        "Input:" if own else "It has no input of its own.",
        *(["", *_inputs(schema, own)] if own else []),
        "",
        "Answer:",
        "",
        *_outputs(output_schema(algorithm.output)),
        "",
        "Example:",
        "",
        "```sh",
        _call(algorithm.name, kept["input"]),
        "```",
        "",
        "```json",
        _json(_shortened(kept["answer"])),
        "```",
    ]
    return "\n".join(lines)


def _call(name: str, values: dict[str, Any]) -> str:
    """The command that submits the job and waits for it."""
    body = json.dumps(values, ensure_ascii=False).replace("'", "'\\''")
    return (
        f"curl -s -H \"Authorization: Bearer $TOKEN\" -d '{body}' \\\n"
        f"    '{ADDRESS}{API}/functions/{name}/jobs?wait=60'"
    )


def _inputs(schema: Schema, names: Any) -> Iterator[str]:
    """The rows of a table of inputs."""
    yield from ("| field | type and limits | default | meaning |", "|---|---|---|---|")
    for name in names:
        field = schema["properties"][name]
        words = _cell(kind(field, schema.get("$defs", {})).removesuffix(" or null"))
        default = ""
        if name not in schema.get("required", []):
            value = field.get("default")
            default = "none" if value in (None, {}) else f"`{_cell(json.dumps(value))}`"
        yield f"| `{name}` | {words} | {default} | {_cell(field['description'])} |"


def _outputs(schema: Schema) -> Iterator[str]:
    """The rows of a table of the fields of an answer, those of objects inside it below them."""
    yield from ("| field | type | unit | meaning |", "|---|---|---|---|")
    yield from _rows(schema, schema.get("$defs", {}), "")


def _rows(schema: Schema, definitions: Schema, prefix: str) -> Iterator[str]:
    for name, field in schema["properties"].items():
        words = kind(field, definitions)
        optional = "" if name in schema.get("required", []) else " (optional)"
        # A description that is the same as that of the field's model is only there.
        meaning = (resolved(field, definitions) | field)["description"]
        cells = [f"`{prefix}{name}`", words + optional, unit(field, definitions), meaning]
        yield f"| {' | '.join(map(_cell, cells))} |"
        inner = resolved(field.get("items", field), definitions)
        if "properties" in inner:
            yield from _rows(inner, definitions, f"{prefix}{name}{'[]' if 'items' in field else ''}.")


def _cell(words: str) -> str:
    return words.replace("|", r"\|").replace("\n", " ")


def _shortened(value: Any) -> Any:
    """Return the value with the first entries of its long lists and distributions."""
    if isinstance(value, list):
        items = [_shortened(item) for item in value]
        return items if len(items) <= SHOWN + 2 else [*items[:SHOWN], ...]
    if isinstance(value, dict):
        pairs = {name: _shortened(item) for name, item in value.items()}
        # Only distributions have names that are outcomes.
        if len(pairs) > SHOWN + 2 and all(isinstance(item, float) for item in pairs.values()):
            return dict(list(pairs.items())[:SHOWN]) | {"...": ...}
        return pairs
    return value


def _json(value: Any, indent: int = 0) -> str:
    """Format a JSON value; what fits into a line is in one line."""
    if value is ...:
        return "..."
    if isinstance(value, dict):
        pairs = [
            "..." if item is ... else f"{json.dumps(name, ensure_ascii=False)}: {_json(item, indent + 2)}"
            for name, item in value.items()
        ]
        return _block("{", pairs, "}", indent)
    if isinstance(value, list):
        return _block("[", [_json(item, indent + 2) for item in value], "]", indent)
    return json.dumps(value, ensure_ascii=False)


def _block(start: str, items: list[str], end: str, indent: int) -> str:
    line = f"{start}{', '.join(items)}{end}"
    if len(line) + indent <= WIDTH and indent and "\n" not in line:
        return line
    if not items:
        return start + end
    inside = ",\n".join(" " * (indent + 2) + item for item in items)
    return f"{start}\n{inside}\n{' ' * indent}{end}"


def described() -> dict[str, type[Algorithm[Any]]]:
    """Return the algorithms whose answers have a model, by name."""
    return {name: algorithm for name, algorithm in algorithms().items() if algorithm.output is not None}


def main() -> int:
    """Run every function and write the files; return the exit code."""
    logging.getLogger("qiskit_runtime_service").setLevel(logging.ERROR)
    known, path = described(), ROOT / RUNS
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    runs = new_runs(known, kept)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (ROOT / PAGE).write_text(text(known, runs), encoding="utf-8")
    print(f"{RUNS}\n{PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
