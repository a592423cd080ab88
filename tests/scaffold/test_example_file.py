"""agents.example.yaml: it loads, and explains every field of the models with the default that the models have."""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agent_framework.config.loader import load_config
from agent_framework.config.project_config import ProjectConfig
from agent_framework.config.validators import validate_config

FILE = Path(__file__).resolve().parents[2] / "agents.example.yaml"
LINES = FILE.read_text("utf-8").splitlines()


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def all_fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[type[BaseModel], str, FieldInfo]]:
    """Every field of every model, once for each model."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        if not field.exclude:
            yield model, name, field
            for inner in models_in(field.annotation):
                yield from all_fields(inner, seen)


FIELDS = list(all_fields(ProjectConfig, set()))


def places(
    model: type[BaseModel], value: Any, wanted: type[BaseModel], path: tuple[Any, ...]
) -> Iterator[tuple[Any, ...]]:
    """Paths in the example at which the model ``wanted`` is written."""
    if model is wanted:
        yield path
    for name, field in model.model_fields.items():
        inner = models_in(field.annotation)
        key = field.alias or name
        if not inner or not isinstance(value, dict) or key not in value:
            continue
        below = value[key]
        items: list[tuple[tuple[Any, ...], Any]] = [((key,), below)]
        if isinstance(below, list):
            items = [((key, index), item) for index, item in enumerate(below)]
        elif inner[0].__name__ in {"AgentConfig", "ModelPrice", "StageOverlay", "AgentOverlay"}:
            items = [((key, name_), item) for name_, item in below.items()]
        for steps, item in items:
            yield from places(inner[0], item, wanted, (*path, *steps))


def comment_at(line: int) -> str:
    """The comment on a line and the comment lines around it that explain it."""
    above = below = ""
    index = line - 2
    while index >= 0 and LINES[index].lstrip().startswith("#"):
        above = LINES[index].lstrip() + " " + above
        index -= 1
    index = line
    while index < len(LINES) and LINES[index].lstrip().startswith("#"):
        below += " " + LINES[index].lstrip()
        index += 1
    own = LINES[line - 1].partition("  #")[2]
    return f"{above} {own} {below if own else ''}"


def shown(default: Any) -> str:
    """A default as the example writes it."""
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, (int, float)):
        return f"{default:g}"
    if isinstance(default, tuple) and default:
        return f"[{', '.join(item.value if isinstance(item, Enum) else str(item) for item in default)}]"
    return str(default) or "empty" if isinstance(default, str) else "empty"


def test_it_loads_and_holds_together():
    assert validate_config(load_config(FILE)) == []


@pytest.mark.parametrize(
    ("model", "name", "field"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name, _ in FIELDS]
)
def test_a_field_is_there_and_its_default_is_told(model: type[BaseModel], name: str, field: FieldInfo):
    source = load_config(FILE).source
    key = field.alias or name
    found = [(*path, key) for path in places(ProjectConfig, source.data, model, ()) if (*path, key) in source.lines]
    assert found, f"{FILE.name} does not show {model.__name__}.{key}"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel) or model is ProjectConfig:
        return
    texts = [comment_at(source.lines[path]) for path in found]
    wanted = r"\brequired\b" if default is PydanticUndefined else rf"[Dd]efault {re.escape(shown(default))}(\s|[.,;]|$)"
    assert any(re.search(wanted, text) for text in texts), f"{key}: {wanted!r} is in none of {texts}"
