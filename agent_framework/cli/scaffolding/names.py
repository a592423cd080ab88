"""Names of projects and agents: what is allowed, and what they become in Python."""

import keyword
import re

from pydantic import TypeAdapter, ValidationError

from agent_framework.config.config_model import AgentName
from agent_framework.config.project_config import RESERVED_NAMES, ProjectInfo
from agent_framework.errors import ConfigError

MAX_DESCRIPTION = 200
_AGENT_NAME: TypeAdapter[str] = TypeAdapter(AgentName)
_YAML_WORDS = frozenset({"true", "false", "null", "none"})
_IMPORTED = frozenset({"AgentContext", "BaseAgent", "BaseModel", "OfflineTurn", "RunContextWrapper"})


def check_project_name(name: str) -> str:
    """``name`` if a project may be called so.

    Raises:
        ConfigError
    """
    try:
        accepted = ProjectInfo(name=name).name == name
    except ValidationError:
        accepted = False
    if not accepted:
        raise ConfigError(
            f"{name!r} cannot be a project's name: use lower-case letters, digits and -, starting with a letter, "
            "at most 32 characters"
        )
    return name


def check_agent_name(name: str) -> str:
    """``name`` if an agent may be called so; it becomes a Python package and a word in conditions.

    Raises:
        ConfigError
    """
    try:
        _AGENT_NAME.validate_python(name)
    except ValidationError as exc:
        raise ConfigError(
            f"{name!r} cannot be an agent's name: use lower-case letters, digits and _, starting with a letter, "
            "at most 40 characters"
        ) from exc
    if name in RESERVED_NAMES:
        raise ConfigError(f"{name!r} cannot be an agent's name: conditions use this word for something else")
    if keyword.iskeyword(name) or name in _YAML_WORDS:
        raise ConfigError(f"{name!r} cannot be an agent's name: it is a word of Python or of YAML")
    return name


def check_description(text: str) -> str:
    """A description as one trimmed line.

    Raises:
        ConfigError: it is empty, too long, or has characters that cannot be printed on one line.
    """
    text = text.strip()
    if not text or len(text) > MAX_DESCRIPTION or not text.isprintable():
        raise ConfigError(f"the description must be one line of 1 to {MAX_DESCRIPTION} characters")
    return text


def class_name(agent: str) -> str:
    """``trend_analyzer`` -> ``TrendAnalyzer``; never a name that the generated module imports."""
    made = "".join(word[:1].upper() + word[1:] for word in re.split("_+", agent))
    return f"{made}Agent" if made in _IMPORTED else made
