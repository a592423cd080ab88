"""The base of the models of agents.yaml: frozen, strict about unknown fields, silent about values in errors."""

from pydantic import BaseModel, ConfigDict


class ConfigModel(BaseModel):
    """Base of all models of the file.

    Each is built when it first validates (most only as a part of `ProjectConfig`), and defaults are constructed without
    validation: building all of them when they are imported would be a tenth of a function's cold start.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True, defer_build=True
    )
