"""What importing loads: nothing heavy before it is used."""

import subprocess
import sys

import pytest

HEAVY = (
    "agents",
    "litellm",
    "boto3",
    "botocore",
    "click",
    "rich",
    "openai",
    "langfuse",
    "opentelemetry",
    "pandas",
    "aws_durable_execution_sdk_python",
)


@pytest.mark.parametrize(
    "module",
    [
        "agent_framework",
        "agent_framework.core.base_handler",
        "agent_framework.core.durable_handler",
        "agent_framework.core.plan",
        "agent_framework.core.orchestrator",
        "agent_framework.core.runtime",
        "agent_framework.infrastructure.llm",
        "agent_framework.observability",
        "agent_framework.testing",
    ],
)
def test_importing_loads_no_sdk_and_no_command_line(module):
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


ORCHESTRATOR_NEEDS_NOT = (
    *HEAVY,
    "psycopg",
    "mcp",
    "httpx",
    "numpy",
    "sqlalchemy",
    "tiktoken",
    "jinja2",
    "agent_framework.cli",
    "agent_framework.testing",
    "agent_framework.infrastructure.llm.runner",
    "agent_framework.infrastructure.llm.tools",
)


def test_the_orchestrators_handler_is_made_without_what_only_agents_need():
    code = (
        "import sys; from agent_framework import orchestrator_handler; orchestrator_handler('planner'); "
        f"print([m for m in {ORCHESTRATOR_NEEDS_NOT!r} if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_public_name_is_there():
    import agent_framework

    for name in agent_framework.__all__:
        assert getattr(agent_framework, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    import agent_framework

    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = agent_framework.nope
