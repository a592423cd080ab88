"""What a deployment decided, over what agents.yaml says: pure functions on configurations."""

from collections.abc import Mapping
from typing import Any

from agent_framework.config.project_config import Infrastructure, ProjectConfig, ProviderSettings
from agent_framework.errors import ConfigError
from agent_framework.types import is_object

INFRASTRUCTURE_VARIABLE = "AGENT_FRAMEWORK_INFRASTRUCTURE"
"""The environment variable in which a deployed function finds the blocks, as JSON."""

APPROVALS_URL_VARIABLE = "AGENT_FRAMEWORK_APPROVALS_URL"
"""The environment variable in which a deployed function finds the address of the pages of approvals."""

EXTERNAL = "external"
"""The provider of what the deployment neither makes nor grants nor knows: agents.yaml's own block stays."""


def with_infrastructure(config: ProjectConfig, blocks: Mapping[str, Any]) -> ProjectConfig:
    """``config`` with the deployed providers: ``{"database": {"provider": ..., "config": {...}}, "queue": ...}``.

    Each block replaces the one of agents.yaml, whose fields may be meant for Terraform; one that is missing, or
    external, leaves it as it is.

    Raises:
        ConfigError: a block has another form.
    """
    kinds = Infrastructure.model_fields
    unknown = sorted(blocks.keys() - kinds)
    if unknown:
        raise ConfigError(f"deployed infrastructure: unknown block {', '.join(unknown)}; blocks: {', '.join(kinds)}")
    deployed = {
        kind: settings for kind, block in blocks.items() if (settings := _settings(kind, block)).provider != EXTERNAL
    }
    return config.model_copy(update={"infrastructure": config.infrastructure.model_copy(update=deployed)})


def with_approvals_url(config: ProjectConfig, url: str | None) -> ProjectConfig:
    """``config`` with links that lead to ``url``, unless agents.yaml names an address of its own."""
    if not url or config.approvals.url is not None:
        return config
    return config.model_copy(update={"approvals": config.approvals.model_copy(update={"url": url})})


def _settings(kind: str, block: Any) -> ProviderSettings:
    if not is_object(block) or not isinstance(block.get("provider"), str) or not is_object(block.get("config", {})):
        raise ConfigError(f"deployed infrastructure: {kind} must be {{'provider': ..., 'config': {{...}}}}")
    given = {name: value for name, value in block.get("config", {}).items() if value is not None}
    return ProviderSettings(provider=block["provider"], config=given)
