"""The base of the models of agents.yaml: frozen, strict about unknown fields, silent about values in errors."""

from pydantic import BaseModel, ConfigDict


class ConfigModel(BaseModel):
    """Base of all models of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
