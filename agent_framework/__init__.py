"""Multi-agent systems on AWS from one agents.yaml.

Everything public is here; nothing is loaded before it is used, least of all the Agents SDK.
"""

from typing import TYPE_CHECKING

from agent_framework._lazy import lazy

if TYPE_CHECKING:
    from agent_framework.config.agent_config import AgentConfig
    from agent_framework.config.loader import ConfigLoader
    from agent_framework.config.registry import AgentRegistry, agent, registry
    from agent_framework.config.rules_engine import RulesEngine
    from agent_framework.core.base_agent import AgentContext, BaseAgent
    from agent_framework.core.base_handler import BaseHandler, orchestrator_handler, worker_handler
    from agent_framework.core.job_manager import JobManager
    from agent_framework.core.models import ModelChoice
    from agent_framework.core.orchestrator import DynamicOrchestrator, ExecutionStep
    from agent_framework.core.runtime import Project
    from agent_framework.errors import AgentFrameworkError, ConfigError, NotWritten, RetryableError, SkipAgent
    from agent_framework.infrastructure.database import DatabaseFactory, DatabaseProvider, DatabaseType
    from agent_framework.infrastructure.llm.base import OfflineTurn
    from agent_framework.infrastructure.llm.tools import tool
    from agent_framework.types import Job, JobStatus

_NAMES = {
    "AgentConfig": "agent_framework.config.agent_config",
    "AgentContext": "agent_framework.core.base_agent",
    "AgentFrameworkError": "agent_framework.errors",
    "AgentRegistry": "agent_framework.config.registry",
    "BaseAgent": "agent_framework.core.base_agent",
    "BaseHandler": "agent_framework.core.base_handler",
    "ConfigError": "agent_framework.errors",
    "ConfigLoader": "agent_framework.config.loader",
    "DatabaseFactory": "agent_framework.infrastructure.database",
    "DatabaseProvider": "agent_framework.infrastructure.database",
    "DatabaseType": "agent_framework.infrastructure.database",
    "DynamicOrchestrator": "agent_framework.core.orchestrator",
    "ExecutionStep": "agent_framework.core.orchestrator",
    "Job": "agent_framework.types",
    "JobManager": "agent_framework.core.job_manager",
    "JobStatus": "agent_framework.types",
    "ModelChoice": "agent_framework.core.models",
    "NotWritten": "agent_framework.errors",
    "OfflineTurn": "agent_framework.infrastructure.llm.base",
    "Project": "agent_framework.core.runtime",
    "RetryableError": "agent_framework.errors",
    "RulesEngine": "agent_framework.config.rules_engine",
    "SkipAgent": "agent_framework.errors",
    "agent": "agent_framework.config.registry",
    "orchestrator_handler": "agent_framework.core.base_handler",
    "registry": "agent_framework.config.registry",
    "tool": "agent_framework.infrastructure.llm.tools",
    "worker_handler": "agent_framework.core.base_handler",
}

__all__ = [
    "AgentConfig",
    "AgentContext",
    "AgentFrameworkError",
    "AgentRegistry",
    "BaseAgent",
    "BaseHandler",
    "ConfigError",
    "ConfigLoader",
    "DatabaseFactory",
    "DatabaseProvider",
    "DatabaseType",
    "DynamicOrchestrator",
    "ExecutionStep",
    "Job",
    "JobManager",
    "JobStatus",
    "ModelChoice",
    "NotWritten",
    "OfflineTurn",
    "Project",
    "RetryableError",
    "RulesEngine",
    "SkipAgent",
    "agent",
    "orchestrator_handler",
    "registry",
    "tool",
    "worker_handler",
]
__version__ = "0.1.0"
__getattr__ = lazy(__name__, _NAMES)
