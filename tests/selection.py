"""Which tests start processes, determined from what they and their fixtures use, without a list.

A test starts processes where it, one of its fixtures, or a function or class of this repository that these
use, names a module that starts them. Any other test that starts a process fails (`Guard`): either the rule
finds it, or it fails.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest

#: The mark of a test that starts processes, or a browser.
MARK = "processes"

_STARTERS = {"subprocess", "multiprocessing", "playwright", "ProcessPoolExecutor", "fork", "posix_spawn"}
#: The packages of this repository.
_OURS = {path.parent.name for path in Path(__file__).parent.parent.glob("*/__init__.py")}
#: The audit events that Python raises before it creates a process.
_EVENTS = {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec"}


def mark(items: list[pytest.Item]) -> None:
    """Mark the tests that start processes."""
    for item in items:
        if isinstance(item, pytest.Function) and starts(item):
            item.add_marker(MARK)


def starts(item: pytest.Function) -> bool:
    """Return whether the test starts processes."""
    info = item._fixtureinfo
    fixtures = [
        definition.func for definitions in info.name2fixturedefs.values() for definition in definitions
    ]
    return any(
        _reaches(function)
        for function in map(_plain, (item.obj, *fixtures))
        if isinstance(function, FunctionType)
    )


@functools.cache
def _reaches(first: Any) -> bool:
    seen: set[Any] = set()
    todo = [first]
    while todo:
        function = todo.pop()
        if not isinstance(function, FunctionType | type) or function in seen:
            continue
        seen.add(function)
        if isinstance(function, FunctionType):
            for code in _codes(function.__code__):
                if _STARTERS & set(code.co_names):
                    return True
            todo += _used(function)
        else:
            todo += [_plain(member) for member in vars(function).values()]
            todo += [base for base in function.__bases__ if _is_ours(base)]
    return False


def _used(function: FunctionType) -> Iterator[Any]:
    """Return the functions and classes of this repository that the function names."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    for code in _codes(function.__code__):
        names = set(code.co_names)
        values = [function.__globals__[name] for name in names if name in function.__globals__]
        # Names that are imported within the function, and attributes of a module.
        modules = [value for value in values if isinstance(value, ModuleType)]
        modules += [_module(name) for name in names if name.partition(".")[0] in _OURS]
        values += [vars(module)[name] for module in modules for name in names if name in vars(module)]
        for value in map(_plain, values + cells):
            if type(value) in (FunctionType, type) and _is_ours(value):
                yield value


def _is_filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        return sys


def _plain(value: Any) -> Any:
    """Return the function below decorators, properties and hypothesis."""
    # By type and by the object's own attributes: a proxy would answer to any attribute, or raise.
    if type(value) is property:
        value = value.fget
    elif type(value) is functools.cached_property:
        value = value.func
    elif type(value) in (staticmethod, classmethod, MethodType):
        value = value.__func__
    while type(value) is FunctionType and (below := _below(value)) is not None:
        value = below
    return value


def _below(function: FunctionType) -> Any:
    handle = vars(function).get("hypothesis")
    return vars(function).get("__wrapped__") or getattr(handle, "inner_test", None)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Return the code, and the code of what is defined within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_ours(value: Any) -> bool:
    return str(value.__module__).partition(".")[0] in _OURS


class Guard:
    """Fails a test that starts a process without the mark."""

    def __init__(self) -> None:
        self._test = ""
        sys.addaudithook(self._heard)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Watch the fixtures of the test."""
        yield from self._watching(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Watch the test."""
        yield from self._watching(item)

    def _watching(self, item: pytest.Item) -> Iterator[None]:
        self._test = "" if item.get_closest_marker(MARK) else item.nodeid
        try:
            yield
        finally:
            self._test = ""

    def _heard(self, event: str, _: tuple[Any, ...]) -> None:
        if self._test and event in _EVENTS:
            raise RuntimeError(
                f"{self._test} starts a process ({event}), and tests/selection.py did not find that: "
                f"mark it with pytest.mark.{MARK}"
            )
