"""A project as a deployed stage on emulated AWS: functions of the agents, jobs queue with dead letters, table, bucket.

What Terraform makes of a project is made here by hand, small and quick, from the project's folder as it is; that the
real zips and the real Terraform make the same is another test's matter.
"""

import asyncio
import io
import json
import textwrap
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_framework import ConfigLoader, Job, Project
from agent_framework.core.worker import send_hint
from tests.support.lambda_emulator import LambdaEmulator
from tests.support.moto_server import ACCOUNT, REGION, Aws, unique

STAGE = "dev"
ENGINE_AGENT = "orchestrator"


class LambdaSystem:
    """One deployed stage; ``project()`` opens it from outside, as the command would."""

    def __init__(self, folder: Path, aws: Aws, emulator: LambdaEmulator, *, max_receives: int = 3) -> None:
        self.folder = folder
        self.aws = aws
        self.emulator = emulator
        loader = ConfigLoader(folder, stage=STAGE)
        self.prefix = f"{loader.get_project_name()}-{STAGE}"
        self.orchestrator = loader.config.orchestrator or ENGINE_AGENT
        self.agents = {name: agent.timeout for name, agent in loader.config.agents.items()}
        self.agents.setdefault(self.orchestrator, 30)
        self.queue_url = aws.queue(max_receives=max_receives, visibility_s=2)
        self.queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.queue_url.rpartition('/')[2]}"
        self._mapping: str | None = None
        self.infrastructure = {
            "database": {"provider": "dynamodb", "config": {"table_name": unique("table"), "create_table": True}},
            "queue": {"provider": "sqs", "config": {"url": self.queue_url}},
            "storage": {"provider": "s3", "config": {"bucket": aws.bucket()}},
        }

    def deploy(self, environ: Mapping[str, str] | None = None) -> None:
        """Make the functions with their destinations, and the mapping of the queue."""
        asyncio.run(self._migrate())
        client, package = self.aws.client("lambda"), self._package()
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            ],
        }
        role = self.aws.client("iam").create_role(RoleName=unique("role"), AssumeRolePolicyDocument=json.dumps(trust))
        variables = {
            "AGENT_FRAMEWORK_STAGE": STAGE,
            "AGENT_FRAMEWORK_INFRASTRUCTURE": json.dumps(self.infrastructure),
            **(environ or {}),
        }
        for agent, timeout in self.agents.items():
            client.create_function(
                FunctionName=self.function(agent),
                Runtime="python3.13",
                Role=role["Role"]["Arn"],
                Handler=f"backend.agents.{agent}.lambda_handler.handler",
                Code={"ZipFile": package},
                Timeout=timeout,
                Environment={"Variables": variables | {"AGENT_FRAMEWORK_AGENT": agent}},
            )
            if agent != self.orchestrator:
                client.put_function_event_invoke_config(
                    FunctionName=self.function(agent),
                    MaximumRetryAttempts=0,
                    DestinationConfig={"OnFailure": {"Destination": self.queue_arn}},
                )
        mapping = client.create_event_source_mapping(
            EventSourceArn=self.queue_arn,
            FunctionName=self.function(self.orchestrator),
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
        self._mapping = mapping["UUID"]

    def undeploy(self) -> None:
        """Take away the mapping and the functions, and end their instances; the data stays."""
        if self._mapping is None:
            return
        client = self.aws.client("lambda")
        client.delete_event_source_mapping(UUID=self._mapping)
        for agent in self.agents:
            client.delete_function(FunctionName=self.function(agent))
            self.emulator.end(self.function(agent))

    def function(self, agent: str) -> str:
        """The name of an agent's function."""
        return f"{self.prefix}-{agent}"

    @property
    def outside(self) -> dict[str, Any]:
        """The infrastructure as whoever is not a function reaches it."""
        return {
            kind: {**block, "config": {**block["config"], "region": REGION, "endpoint_url": self.aws.url}}
            for kind, block in self.infrastructure.items()
        }

    def project(self) -> Project:
        """The stage from outside."""
        return Project.open(self.folder, stage=STAGE, environ={}, infrastructure=self.outside)

    def invoke(self, agent: str, event: Any) -> Any:
        """Invoke an agent's function and wait; its answer, or an AssertionError where it failed."""
        answer = self.aws.client("lambda").invoke(FunctionName=self.function(agent), Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def sweep(self) -> Any:
        """What the schedule does every minute."""
        return self.invoke(self.orchestrator, {"type": "sweep"})

    async def submit(self, project: Project, job_input: dict[str, Any]) -> str:
        """A job, and the hint for the orchestrator."""
        job_id = await project.jobs.submit(job_input)
        await send_hint(project.queue, job_id)
        return job_id

    async def rested(self, project: Project, job_id: str, *, within_s: float = 60) -> Job:
        """The job when it is final."""
        until = time.monotonic() + within_s
        while not (job := await project.jobs.get(job_id)).status.is_final:
            assert time.monotonic() < until, f"{job.status}: {self.emulator.said()}"
            await asyncio.sleep(0.05)
        return job

    def run(self, job_input: dict[str, Any]) -> Job:
        """Submit a job and wait for its end."""

        async def work() -> Job:
            async with self.project() as project:
                return await self.rested(project, await self.submit(project, job_input))

        return asyncio.run(work())

    async def _migrate(self) -> None:
        project = self.project()
        try:
            await project.db.migrate()
        finally:
            await project.close()

    def _package(self) -> bytes:
        """The project's folder with a handler for each agent."""
        files = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and ".agent-framework" not in path.parts and "__pycache__" not in path.parts
        }
        for agent in self.agents:
            role = "orchestrator" if agent == self.orchestrator else "worker"
            source = f"""
                from agent_framework import {role}_handler

                handler = {role}_handler("{agent}")
            """
            files[f"backend/agents/{agent}/lambda_handler.py"] = textwrap.dedent(source).encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            for name, content in files.items():
                package.writestr(name, content)
        return buffer.getvalue()
