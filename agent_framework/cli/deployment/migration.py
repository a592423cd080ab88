"""Bringing a deployed stage's database up to date: from here where it can be reached, else by the orchestrator.

DynamoDB and Aurora's Data API answer from anywhere. An RDS instance is in a VPC that this machine is not in, so the
orchestrator's function is asked: the event ``{"type": "migrate"}``.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from agent_framework._optional import require
from agent_framework.core.deployed import DeployedStage
from agent_framework.core.migration import migrate
from agent_framework.core.runtime import Project
from agent_framework.errors import DeploymentError
from agent_framework.infrastructure._aws import explain
from agent_framework.types import JSONDict, is_object

IN_A_VPC = "rds-postgres"
MIGRATE_EVENT: JSONDict = {"type": "migrate"}
_READ_TIMEOUT_S = 910
"""Above the longest that a function may run."""


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
    boto3 = require("boto3", extra="aws", needed_for="deploy")
    config = require("botocore.config", extra="aws", needed_for="deploy").Config(
        read_timeout=_READ_TIMEOUT_S, retries={"total_max_attempts": 1}
    )
    errors = require("botocore.exceptions", extra="aws", needed_for="deploy")
    function = deployed.functions[deployed.orchestrator]
    client = boto3.session.Session().client("lambda", region_name=deployed.region, config=config)
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(MIGRATE_EVENT).encode())
        told = answer["Payload"].read().decode("utf-8", "replace")
    except (errors.BotoCoreError, errors.ClientError) as exc:
        raise DeploymentError(f"the database was not migrated: {function}: {explain(exc)}") from exc
    finally:
        client.close()
    if answer.get("FunctionError") or not _is_ok(told):
        raise DeploymentError(
            f"the database was not migrated: {function} answered {told[:500]}; 'agent-framework logs --stage "
            f"{deployed.stage} --agent {deployed.orchestrator}' shows why. Then run deploy again"
        )


def _is_ok(told: str) -> bool:
    try:
        answer: Any = json.loads(told)
    except ValueError:
        return False
    return is_object(answer) and answer.get("ok") is True
