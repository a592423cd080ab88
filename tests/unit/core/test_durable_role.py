"""The orchestrator's and the durable function's handlers where the engine is durable, on AWS's own test runner."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

from agent_framework import JobStatus, Project
from agent_framework.core.base_handler import orchestrator_handler
from agent_framework.core.durable_handler import DurableBody, LoopThread
from agent_framework.core.durable_role import DurableRole
from agent_framework.core.lambda_events import read_event
from agent_framework.core.lambda_process import DURABLE_FUNCTION, Invocation, durable_function
from agent_framework.core.lambda_worker import WorkerRole
from agent_framework.core.messages import advance_message, perform_message
from agent_framework.errors import ConfigError, ProviderError
from agent_framework.infrastructure.compute.durable_functions import durable_function as as_durable_function
from agent_framework.infrastructure.compute.durable_start import start_event
from agent_framework.types import AttemptKey
from tests.support.projects import open_project

DEPLOYED = """
infrastructure:
  database: {provider: sqlite}
  queue: {provider: local}
  storage: {provider: local}
"""
Wake = Callable[[dict[str, Any]], dict[str, Any]]


class Started:
    """Executions that are only noted."""

    def __init__(self) -> None:
        self.names: list[tuple[str, int]] = []
        self.refusing = False

    async def start(self, job_id: str, run: int) -> str:
        """Note it."""
        if self.refusing:
            raise ProviderError("Lambda is busy")
        self.names.append((job_id, run))
        return f"{job_id}-{run}"


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture
def project(tmp_path: Path, loop: LoopThread) -> Iterator[Project]:
    made = open_project(
        tmp_path,
        {"a": lambda: {"n": 1}, "b": lambda: {"n": 2}},
        "{strategy: sequential, engine: durable}",
        settings={"chief": {"type": "orchestrator"}},
        more=DEPLOYED,
        stage="prod",
    )
    loop.wait_for(made.db.migrate())
    yield made
    loop.wait_for(made.close())


@pytest.fixture
def started() -> Started:
    return Started()


@pytest.fixture
def ask(project: Project, loop: LoopThread, started: Started) -> Wake:
    role = DurableRole("chief", project, executions=started)
    return lambda event: loop.wait_for(role.answer(read_event(event), Invocation(None)))


def test_a_wake_starts_the_runs_execution_and_decides_nothing_of_a_new_job(
    ask: Wake, project: Project, loop: LoopThread, started: Started
) -> None:
    job_id = loop.wait_for(project.jobs.submit({}))
    ask(advance_message(job_id))
    ask(advance_message(job_id))
    assert started.names == [(job_id, 1), (job_id, 1)]
    assert loop.wait_for(project.jobs.get(job_id)).status is JobStatus.PENDING


def test_a_cancellation_is_carried_out_at_once_while_the_execution_waits_for_agents(
    ask: Wake, project: Project, loop: LoopThread, started: Started
) -> None:
    job_id = loop.wait_for(project.jobs.submit({}))
    loop.wait_for(project.orchestrator.advance(job_id))
    loop.wait_for(project.dispatcher.close())
    loop.wait_for(project.jobs.cancel(job_id))
    ask(advance_message(job_id))
    assert loop.wait_for(project.jobs.get(job_id)).status is JobStatus.CANCELLED
    assert started.names == []


def test_a_job_that_is_over_or_unknown_starts_nothing(ask: Wake, started: Started) -> None:
    ask(advance_message("nobody-knows-it"))
    assert started.names == []


def test_a_retried_job_is_started_as_its_next_run(
    ask: Wake, project: Project, loop: LoopThread, started: Started
) -> None:
    job_id = loop.wait_for(project.jobs.submit({}))
    loop.wait_for(project.jobs.fail_job(job_id, "no"))
    loop.wait_for(project.jobs.retry(job_id))
    ask(advance_message(job_id))
    assert started.names == [(job_id, 2)]


def test_a_wake_that_lambda_refuses_comes_back(ask: Wake, project: Project, loop: LoopThread, started: Started) -> None:
    job_id = loop.wait_for(project.jobs.submit({}))
    started.refusing = True
    record = {
        "messageId": "1",
        "receiptHandle": "r",
        "body": json.dumps(advance_message(job_id)),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:jobs",
    }
    assert ask({"Records": [record]})["batchItemFailures"] == [{"itemIdentifier": "1"}]


def test_an_execution_may_have_the_orchestrators_own_attempts_performed(
    ask: Wake, project: Project, loop: LoopThread
) -> None:
    job_id = loop.wait_for(project.jobs.submit({}))
    answer = ask(perform_message(AttemptKey(job_id, 1, 3, "chief", 1)))
    assert answer["metadata"]["state"] == "not ours"


def test_without_a_durable_function_the_orchestrator_says_what_to_do(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DURABLE_FUNCTION, raising=False)
    with pytest.raises(ConfigError, match="so stage prod has no durable function; deploy with"):
        durable_function(project)


def test_the_handler_of_the_orchestrator_follows_the_engine(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DURABLE_FUNCTION, "arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-chief-run:live")
    assert isinstance(orchestrator_handler("chief")._role_of("chief", project), DurableRole)


def test_the_durable_function_opens_its_project_once_and_runs_the_job(project: Project, loop: LoopThread) -> None:
    opened: list[str] = []

    async def open_it(agent: str) -> Project:
        opened.append(agent)
        return project

    body = DurableBody("chief", open_it)
    body.loop = loop
    job_id = loop.wait_for(project.jobs.submit({}))
    with DurableFunctionTestRunner(as_durable_function(body), skip_time=False) as runner:
        for agent in ("a", "b"):
            runner.register_function(f"a-test-prod-{agent}", worker(project, loop))
        done = runner.run(input=json.dumps(start_event(job_id, 1)), execution_timeout=30)
    runner._scheduler._loop.close()
    assert json.loads(done.result)["status"] == "completed"
    assert opened == ["chief"]
    assert loop.wait_for(project.jobs.get(job_id)).agent_results == {"a": {"n": 1}, "b": {"n": 2}}


def worker(project: Project, loop: LoopThread) -> Callable[[Any, Any], Any]:
    """The role that a worker's handler has, on the loop of the project."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        return loop.wait_for(WorkerRole(event["agent"], project).answer(read_event(event), Invocation(None)))

    return handle


def test_a_worker_of_a_durable_stage_sends_no_wake(project: Project, loop: LoopThread) -> None:
    job_id = loop.wait_for(project.jobs.submit({}))
    loop.wait_for(project.engine_with(_Nothing()).advance(job_id))
    snapshot = loop.wait_for(project.db.load(job_id))
    assert snapshot is not None
    worker(project, loop)(perform_message(snapshot.attempts[0].key), None)
    assert loop.wait_for(project.queue.receive(1, wait_s=0)) == []


class _Nothing:
    async def dispatch(self, attempts: Any) -> None: ...

    async def job_ended(self, job_id: str) -> None: ...


def test_a_durable_function_of_a_checkpoint_stage_refuses_to_drive_its_jobs(tmp_path: Path, loop: LoopThread) -> None:
    other = open_project(tmp_path, {"a": dict}, more=DEPLOYED, stage="prod")

    async def open_it(agent: str) -> Project:
        return other

    body = DurableBody("chief", open_it)
    body.loop = loop
    with pytest.raises(ConfigError, match=r"orchestration\.engine: checkpoint"):
        body(start_event("job", 1), None)
    loop.wait_for(other.close())
