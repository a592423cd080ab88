"""Models: what an agent's ``llm`` settings become.

Importing this package loads neither the Agents SDK nor any provider's library; the names below are resolved when they
are first used.
"""

from typing import TYPE_CHECKING

from agent_framework._later import import_later
from agent_framework._lazy import lazy
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

if TYPE_CHECKING:
    from agent_framework.infrastructure.llm.clients import close_clients
    from agent_framework.infrastructure.llm.fallback import FallbackModel
    from agent_framework.infrastructure.llm.offline import OfflineModel
    from agent_framework.infrastructure.llm.pricing import cost_usd, is_priced
    from agent_framework.infrastructure.llm.replay import ReplayModel

_LAZY = {
    "FallbackModel": "fallback",
    "OfflineModel": "offline",
    "ReplayModel": "replay",
    "close_clients": "clients",
    "cost_usd": "pricing",
    "is_priced": "pricing",
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

__getattr__ = lazy(__name__, {name: f"{__name__}.{module}" for name, module in _LAZY.items()})
