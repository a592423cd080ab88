"""The models of ``llm`` in agents.yaml: which model the agents use, and how it is reached."""

from typing import Literal

from pydantic import Field

from agent_framework.config.config_model import ConfigModel, Seconds


class ModelPrice(ConfigModel):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class LLMSettings(ConfigModel):
    """Which model the agents use, and how it is reached."""

    provider: str = "bedrock"
    model: str = "us.amazon.nova-pro-v1:0"
    region: str | None = None
    fallback_model: str | None = None
    client: Literal["sdk", "chat", "litellm"] | None = None
    base_url: str | None = None
    api_key_env: str | None = Field(default=None, description="Name of the environment variable that holds the key.")
    max_output_tokens: int = Field(default=4096, ge=1, le=1_000_000)
    timeout: Seconds = Field(default=120.0, description="Seconds one model call may take.")
    prices: dict[str, ModelPrice] = Field(default_factory=dict[str, ModelPrice])


class LLMOverride(ConfigModel):
    """The parts of ``llm`` that one agent or stage does differently."""

    provider: str | None = None
    model: str | None = None
    region: str | None = None
    fallback_model: str | None = None
    client: Literal["sdk", "chat", "litellm"] | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    timeout: Seconds | None = None
    prices: dict[str, ModelPrice] | None = None

    def applied_to(self, base: LLMSettings) -> LLMSettings:
        """``base`` with what is given here; an explicit null takes a setting away where it may be missing."""
        given = self.model_dump(exclude_unset=True)
        optional = {name for name, field in LLMSettings.model_fields.items() if field.default is None}
        kept = {name: value for name, value in given.items() if value is not None or name in optional}
        return LLMSettings.model_validate(base.model_dump() | kept)
