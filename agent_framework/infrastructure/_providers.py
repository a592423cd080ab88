"""From a provider's name in agents.yaml to its class: one table a kind, aliases, dotted paths, no if/elif chains."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from agent_framework.errors import ConfigError, ProjectError


@dataclass(frozen=True, slots=True)
class ProviderTable:
    """The providers of one kind: ``targets`` are ``module:Class``, each class with ``from_config(config, root)``."""

    kind: str
    targets: Mapping[str, str]
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])

    def names(self) -> list[str]:
        """Names that agents.yaml may use, without dotted paths."""
        return sorted(self.targets)

    def canonical(self, name: str) -> str:
        """The provider's own name for a name or alias.

        Raises:
            ConfigError: there is no such provider.
        """
        name = self.aliases.get(name, name)
        if name in self.targets or ":" in name:
            return name
        from difflib import get_close_matches

        known = sorted({*self.targets, *self.aliases})
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(
            f"unknown {self.kind} provider {name!r}{hint} Known: {', '.join(self.names())}, "
            "or a dotted path such as my_package.stores:MyProvider"
        )

    def target(self, name: str) -> Any:
        """The object that ``name`` stands for, imported now.

        Raises:
            ConfigError: unknown.
            ProjectError: a dotted path that leads nowhere.
        """
        name = self.canonical(name)
        path = self.targets.get(name, name)
        module_name, _, attribute = path.partition(":")
        try:
            return getattr(importlib.import_module(module_name), attribute)
        except (ImportError, AttributeError) as exc:
            raise ProjectError(f"{self.kind} provider {name!r} cannot be loaded: {exc}") from exc


def validated(model: type[BaseModel], config: Mapping[str, Any], *, what: str) -> Any:
    """``config`` as the provider's own configuration model.

    Raises:
        ConfigError: naming each wrong field of ``what``.
    """
    try:
        return model.model_validate(dict(config))
    except ValidationError as exc:
        fields = ", ".join(model.model_fields)
        wrong = "; ".join(_told(details["loc"], details["msg"]) for details in exc.errors(include_url=False))
        raise ConfigError(f"{what}: {wrong} (fields: {fields})") from None  # pydantic's words repeat values


def _told(path: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, path))}: {message[0].lower()}{message[1:]}" if path else message
