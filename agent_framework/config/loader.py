"""From agents.yaml to a validated `ProjectConfig`: read, validate the base and every stage, report all errors at once.

`ConfigLoader` is the seed's public face; `load_config` is the function under it.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agent_framework.config.deployed import with_approvals_url, with_infrastructure
from agent_framework.config.project_config import LOCAL_INFRASTRUCTURE, LOCAL_ORCHESTRATION, LOCAL_STAGE, ProjectConfig
from agent_framework.config.registry import AgentRegistry
from agent_framework.config.rules_engine import RulesEngine
from agent_framework.config.yaml_reader import YamlFile, parse_yaml, read_yaml
from agent_framework.errors import ConfigError, Problem
from agent_framework.types import JSONDict, is_object

CONFIG_FILE = "agents.yaml"
WELL_KNOWN_STAGES = (LOCAL_STAGE, "dev", "staging", "prod")


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A valid file: the configuration without a stage, and the source for line numbers and stages."""

    config: ProjectConfig
    source: YamlFile

    def for_stage(self, stage: str) -> ProjectConfig:
        """The configuration as it holds in ``stage``.

        ``local`` replaces the deployed providers by SQLite, the local queue and local storage wherever
        ``stages.local.infrastructure`` does not say otherwise, and the durable engine by the checkpoint engine.

        Raises:
            ConfigError: there is no such stage.
        """
        known = {*WELL_KNOWN_STAGES, *self.config.stages}
        if stage not in known:
            raise ConfigError(
                f"there is no stage {stage!r}{did_you_mean(stage, known)}; "
                f"stages: {', '.join(sorted(known))} (declare others under 'stages:' in {self.source.file})"
            )
        return ProjectConfig.model_validate(_stage_data(self.source.data, stage))

    def line_of(self, *path: str | int) -> int | None:
        """The line of a path in the file."""
        return self.source.line_of(path)


def load_config(path: Path) -> LoadedConfig:
    """Load ``path`` (agents.yaml or the folder that holds it).

    Raises:
        ConfigError: with every problem of the file, each with line, path and remedy.
    """
    file = path / CONFIG_FILE if path.is_dir() else path
    if not file.exists():
        raise ConfigError(
            [
                Problem(
                    "not found; run this in a project's folder, or start one with 'agent-framework init'",
                    file=str(file),
                )
            ]
        )
    return _validate(read_yaml(file))


def load_config_text(text: str, *, file: str = CONFIG_FILE) -> LoadedConfig:
    """The same for a text."""
    return _validate(parse_yaml(text, file=file))


def _validate(source: YamlFile) -> LoadedConfig:
    data = source.data
    if not is_object(data):
        raise ConfigError([Problem("must be a mapping that starts with 'project:'", file=source.file, line=1)])
    try:
        config = ProjectConfig.model_validate(data)
    except ValidationError as exc:
        raise ConfigError(_problems(exc, source)) from exc
    problems: list[Problem] = []
    for stage in config.stages:
        try:
            ProjectConfig.model_validate(_stage_data(data, stage))
        except ValidationError as exc:
            problems += _problems(exc, source, prefix=("stages", stage))
    if problems:
        raise ConfigError(problems)
    return LoadedConfig(config, source)


def _stage_data(data: JSONDict, stage: str) -> JSONDict:
    stages: JSONDict = data.get("stages") or {}
    base = data
    if stage == LOCAL_STAGE:
        base = merge({**data, "infrastructure": LOCAL_INFRASTRUCTURE}, LOCAL_ORCHESTRATION)
    return merge(base, stages.get(stage) or {})


def merge(base: Any, overlay: Any) -> Any:
    """Deep merge of mappings; anything else in ``overlay`` replaces what ``base`` has.

    A block that names another ``provider`` replaces the whole block: the old provider's configuration is not its own.
    """
    if not isinstance(base, Mapping) or not isinstance(overlay, Mapping):
        return overlay
    old: dict[str, Any] = dict(base)  # pyright: ignore[reportUnknownArgumentType]
    new: dict[str, Any] = dict(overlay)  # pyright: ignore[reportUnknownArgumentType]
    if "config" in old and new.get("provider", old.get("provider")) != old.get("provider"):
        return new
    return {**old, **{key: merge(old[key], value) if key in old else value for key, value in new.items()}}


def did_you_mean(word: str, known: Any) -> str:
    """``; did you mean 'x'?`` or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, [str(item) for item in known], n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _problems(error: ValidationError, source: YamlFile, prefix: tuple[str, ...] = ()) -> list[Problem]:
    problems = [_problem(details, source, prefix) for details in error.errors(include_url=False)]
    return sorted(problems, key=lambda problem: problem.line or 0)


def _problem(details: ErrorDetails, source: YamlFile, prefix: tuple[str, ...]) -> Problem:
    path = _path_in_file(details["loc"], source, prefix)
    in_model = path[len(prefix) :] if prefix and path[: len(prefix)] == prefix else path
    return Problem(
        _message(details, in_model),
        path=".".join(map(str, path)),
        file=source.file,
        line=source.line_of(path),
    )


def _path_in_file(loc: tuple[int | str, ...], source: YamlFile, prefix: tuple[str, ...]) -> tuple[int | str, ...]:
    """The error's path as the file has it: without pydantic's union tags, under the stage where that says it."""
    path: tuple[int | str, ...] = ()
    for index, part in enumerate(loc):
        in_file = (*path, part) in source.lines or (*prefix, *path, part) in source.lines
        last = index == len(loc) - 1 and part != "[key]" and not str(part).startswith(("dict[", "tuple["))
        if in_file or last:
            path = (*path, part)
    if prefix and (*prefix, *path) in source.lines:
        return (*prefix, *path)
    return path


def _message(details: ErrorDetails, path: tuple[int | str, ...]) -> str:
    context = details.get("ctx", {})
    given = details.get("input")
    match details["type"]:
        case "extra_forbidden":
            return f"unknown field {path[-1]!r}{did_you_mean(str(path[-1]), _fields_at(path[:-1]))}"
        case "missing":
            return "is required and missing"
        case "literal_error" | "enum":
            return f"{given!r} is not possible here; write {context.get('expected')}"
        case "value_error":
            return str(context.get("error"))
        case "string_pattern_mismatch":
            return f"{given!r} is not possible here; {_form_at(path) or 'it must match ' + str(context.get('pattern'))}"
        case "dict_type" | "model_type":
            return f"must be a mapping, not {_kind(given)}; write {{}} or leave it out"
        case "tuple_type" | "list_type":
            return f"must be a list, not {_kind(given)}"
        case "string_type":
            return f"must be text, not {_kind(given)}; put it in quotes"
        case _:
            shown = f"{given!r}: " if isinstance(given, (int, float, str)) else ""
            return f"{shown}{details['msg'][0].lower()}{details['msg'][1:]}"


def _kind(value: Any) -> str:
    words: tuple[tuple[type[Any], str], ...] = (
        (bool, "true/false"),
        (int, "a number"),
        (float, "a number"),
        (dict, "a mapping"),
        (list, "a list"),
    )
    return next((word for kind, word in words if isinstance(value, kind)), "nothing")


def _form_at(path: tuple[int | str, ...]) -> str | None:
    """In words, the form of the names that may stand at ``path``."""
    match path:
        case ("project", "name"):
            return "write lower-case letters, digits and -, starting with a letter, at most 32 characters"
        case ("agents", _) | ("agents", _, "fallback"):
            return "an agent's name is lower-case letters, digits and _, starting with a letter, at most 40 characters"
        case ("stages", _):
            return "a stage's name is lower-case letters, digits and -, starting with a letter, at most 16 characters"
        case (*_, "region"):
            return "write an AWS region such as us-east-1"
        case _:
            return None


def _fields_at(path: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that the model at ``path`` has."""
    model: Any = ProjectConfig
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if _is_model(model) else None
        annotation = field.annotation if field else None
        candidates = [annotation, *_arguments(annotation)] if annotation else [model]
        model = next((found for found in candidates if _is_model(found)), model)
    return [info.alias or name for name, info in model.model_fields.items() if not info.exclude]


def _arguments(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for argument in getattr(annotation, "__args__", ()):
        found += [argument, *_arguments(argument)]
    return found


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


class ConfigLoader:
    """The seed's loader: ``ConfigLoader("agents.yaml")`` and what can be asked of it."""

    def __init__(self, path: str | Path = CONFIG_FILE, *, stage: str = LOCAL_STAGE) -> None:
        self.path = Path(path)
        self.loaded = load_config(self.path)
        self.stage = stage
        self.config = self.loaded.for_stage(stage)
        self._registry: AgentRegistry | None = None

    def with_infrastructure(self, blocks: Mapping[str, Any]) -> Self:
        """This loader, with the providers that a deployment made over those of agents.yaml.

        Raises:
            ConfigError: the blocks have another form than a deployment writes.
        """
        return self._with(with_infrastructure(self.config, blocks))

    def with_approvals_url(self, url: str | None) -> Self:
        """This loader, with links to the pages of approvals that a deployment made, unless agents.yaml names others."""
        return self._with(with_approvals_url(self.config, url))

    def _with(self, config: ProjectConfig) -> Self:
        changed = copy.copy(self)
        changed.config = config
        changed._registry = None
        return changed

    @property
    def project_dir(self) -> Path:
        """The folder of agents.yaml."""
        return (self.path if self.path.is_dir() else self.path.parent).resolve()

    def get_rules_engine(self) -> RulesEngine:
        """The rules of the project."""
        return RulesEngine(self.config.orchestration.selection_rules)

    def get_agent_registry(self) -> AgentRegistry:
        """The project's agents; their classes are imported when they are first asked for."""
        if self._registry is None:
            self._registry = AgentRegistry(self.config, project_dir=self.project_dir)
        return self._registry

    def get_project_name(self) -> str:
        """``project.name``."""
        return self.config.project.name
