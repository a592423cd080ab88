"""How a deployed stage is: its functions, what feeds them, the queue, the jobs. Each part is asked for by itself.

A part that cannot be read says why instead of hiding the others: an RDS instance, for one, is not reached from here.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from agent_framework.cli.deployment.aws import Aws
from agent_framework.core.deployed import DeployedStage
from agent_framework.core.runtime import Project
from agent_framework.errors import AgentFrameworkError
from agent_framework.types import JSONDict

T = TypeVar("T")
RECENT_JOBS = 100
ERRORS_HOURS = 24


def stage_status(project: Path, deployed: DeployedStage, aws: Aws) -> JSONDict:
    """Everything that is known of the stage now; parts that cannot be read are ``{"unknown": <why>}``."""
    functions = {
        agent: _or_why(lambda name=name: _function(aws, name)) for agent, name in sorted(deployed.functions.items())
    }
    return {
        "stage": deployed.stage,
        "project": deployed.project,
        "account": deployed.account,
        "region": deployed.region,
        "deployed_at": deployed.deployed_at,
        "approvals_url": deployed.approvals_url,
        "functions": functions,
        "event_source": _or_why(lambda: _event_source(aws, deployed)),
        "queue": _or_why(lambda: asyncio.run(_queue(project, deployed.stage))),
        "jobs": _or_why(lambda: asyncio.run(_jobs(project, deployed.stage))),
    }


def is_healthy(status: JSONDict) -> bool:
    """Everything could be read, runs, and there are no dead letters."""
    parts = [*status["functions"].values(), status["event_source"], status["queue"], status["jobs"]]
    running = all(item.get("state") == "Active" for item in status["functions"].values())
    fed = status["event_source"].get("state") == "Enabled"
    return not any("unknown" in part for part in parts) and running and fed and not status["queue"]["dead_letters"]


def _or_why(ask: Callable[[], JSONDict]) -> JSONDict:
    try:
        return ask()
    except AgentFrameworkError as exc:
        return {"unknown": str(exc)}


def _function(aws: Aws, name: str) -> JSONDict:
    found = aws.call("lambda", "get_function_configuration", FunctionName=name)
    return {
        "function": name,
        "state": found.get("State", "Active"),
        "last_update": found.get("LastUpdateStatus"),
        "last_modified": found.get("LastModified"),
        "code_sha256": found.get("CodeSha256"),
        "errors_24h": _errors(aws, name),
    }


def _errors(aws: Aws, function: str) -> int | None:
    """Errors of the last day, as CloudWatch counted them; None where it has no numbers."""
    now = datetime.now(UTC)
    answer = aws.call(
        "cloudwatch",
        "get_metric_statistics",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=now - timedelta(hours=ERRORS_HOURS),
        EndTime=now,
        Period=3600,
        Statistics=["Sum"],
    )
    points: Iterable[dict[str, Any]] = answer.get("Datapoints", ())
    values = [float(point["Sum"]) for point in points]
    return int(sum(values)) if values else None


def _event_source(aws: Aws, deployed: DeployedStage) -> JSONDict:
    """What brings the queue's messages to the orchestrator's function."""
    ends = f":{deployed.functions.get(deployed.orchestrator)}"
    found = aws.call("lambda", "list_event_source_mappings", EventSourceArn=deployed.queue_arn)["EventSourceMappings"]
    ours = [item for item in found if str(item["FunctionArn"]).endswith(ends)]
    if not ours:
        return {"state": "missing", "last_result": None}
    return {"state": ours[0].get("State"), "last_result": ours[0].get("LastProcessingResult")}


async def _queue(project: Path, stage: str) -> JSONDict:
    opened = Project.open(project, stage=stage)
    try:
        depth = await opened.queue.approximate_depth()
        dead = await opened.queue.dead_letters(limit=10)
    finally:
        await opened.close()
    return {
        "ready": depth.ready,
        "delayed": depth.delayed,
        "in_flight": depth.in_flight,
        "dead_letters": len(dead),
        "dead_letters_shown": [{"reason": letter.reason.value, "note": letter.note} for letter in dead],
    }


async def _jobs(project: Path, stage: str) -> JSONDict:
    opened = Project.open(project, stage=stage)
    try:
        found = await opened.db.list_jobs(limit=RECENT_JOBS)
    finally:
        await opened.close()
    return {"newest": len(found), "by_status": dict(sorted(Counter(job.status.value for job in found).items()))}
