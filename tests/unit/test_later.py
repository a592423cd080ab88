"""Modules that are imported in name only: what loads them, and that they are then what they always were."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent_framework._later import import_later

Library = Callable[..., ModuleType]

PART = """
import sys
sys.modules["library"].loaded.append(__name__)
from .inner import Inner
__all__ = ["Inner", "Tool", "other"]
class Tool:
    kind = "real"
def other(): return "other"
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """Makes and imports a package ``library``, whose ``library.part`` is to be loaded later."""
    before = list(sys.meta_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(start: str = "from .part import Tool", part: str = PART) -> ModuleType:
        (tmp_path / "library" / "part").mkdir(parents=True)
        (tmp_path / "library" / "__init__.py").write_text(f"loaded = []\n{start}\n", "utf-8")
        (tmp_path / "library" / "part" / "__init__.py").write_text(part, "utf-8")
        (tmp_path / "library" / "part" / "inner.py").write_text("class Inner: pass\n", "utf-8")
        import_later("library.part", stand_ins=["Tool"])
        return importlib.import_module("library")

    yield make
    sys.meta_path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] == "library"]:
        del sys.modules[name]


def test_taking_out_a_name_that_has_a_stand_in_does_not_load_the_module(library: Library) -> None:
    assert library().loaded == []


@pytest.mark.parametrize(
    "use",
    [
        lambda tool: tool.kind == "real",
        lambda tool: tool().kind == "real",
        lambda tool: not isinstance(3, tool),
        lambda tool: not issubclass(int, tool),
        lambda tool: _subclass(tool).kind == "real",
    ],
)
def test_using_the_stand_in_loads_the_module_and_is_using_the_real_thing(
    library: Library, use: Callable[[Any], bool]
) -> None:
    module = library()
    assert use(module.Tool)
    assert module.loaded == ["library.part"]


def _subclass(tool: Any) -> Any:
    class Mine(tool):
        pass

    return Mine


def test_any_other_name_loads_it_once_and_it_is_the_same_module(library: Library) -> None:
    module = library()
    part = sys.modules["library.part"]
    assert part.other() == "other"
    assert part.other() == "other"
    assert module.loaded == ["library.part"]
    assert sys.modules["library.part"] is part is module.part
    assert (type(part), part.Tool.__name__) == (ModuleType, "Tool")
    assert isinstance(part.Tool(), module.Tool)
    assert part.__spec__ is not None
    assert part.__spec__.loader is part.__loader__


def test_a_library_that_takes_out_an_unexpected_name_gets_the_module_loaded_at_once(library: Library) -> None:
    module = library("from .part import Tool, other")
    assert module.loaded == ["library.part"]
    assert module.other() == "other"


def test_a_star_import_and_dir_see_everything(library: Library) -> None:
    module = library()
    assert "other" in dir(sys.modules["library.part"])
    assert module.loaded == ["library.part"]
    assert library_star() == {"Inner", "Tool", "other"}


def library_star() -> set[str]:
    found: dict[str, Any] = {}
    exec("from library.part import *", found)
    return set(found) - {"__builtins__"}


def test_a_submodule_is_shared_by_who_comes_before_and_after(library: Library) -> None:
    library()
    inner = importlib.import_module("library.part.inner")
    assert sys.modules["library.part"].Inner is inner.Inner


def test_who_looks_through_all_modules_loads_none(library: Library) -> None:
    module = library()
    for loaded in list(sys.modules.values()):
        getattr(loaded, "__warningregistry__", None)
    assert module.loaded == []


def test_a_name_that_is_not_there_is_an_attribute_error(library: Library) -> None:
    library()
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = sys.modules["library.part"].nope


def test_a_module_that_fails_says_so_wherever_it_is_used(library: Library) -> None:
    module = library(part="raise ImportError('needs a compiler')")
    for _ in range(2):
        with pytest.raises(ImportError, match="needs a compiler"):
            module.Tool()


def test_what_is_imported_already_is_left_alone(library: Library) -> None:
    library()
    finders = list(sys.meta_path)
    import_later("library.part", stand_ins=["Tool"])
    import_later("json", stand_ins=["loads"])
    assert sys.meta_path == finders
