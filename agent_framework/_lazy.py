"""Names that are imported when they are first used (PEP 562), so that importing a package stays cheap.

While a module is imported, no garbage is collected: what an import makes stays, and looking through all of it again
and again is a sixth of the time that the Agents SDK takes to import.
"""

import gc
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for ``names`` (name -> module it comes from)."""

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return getattr(load(names[name]), name)

    return get


def load(module: str) -> ModuleType:
    """Import a module without looking for garbage meanwhile."""
    with collector_paused():
        return import_module(module)


@contextmanager
def collector_paused() -> Generator[None]:
    """No garbage is collected inside; afterwards it is as before."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
