"""Bringing a deployed stage's database up to date: from here where it can be reached, else by the orchestrator.

DynamoDB and Aurora's Data API answer from anywhere. An RDS instance is in a VPC that this machine is not in, so the
orchestrator's function is asked: the event ``{"type": "migrate"}``.
"""

import asyncio
from pathlib import Path

from agent_framework.config.agent_config import LAMBDA_MAX_TIMEOUT_S
from agent_framework.core.deployed import DeployedStage
from agent_framework.core.migration import migrate
from agent_framework.core.runtime import Project
from agent_framework.errors import AgentError, DeploymentError, ProviderError
from agent_framework.infrastructure.compute.aws_lambda import LambdaInvoker
from agent_framework.types import JSONDict

IN_A_VPC = "rds-postgres"
MIGRATE_EVENT: JSONDict = {"type": "migrate"}


def migrate_stage(project_dir: Path, deployed: DeployedStage) -> str:
    """Migrate, and say in a few words what was done.

    Raises:
        ProviderError, DeploymentError: it did not work; the same command may be run again.
    """
    if deployed.infrastructure["database"]["provider"] == IN_A_VPC:
        _by_function(deployed)
        return f"migrated by the function {deployed.functions[deployed.orchestrator]}"
    return asyncio.run(_from_here(project_dir, deployed.stage))


async def _from_here(project_dir: Path, stage: str) -> str:
    project = Project.open(project_dir, stage=stage)
    try:
        done = await migrate(project)
    finally:
        await project.close()
    changed = "is up to date" if done.before == done.after.current else f"migrated from version {done.before}"
    return f"{project.db.name} {changed}, schema version {done.after.current}"


def _by_function(deployed: DeployedStage) -> None:
    function = deployed.functions[deployed.orchestrator]
    try:
        asyncio.run(_invoke(function, deployed.region))
    except (AgentError, ProviderError) as exc:
        raise DeploymentError(
            f"the database was not migrated: {exc}; 'agent-framework logs --stage {deployed.stage} --agent "
            f"{deployed.orchestrator}' shows why. Then run deploy again"
        ) from exc


async def _invoke(function: str, region: str) -> None:
    invoker = LambdaInvoker(timeout_s=LAMBDA_MAX_TIMEOUT_S, region=region)
    try:
        await invoker.invoke(function, MIGRATE_EVENT)
    finally:
        await invoker.close()
