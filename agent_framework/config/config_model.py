"""What the models of agents.yaml share: a base that is frozen, strict about unknown fields and silent about values in
errors, and kinds of values.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[a-z][a-z0-9_]{0,39}$"
AgentName = Annotated[str, Field(pattern=NAME, description="Lower-case letters, digits and _, at most 40 characters.")]
Seconds = Annotated[float, Field(gt=0, le=31_622_400)]


class ConfigModel(BaseModel):
    """Base of all models of the file.

    Each is built when it first validates (most only as a part of `ProjectConfig`), and defaults are constructed without
    validation: building all of them when they are imported would be a tenth of a function's cold start.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True, defer_build=True
    )
