"""Models: what an agent's ``llm`` settings become.

Importing this package loads neither the Agents SDK nor any provider's library; the names below are resolved when they
are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agent_framework._later import import_later
from agent_framework.infrastructure.llm.base import (
    DEFAULT_MAX_OUTPUT_TOKENS,
    FINAL_RESULT_TOOL,
    WORKER_TOOL_PREFIX,
    Meter,
    ModelSpec,
    OfflineTurn,
    Price,
    build_model,
)
from agent_framework.infrastructure.llm.pricing import cost_usd, is_priced

if TYPE_CHECKING:
    from agent_framework.infrastructure.llm.clients import close_clients
    from agent_framework.infrastructure.llm.fallback import FallbackModel
    from agent_framework.infrastructure.llm.offline import OfflineModel
    from agent_framework.infrastructure.llm.replay import ReplayModel

_LAZY = {
    "FallbackModel": "fallback",
    "OfflineModel": "offline",
    "ReplayModel": "replay",
    "close_clients": "clients",
}

__all__ = [
    "DEFAULT_MAX_OUTPUT_TOKENS",
    "FINAL_RESULT_TOOL",
    "WORKER_TOOL_PREFIX",
    "FallbackModel",
    "Meter",
    "ModelSpec",
    "OfflineModel",
    "OfflineTurn",
    "Price",
    "ReplayModel",
    "build_model",
    "close_clients",
    "cost_usd",
    "is_priced",
]

import_later("agents.mcp", stand_ins=["MCPUtil"])  # 40 % of the SDK's import, and only agents with MCP servers use it


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
