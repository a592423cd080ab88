"""A deployed stage as the project's folder knows it, and its providers over those of agents.yaml."""

from pathlib import Path

import pytest

from agent_framework import Project
from agent_framework.config.deployed import with_infrastructure
from agent_framework.config.loader import load_config_text
from agent_framework.core.deployed import DeployedStage, stage_file
from agent_framework.errors import ConfigError, ProjectError

YAML = """
project: {name: shop}
agents: {writer: {}}
infrastructure:
  database: {provider: dynamodb, config: {point_in_time_recovery: true}}
  storage: {provider: "my.stores:Store", config: {place: here}}
"""
STAGE = DeployedStage(
    stage="dev",
    project="shop",
    account="123456789012",
    region="eu-central-1",
    orchestrator="chief",
    infrastructure={
        "database": {"provider": "dynamodb", "config": {"table_name": "shop-dev-jobs"}},
        "queue": {"provider": "sqs", "config": {"url": "https://sqs/shop-dev-jobs", "dead_letter_url": None}},
        "storage": {"provider": "external", "config": {}},
    },
)


def test_a_deployed_block_replaces_the_one_of_agents_yaml() -> None:
    config = with_infrastructure(load_config_text(YAML).for_stage("dev"), STAGE.infrastructure)
    assert config.infrastructure.database.config == {"table_name": "shop-dev-jobs"}
    assert config.infrastructure.queue.config == {"url": "https://sqs/shop-dev-jobs"}


def test_an_external_provider_stays_as_agents_yaml_has_it() -> None:
    config = with_infrastructure(load_config_text(YAML).for_stage("dev"), STAGE.infrastructure)
    assert config.infrastructure.storage.config == {"place": "here"}


@pytest.mark.parametrize(
    "blocks", [{"databases": {}}, {"database": "dynamodb"}, {"queue": {"config": {}}}, {"queue": {"provider": 1}}]
)
def test_blocks_of_another_form_are_refused(blocks: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="deployed infrastructure: "):
        with_infrastructure(load_config_text(YAML).for_stage("dev"), blocks)


URL = "https://abc.lambda-url.eu-central-1.on.aws/"


def test_links_lead_to_the_pages_that_the_deployment_made(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("project: {name: shop}\nagents: {writer: {}}\n")
    told = {kind: {"provider": name} for kind, name in (("database", "sqlite"), ("storage", "local"))}
    in_lambda = Project.open(tmp_path, stage="dev", infrastructure=told, environ={"AGENT_FRAMEWORK_APPROVALS_URL": URL})
    assert in_lambda.config.approvals.url == URL
    assert Project.open(tmp_path, stage="dev", infrastructure=told, environ={}).config.approvals.url is None
    told = {**STAGE.infrastructure, "storage": {"provider": "s3", "config": {"bucket": "b"}}}
    STAGE.model_copy(update={"approvals_url": URL, "infrastructure": told}).write(tmp_path)
    assert Project.open(tmp_path, stage="dev", environ={}).config.approvals.url == URL


def test_an_address_in_agents_yaml_stands_before_the_pages_of_the_deployment(tmp_path: Path) -> None:
    text = "project: {name: shop}\nagents: {writer: {}}\napprovals: {url: https://shop.example.com}\n"
    (tmp_path / "agents.yaml").write_text(text)
    project = Project.open(tmp_path, environ={"AGENT_FRAMEWORK_APPROVALS_URL": URL})
    assert project.config.approvals.url == "https://shop.example.com"


def test_a_project_opened_for_a_deployed_stage_has_its_providers(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text(YAML.replace('"my.stores:Store", config: {place: here}', "s3"))
    STAGE.model_copy(
        update={"infrastructure": {**STAGE.infrastructure, "storage": {"provider": "s3", "config": {"bucket": "b"}}}}
    ).write(tmp_path)
    project = Project.open(tmp_path, stage="dev", environ={})
    chosen = project.config.infrastructure
    assert chosen.database.config == {"region": "eu-central-1", "table_name": "shop-dev-jobs"}
    assert chosen.storage.config == {"region": "eu-central-1", "bucket": "b"}


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    assert DeployedStage.read(tmp_path, "dev") is None
    assert STAGE.write(tmp_path) == stage_file(tmp_path, "dev")
    assert DeployedStage.read(tmp_path, "dev") == STAGE
    assert [path.name for path in stage_file(tmp_path, "dev").parent.iterdir()] == ["dev.json"]


def test_a_damaged_file_names_the_command_that_writes_it_anew(tmp_path: Path) -> None:
    path = STAGE.write(tmp_path)
    path.write_text("{")
    with pytest.raises(ProjectError, match="agent-framework deploy --stage dev"):
        DeployedStage.read(tmp_path, "dev")
