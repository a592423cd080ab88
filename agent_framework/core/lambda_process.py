"""One process of a Lambda function: the project opened once and kept between invocations, and the time that is left.

The environment says everything (Terraform sets it): agent, stage, the deployed providers, where secrets are. Schemas
are checked and never changed here, because an agent's role may not.
"""

import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_framework.config.deployed import INFRASTRUCTURE_VARIABLE
from agent_framework.core.environment import environment
from agent_framework.core.execution import Performer
from agent_framework.core.lambda_events import envelope
from agent_framework.core.messages import invocation_owner
from agent_framework.core.progress import AttemptEnded, AttemptStarted, Progress
from agent_framework.core.runtime import Project
from agent_framework.core.worker import send_hint
from agent_framework.errors import ConfigError
from agent_framework.infrastructure._json import to_object
from agent_framework.infrastructure.secrets import read_secrets
from agent_framework.observability.logging import redact_logs
from agent_framework.types import AttemptKey, JSONDict

logger = logging.getLogger("agent_framework.function")

TASK_ROOT = "LAMBDA_TASK_ROOT"
STAGE = "AGENT_FRAMEWORK_STAGE"
SECRETS = "AGENT_FRAMEWORK_SECRETS"
AGENT = "AGENT_FRAMEWORK_AGENT"
DURABLE_FUNCTION = "AGENT_FRAMEWORK_DURABLE_FUNCTION"
MARGIN_S = 2.0
"""Seconds before the function's end at which an attempt is ended, so that its outcome can still be stored."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What Lambda tells of one invocation: its id, and how many seconds are left when it is asked."""

    context: Any

    @property
    def owner(self) -> str:
        """The name under which this invocation starts attempts."""
        return invocation_owner(str(getattr(self.context, "aws_request_id", None) or uuid.uuid4()))

    def time_left_s(self) -> float | None:
        """Seconds for an agent; None where nothing ends this invocation (a test that calls the handler)."""
        remaining = getattr(self.context, "get_remaining_time_in_millis", None)
        return None if remaining is None else remaining() / 1000 - MARGIN_S


async def open_project(agent: str) -> Project:
    """The project of this function, with its secrets in the environment and out of its logs.

    Raises:
        ConfigError: a variable that the deployment sets is not what it should be.
        ProviderError: a secret cannot be read.
    """
    redact_logs()
    root = Path(os.environ.get(TASK_ROOT) or Path.cwd())
    environ = environment(root)
    for name, value in (await read_secrets(_strings(environ, SECRETS))).items():
        os.environ[name] = value
    return Project.open(
        root,
        stage=environ.get(STAGE, "dev"),
        infrastructure=_object(environ, INFRASTRUCTURE_VARIABLE),
        owner=f"lambda/{agent}/{uuid.uuid4()}",
        listener=_log,
    )


def performer_of(project: Project, invocation: Invocation) -> Performer:
    """What performs attempts in one invocation; the orchestrator hears of an outcome through the queue.

    A durable execution hears of it from Lambda, when the invocation ends.
    """
    durable = project.config.orchestration.engine == "durable"

    async def wake(job_id: str) -> None:
        if not durable:
            await send_hint(project.queue, job_id)

    return Performer(
        project.db, project.runner, owner=invocation.owner, wake=wake, guard=project.policies, listener=_log
    )


async def perform(project: Project, agent: str, key: AttemptKey, invocation: Invocation) -> JSONDict:
    """Perform one attempt in the time that is left; the answer says how it ended, or that it was not ours."""
    outcome = await performer_of(project, invocation).perform(key, time_left_s=invocation.time_left_s())
    state = "not ours" if outcome is None else outcome.state.value
    return envelope(agent, job_id=key.job_id, metadata={"attempt": str(key), "state": state})


def durable_function(project: Project) -> str:
    """The durable function that runs this stage's executions, with its alias or version.

    Raises:
        ConfigError: the deployment did not set it.
    """
    arn = os.environ.get(DURABLE_FUNCTION)
    if not arn:
        raise ConfigError(
            f"{DURABLE_FUNCTION} is not set, so stage {project.loader.stage} has no durable function; deploy with "
            "orchestration.engine: durable (Lambda makes a function durable only when it is created)"
        )
    return arn


def _object(environ: Mapping[str, str], name: str) -> JSONDict:
    text = environ.get(name)
    try:
        return to_object(text) if text else {}
    except ValueError as exc:
        raise ConfigError(f"the variable {name} is {exc}; deploy again") from exc


def _strings(environ: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: str(value) for key, value in _object(environ, name).items()}


def _log(progress: Progress) -> None:
    """One line for each thing that happens to a job; ``logs --job`` finds them by the id."""
    if isinstance(progress, AttemptStarted):
        logger.info("job %s agent %s started, attempt %s", progress.key.job_id, progress.key.agent, progress.key.number)
    elif isinstance(progress, AttemptEnded):
        outcome = progress.outcome
        late = "" if progress.stored else " (too late, not stored)"
        reason = f": {outcome.error}" if outcome.error else ""
        text = "job %s agent %s %s in %s ms%s%s"
        logger.info(
            text, progress.key.job_id, progress.key.agent, outcome.state, outcome.execution_time_ms, late, reason
        )
    else:
        logger.info("job %s %s", progress.job_id, progress.status)
