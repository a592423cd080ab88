"""Modules of other libraries that are imported in name only, until something of them is used.

For a library whose start imports what most programs never touch. The import system has a place for that: a finder
whose loader puts off ``exec_module``, as `importlib.util.LazyLoader` does. That one loads as soon as a name is taken
out (``from .mcp import MCPUtil``); here such names have stand-ins, which load the module when they themselves are used.

Nothing is replaced and no private name is touched: the module is one object before and after, and its own code runs in
it. A library that takes out another name than expected, or none, gets the module loaded then and there, as ever.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from importlib.abc import Loader


def import_later(module: str, *, stand_ins: Sequence[str]) -> None:
    """Load ``module`` of another library when it is used, unless it is imported already.

    Args:
        module: its full name.
        stand_ins: names that its library takes out of it without using them.
    """
    finder = _Finder(module, tuple(stand_ins))
    if module not in sys.modules and finder not in sys.meta_path:
        sys.meta_path.insert(0, finder)


class _Finder:
    """Finds one module where the others would, and puts off its loading."""

    def __init__(self, module: str, stand_ins: tuple[str, ...]) -> None:
        self._module = module
        self._stand_ins = stand_ins

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Finder) and self._module == other._module

    def __hash__(self) -> int:
        return hash(self._module)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", _Loader(spec.loader, self._stand_ins))
        return spec


class _Loader:
    """Makes the module at once and fills it when it is used."""

    def __init__(self, loader: "Loader", stand_ins: tuple[str, ...]) -> None:
        self._loader = loader
        self._stand_ins = stand_ins
        self._lock = RLock()
        self._is_loading = False

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update({name: _StandIn(module, name) for name in self._stand_ins})

    def load(self, module: ModuleType) -> None:
        """Run the module's code, once; what it raises is raised wherever the module was used."""
        with self._lock:
            if self._is_loading or not isinstance(module, _Module):
                return
            self._is_loading = True
            try:
                self._loader.exec_module(module)
            finally:
                self._is_loading = False
            module.__class__ = ModuleType  # pyright: ignore[reportAttributeAccessIssue]
            module.__loader__ = self._loader
            if module.__spec__ is not None:
                module.__spec__.loader = self._loader


class _Module(ModuleType):
    """A module whose code has not run."""

    def __getattr__(self, name: str) -> Any:
        # whoever looks through all modules asks each for such names: it is not used by that
        if name == "__all__" or not name.startswith("__"):
            _load(self)
        return ModuleType.__getattribute__(self, name)

    def __dir__(self) -> list[str]:
        _load(self)
        return sorted(vars(self))


def _load(module: ModuleType) -> None:
    loader = module.__spec__.loader if module.__spec__ else None
    if isinstance(loader, _Loader):
        loader.load(module)


class _StandIn:
    """One name of the module: its attributes, calls, subclasses and instances are those of what it stands for."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module = module
        self._name = name

    def _real(self) -> Any:
        _load(self._module)
        return vars(self._module)[self._name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._real())
