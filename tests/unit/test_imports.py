"""What importing loads: nothing heavy before it is used."""

import gc
import subprocess
import sys

import pytest

from agent_framework._lazy import load

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
    "agent_framework.infrastructure.llm.pricing",
    "agent_framework.core.base_agent",
    "agent_framework.core.agent_runner",
    "agent_framework.core.budget",
    "agent_framework.core.sessions",
    "agent_framework.core.effects",
)
ITS_FIRST_EVENT_NEEDS_NOT = (
    "dotenv",
    "agent_framework.core.approval_page",
    "agent_framework.core.approvals",
    "agent_framework.core.circuit_guard",
    "agent_framework.core.durable_role",
    "agent_framework.core.effect_review",
    "agent_framework.core.follow",
    "agent_framework.core.lambda_worker",
    "agent_framework.core.migration",
    "agent_framework.core.preview",
    "agent_framework.core.result_cache",
)


def test_the_orchestrators_handler_is_made_without_what_only_agents_or_rare_events_need():
    code = (
        "import sys; from agent_framework import orchestrator_handler; orchestrator_handler('planner'); "
        f"print([m for m in {ORCHESTRATOR_NEEDS_NOT + ITS_FIRST_EVENT_NEEDS_NOT!r} if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_no_garbage_is_collected_while_a_name_is_imported_and_afterwards_it_is_as_before(tmp_path, monkeypatch):
    (tmp_path / "asks_the_collector.py").write_text("import gc\nis_on = gc.isenabled()\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load("asks_the_collector").is_on is False
    assert gc.isenabled()


def test_every_public_name_is_there():
    import agent_framework

    for name in agent_framework.__all__:
        assert getattr(agent_framework, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    import agent_framework

    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = agent_framework.nope
