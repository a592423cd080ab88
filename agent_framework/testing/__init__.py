"""Help for tests of projects: scripted models, and a pytest plugin with the fixture ``offline_project``.

The plugin is active wherever the package is installed; nothing of pytest or the Agents SDK is loaded before it is used.
"""

from typing import TYPE_CHECKING

from agent_framework._lazy import lazy

if TYPE_CHECKING:
    from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call

__all__ = ["ModelStep", "ScriptedModel", "assistant_message", "function_call"]

__getattr__ = lazy(__name__, dict.fromkeys(__all__, "agents.testing"))
