"""What a tool tells of a call's effect before anybody approves it."""

import inspect
import logging
from typing import Any

from agents import Agent
from pydantic_core import to_jsonable_python

from agent_framework.infrastructure.llm.tools import Ours
from agent_framework.observability.redaction import masked
from agent_framework.types import JSONDict

logger = logging.getLogger(__name__)


async def preview_of(agent: Any, tool: str, arguments: JSONDict) -> Any:
    """The preview of a call as JSON; None where the tool has none, or says why it could not make one."""
    tools = agent.tools if isinstance(agent, Agent) else ()
    ours = next((Ours.of(found) for found in tools if getattr(found, "name", None) == tool), None)
    if ours is None or ours.declared.preview is None:
        return None
    try:
        made = ours.declared.preview(**arguments)
        return masked(to_jsonable_python(await made if inspect.isawaitable(made) else made, fallback=str))
    except Exception as exc:  # a preview is help for a person; the question is asked without it
        logger.warning("the preview of %s failed: %s", tool, exc, exc_info=exc)
        return {"preview_failed": type(exc).__name__}
