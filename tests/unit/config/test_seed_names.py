"""The seed's public names of configuration and registry, each used as the seed's samples use it."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from agent_framework import (
    AgentConfig,
    AgentRegistry,
    BaseAgent,
    ConfigError,
    ConfigLoader,
    DatabaseFactory,
    DatabaseType,
    JobStatus,
    Project,
    RulesEngine,
    agent,
    registry,
)
from tests.support.projects import write_agent_file, yaml_of

SAMPLES = Path(__file__).parent / "samples"
RULES: list[dict[str, Any]] = [
    {
        "name": "financial",
        "condition": "input.data_type == 'financial'",
        "agents": [{"sequential": ["clean", "check"]}],
    },
    {"name": "big", "condition": "input.rows > 10", "agents": [{"parallel": ["a", "b"]}], "else": ["full"]},
    {"name": "final", "condition": "always", "agents": ["report"]},
]


def worker(name: str, **more: Any) -> AgentConfig:
    return AgentConfig(name=name, type="worker", timeout=300, memory=1024, tools=[], dependencies={}, **more)


def test_an_agent_config_takes_the_flat_form_and_reads_back_flat() -> None:
    config = AgentConfig(
        name="data_cleaner",
        type="worker",
        timeout=301,
        memory=1025,
        tools=["validate_schema"],
        dependencies={"database": "read-write"},
        output_field="cleaned_data",
    )
    assert (config.name, config.type, config.timeout, config.memory) == ("data_cleaner", "worker", 301, 1025)
    assert (config.tools, config.dependencies.database, config.output_field) == (
        ["validate_schema"],
        "read-write",
        "cleaned_data",
    )


def test_the_registry_keeps_what_is_registered() -> None:
    mine = AgentRegistry()
    mine.register("cleaner", dict, worker("cleaner"))
    mine.register("planner", list, AgentConfig(name="planner", type="orchestrator"))
    assert mine.get_agent("cleaner") is dict
    assert mine.get_agent("nobody") is None
    assert mine.get_config("planner") == AgentConfig(name="planner", type="orchestrator")
    assert mine.get_config("nobody") is None
    assert mine.list_agents() == ["cleaner", "planner"]
    assert mine.list_agents(agent_type="worker") == ["cleaner"]
    assert mine.list_agents("orchestrator") == ["planner"]


def test_a_registry_without_rules_offers_all_workers_in_parallel() -> None:
    mine = AgentRegistry()
    for name in ("a", "b"):
        mine.register(name, dict, worker(name))
    assert mine.get_available_agents({"anything": 1}) == ["a", "b"]
    assert mine.create_orchestration_plan({"anything": 1}) == [{"type": "parallel", "agents": ["a", "b"]}]


def test_a_projects_registry_plans_by_its_rules() -> None:
    mine = ConfigLoader(SAMPLES / "sales-analytics.yaml").get_agent_registry()
    assert mine.create_orchestration_plan({"analysis_type": "full"}) == [
        {"type": "sequential", "agents": ["data_cleaner"]},
        {"type": "parallel", "agents": ["trend_analyzer", "forecast_agent"]},
        {"type": "sequential", "agents": ["insight_reporter"]},
    ]
    quick = ["data_cleaner", "trend_analyzer", "insight_reporter"]
    assert mine.get_available_agents({"analysis_type": "quick"}) == quick
    assert mine.get_available_agents({"input": {"analysis_type": "quick"}}) == quick
    assert mine.create_orchestration_plan({"analysis_type": "none"}) == []


def test_the_rules_engine_evaluates_and_plans() -> None:
    engine = RulesEngine(RULES)
    context = {"input": {"data_type": "financial", "rows": 3}, "prev_step": {}}
    assert engine.evaluate_condition("input.data_type == 'financial'", context)
    assert engine.evaluate_condition("always", {})
    assert not engine.evaluate_condition("prev_step.confidence < 0.7", context)
    assert engine.create_plan(context) == [
        {"type": "sequential", "agents": ["clean", "check"]},
        {"type": "sequential", "agents": ["full"]},
        {"type": "sequential", "agents": ["report"]},
    ]
    assert engine.create_plan({"input": {"rows": 11}})[0] == {"type": "parallel", "agents": ["a", "b"]}
    with pytest.raises(ConfigError):
        engine.evaluate_condition("__import__('os')", context)


def test_the_finance_rules_plan_what_always_means() -> None:
    engine = ConfigLoader(SAMPLES / "alex-finance.yaml").get_rules_engine()
    assert engine.create_plan({"input": {}}) == [
        {"type": "sequential", "agents": ["tagger"]},
        {"type": "parallel", "agents": ["reporter", "charter", "retirement"]},
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"condition": "input.a = 1", "agents": ["a"]},
        {"agents": [{"sequential": ["a"], "parallel": ["b"]}]},
        {"agents": 3},
        {"agents": ["a"], "unknown": 1},
        {"when": "never"},
    ],
)
def test_a_wrong_rule_is_refused_when_the_engine_is_made(rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="rule"):
        RulesEngine([rule])


def test_the_loader_answers_what_the_seed_asks() -> None:
    loader = ConfigLoader(str(SAMPLES / "alex-finance.yaml"))
    assert loader.get_project_name() == "alex-finance"
    assert loader.get_agent_registry() is loader.get_agent_registry()
    assert [rule.name for rule in loader.get_rules_engine().rules] == ["standard_portfolio_analysis"]


def test_job_status_reads_the_older_words() -> None:
    assert JobStatus("processing") is JobStatus.RUNNING
    assert JobStatus("error") is JobStatus.FAILED
    assert [JobStatus(word).value for word in ("pending", "running", "completed", "failed")] == [
        "pending", "running", "completed", "failed",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="done"):
        JobStatus("done")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("aurora-serverless-v2", DatabaseType.AURORA),
        ("aurora", DatabaseType.AURORA),
        ("rds-postgres", DatabaseType.RDS_POSTGRES),
        ("postgres", DatabaseType.RDS_POSTGRES),
        ("postgresql", DatabaseType.RDS_POSTGRES),
        ("dynamodb", DatabaseType.DYNAMODB),
        ("sqlite", DatabaseType.SQLITE),
    ],
)
def test_database_types_read_names_and_aliases(word: str, kind: DatabaseType) -> None:
    assert DatabaseType(word) is kind


def test_an_unknown_database_type_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="oracle"):
        DatabaseType("oracle")


def test_the_factory_makes_a_database_by_type_or_name(tmp_path: Path) -> None:
    async def works(db: Any) -> str:
        async with db:
            return await db.create_job("ann", "default", {})

    for index, kind in enumerate((DatabaseType.SQLITE, "sqlite")):
        db = DatabaseFactory.create(kind, {"path": f"{index}.sqlite"}, root=tmp_path)
        assert asyncio.run(works(db))
    own = DatabaseFactory.create(
        "agent_framework.infrastructure.database.sqlite:SqliteDatabase", {"path": "own.sqlite"}, root=tmp_path
    )
    assert asyncio.run(works(own))


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("sqllite", {}, "did you mean 'sqlite'"),
        ("sqlite", {"file": "x"}, "file: extra inputs are not permitted.*fields: path"),
        ("sqlite", {"path": 3}, "path: "),
        ("aurora", {}, "aurora"),
        (DatabaseType.DYNAMODB, {"tabel": "x"}, "dynamodb"),
    ],
)
def test_what_the_factory_cannot_make_is_a_config_error(name: Any, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DatabaseFactory.create(name, config)


def test_the_decorator_works_as_in_the_seeds_sample() -> None:
    name = f"data_cleaner_{uuid.uuid4().hex[:6]}"

    @agent(
        name=name,
        config={
            "type": "worker",
            "timeout": 300,
            "memory": 1024,
            "tools": ["validate_schema"],
            "dependencies": {"database": "read-write"},
            "output_field": "cleaned_data",
        },
    )
    class DataCleanerAgent(BaseAgent):
        async def run(self, job_id: str) -> dict[str, Any]:
            return {"job": job_id}

    assert registry.get_agent(name) is DataCleanerAgent
    config = registry.get_config(name)
    assert config is not None
    assert (config.timeout, config.tools, config.output_field) == (300, ["validate_schema"], "cleaned_data")


@pytest.mark.parametrize(
    ("name", "config"), [("Bad Name", None), ("x", {"timeout": 1200}), ("x", {"type": "boss"}), ("x", {"tool": []})]
)
def test_the_decorator_refuses_what_agents_yaml_would_refuse(name: str, config: dict[str, Any] | None) -> None:
    with pytest.raises(ConfigError, match="@agent"):
        agent(name, config)


def test_the_sample_agent_runs_in_a_project(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text(yaml_of({"data_cleaner": {}}), "utf-8")
    write_agent_file(
        tmp_path,
        "data_cleaner",
        """
        from agent_framework import BaseAgent, agent

        @agent(name="data_cleaner", config={"type": "worker", "timeout": 300, "memory": 1024,
               "tools": ["validate_schema"], "dependencies": {"database": "read-write"}, "output_field": "cleaned"})
        class DataCleanerAgent(BaseAgent):
            async def run(self, job_id: str):
                job = await self.db.get_job(job_id)
                return {"rows": len(job["request_payload"]["rows"])}
        """,
    )

    async def go() -> Any:
        async with Project.open(tmp_path, environ={}) as project:
            return await project.run({"rows": [1, 2, 3]})

    job = asyncio.run(go())
    assert (job.status, job["agent_results"]) == (JobStatus.COMPLETED, {"data_cleaner": {"rows": 3}})
