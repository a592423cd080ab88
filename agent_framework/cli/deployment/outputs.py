"""From terraform's outputs to the file in which this machine finds a deployed stage."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent_framework.core.deployed import DeployedStage
from agent_framework.errors import DeploymentError

_NEEDED = ("infrastructure", "lambda_names", "orchestrator")


def deployed_stage(
    outputs: Mapping[str, Any], *, project: str, stage: str, account: str, region: str, state_bucket: str
) -> DeployedStage:
    """The stage as ``outputs`` of the root module tell it.

    Raises:
        DeploymentError: the root module lacks outputs that commands need.
    """
    missing = [name for name in _NEEDED if name not in outputs]
    if missing:
        raise DeploymentError(
            f"terraform/outputs.tf lacks {', '.join(missing)}; 'run', 'status' and 'logs' find the stage by them. Copy "
            "them from a new project (agent-framework init)"
        )
    return DeployedStage(
        stage=stage,
        project=project,
        account=account,
        region=region,
        orchestrator=outputs["orchestrator"],
        infrastructure=outputs["infrastructure"],
        functions=outputs["lambda_names"],
        log_groups=outputs.get("log_group_names") or {},
        queue_url=outputs.get("queue_url"),
        queue_arn=outputs.get("queue_arn"),
        dead_letter_url=outputs.get("dlq_url"),
        bucket=outputs.get("bucket_id"),
        approvals_url=outputs.get("approvals_url"),
        state_bucket=state_bucket,
        deployed_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
