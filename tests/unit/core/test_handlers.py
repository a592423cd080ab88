"""Handlers as Lambda calls them, over SQLite and the local queue: who is answered what, and what is never swallowed."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent_framework import BaseHandler, JobStatus, Project, orchestrator_handler, worker_handler
from agent_framework.core import base_handler
from agent_framework.core.messages import advance_message, perform_message, read_message
from agent_framework.errors import ConfigError, SchemaVersionError
from agent_framework.types import AttemptKey
from tests.support.projects import write_agent_file, yaml_of

T = TypeVar("T")
AGENTS = {
    "writer": """
        from agent_framework import agent

        @agent("writer")
        def write(job, context):
            if job.request_payload.get("payload", {}).get("fail"):
                raise ValueError("no ink")
            return {"wrote": job.request_payload, "by": job.user_id}
    """,
    "slow": """
        import asyncio
        from agent_framework import agent

        @agent("slow")
        async def wait(job, context):
            await asyncio.sleep(job.request_payload.get("seconds", 60))
            return {}
    """,
}
RETRIES = {"retry": {"max_attempts": 1}}


class Context:
    """What Lambda hands over."""

    def __init__(self, seconds: float = 60.0, request_id: str = "request-1") -> None:
        self.aws_request_id = request_id
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as a function finds it, with a migrated database."""
    local = """
        stages:
          dev:
            infrastructure:
              database: {provider: sqlite}
              queue: {provider: local}
              storage: {provider: local}
    """
    (tmp_path / "agents.yaml").write_text(yaml_of(dict.fromkeys(AGENTS, RETRIES), more=local), "utf-8")
    for name, source in AGENTS.items():
        write_agent_file(tmp_path, name, source)
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    monkeypatch.setenv("AGENT_FRAMEWORK_STAGE", "dev")
    outside(tmp_path, lambda project: project.db.migrate())
    return tmp_path


@pytest.fixture(autouse=True)
def _own_loop() -> Iterator[None]:
    """The loop of a process, ended with the test."""
    yield
    base_handler.end_process()


def outside(folder: Path, work: Callable[[Project], Awaitable[T]]) -> T:
    """Do something with the project from another process's point of view."""

    async def run() -> T:
        async with Project.open(folder, stage="dev", environ={}) as project:
            return await work(project)

    return asyncio.run(run())


# -- workers -------------------------------------------------------------------------------------------------------


def test_the_protocol_runs_the_agent_and_answers_its_result(folder: Path) -> None:
    event = {"agent": "writer", "action": "write", "payload": {"n": 1}, "context": {"user_id": "ann"}}
    answer = worker_handler("writer")(event, Context())
    assert (answer["statusCode"], answer["agent"]) == (200, "writer")
    asked = {"action": "write", "payload": {"n": 1}, "context": {"user_id": "ann"}}
    assert answer["result"] == {"wrote": asked, "by": "ann"}
    job = outside(folder, lambda project: project.jobs.get(answer["job_id"]))
    assert (job.status, job.job_type) == (JobStatus.COMPLETED, "agent:writer")


def test_an_agent_that_fails_is_an_error_in_the_envelope(folder: Path) -> None:
    answer = worker_handler("writer")({"action": "write", "payload": {"fail": True}}, Context())
    assert (answer["statusCode"], answer["ok"]) == (500, False)
    assert "no ink" in answer["error"]["error"]
    assert (answer["error"]["error_code"], answer["error"]["failed_stage"]) == ("ValueError", "writer alone/writer")
    assert answer["error"]["partial_results"] == {}
    assert "jobs retry" in answer["error"]["suggestions"][0]


def test_an_agent_runs_on_a_job_that_is_there(folder: Path) -> None:
    job_id = outside(folder, lambda project: project.jobs.submit({"topic": "tea"}))
    answer = worker_handler("writer")({"job_id": job_id}, Context())
    assert answer["result"]["wrote"] == {"topic": "tea"}
    output = outside(folder, lambda project: project.db.get_agent_output(job_id, "writer"))
    assert output == answer["result"]


def test_a_job_that_is_not_there_is_not_found(folder: Path) -> None:
    answer = worker_handler("writer")({"job_id": "nope"}, Context())
    assert (answer["statusCode"], answer["error"]["error_code"]) == (404, "JobNotFoundError")


def test_another_agents_request_is_refused(folder: Path) -> None:
    answer = worker_handler("writer")({"agent": "slow", "payload": {}}, Context())
    assert (answer["statusCode"], answer["ok"]) == (400, False)


def test_a_request_of_api_gateway_is_answered_as_http(folder: Path) -> None:
    event = {"requestContext": {"http": {"method": "POST"}}, "body": '{"topic": "tea"}'}
    answer = worker_handler("writer")(event, Context())
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["result"]["wrote"] == {"topic": "tea"}
    assert worker_handler("writer")({**event, "body": "{"}, Context())["statusCode"] == 400
    event["requestContext"] = {"http": {"method": "GET"}}
    assert worker_handler("writer")(event, Context())["statusCode"] == 405


def test_what_does_not_end_before_the_function_does_is_accepted_and_goes_on_elsewhere(folder: Path) -> None:
    answer = worker_handler("slow")({"payload": {}}, Context(seconds=2.3))
    assert (answer["statusCode"], answer["metadata"]) == (202, {"status": "running"})


def test_an_attempt_ends_before_its_function_does(folder: Path) -> None:
    job_id = outside(folder, lambda project: project.jobs.submit({}, job_type="agent:slow"))
    key = advanced(folder, job_id)
    answer = worker_handler("slow")(perform_message(key), Context(seconds=2.2))
    assert answer["metadata"] == {"attempt": f"{job_id}/1/{key.seq}/slow/1", "state": "failed"}
    snapshot = outside(folder, lambda project: project.db.load(job_id))
    assert snapshot is not None
    (attempt,) = snapshot.attempts
    assert attempt.owner == "lambda/request-1"
    assert attempt.outcome is not None
    assert attempt.outcome.error_kind == "timeout"


def test_row_08_with_no_time_left_the_attempt_is_still_settled(folder: Path) -> None:
    job_id = outside(folder, lambda project: project.jobs.submit({}, job_type="agent:slow"))
    answer = worker_handler("slow")(perform_message(advanced(folder, job_id)), Context(seconds=0))
    assert answer["metadata"]["state"] == "failed"


def test_a_message_that_comes_again_is_the_job_of_its_first_time(folder: Path) -> None:
    record = {"eventSource": "aws:sqs", "messageId": "m-1", "body": '{"payload": {"n": 1}}'}
    handler = worker_handler("writer")
    assert handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
    assert handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
    jobs = outside(folder, lambda project: project.db.list_jobs())
    assert len(jobs) == 1


def test_a_message_in_the_form_of_a_request_is_refused(folder: Path) -> None:
    body = json.dumps({"httpMethod": "POST", "body": "{}"})
    records = [{"eventSource": "aws:sqs", "messageId": "m-1", "body": body}]
    answer = worker_handler("writer")({"Records": records}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


def test_a_direct_call_does_not_go_round_a_cancellation(folder: Path) -> None:
    async def cancelled(project: Project) -> str:
        job_id = await project.jobs.submit({})
        await project.jobs.cancel(job_id)
        return job_id

    job_id = outside(folder, cancelled)
    answer = worker_handler("writer")({"job_id": job_id}, Context())
    assert (answer["statusCode"], answer["error"]["error"]) == (409, f"job {job_id} is being cancelled")


def test_a_direct_call_does_not_go_round_an_approval(folder: Path) -> None:
    text = (folder / "agents.yaml").read_text("utf-8")
    (folder / "agents.yaml").write_text(text.replace('"retry": {', '"needs_approval": true, "retry": {'), "utf-8")
    job_id = outside(folder, lambda project: project.jobs.submit({}))
    answer = worker_handler("writer")({"job_id": job_id}, Context())
    assert (answer["statusCode"], answer["ok"]) == (409, False)
    assert "needs approval" in answer["error"]["error"]


def test_an_agent_that_outlasts_its_function_is_told_so(folder: Path) -> None:
    job_id = outside(folder, lambda project: project.jobs.submit({}))
    answer = worker_handler("slow")({"job_id": job_id}, Context(seconds=2.2))
    assert (answer["statusCode"], "runtime.timeout" in answer["error"]["error"]) == (504, True)


def test_a_worker_is_no_orchestrator(folder: Path) -> None:
    for event in ({"type": "sweep"}, {"type": "migrate"}, advance_message("x")):
        with pytest.raises(ConfigError, match="is a worker"):
            worker_handler("writer")(event, Context())


def test_a_batch_for_a_worker_names_what_failed(folder: Path) -> None:
    bodies = ['{"payload": {}}', '{"payload": {"fail": true}}', "{"]
    records = [
        {"eventSource": "aws:sqs", "messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)
    ]
    answer = worker_handler("writer")({"Records": records}, Context())
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ["m1", "m2"]


# -- the orchestrator ------------------------------------------------------------------------------------------------


def advanced(folder: Path, job_id: str) -> AttemptKey:
    """Advance a job as a process would that dispatches through the queue; the attempt that was dispatched."""

    async def work(project: Project) -> AttemptKey:
        await project.worker()._handler.advance(job_id)
        (message,) = await project.queue.receive(10, wait_s=2)
        key = read_message(message.body)
        assert isinstance(key, AttemptKey)
        return key

    return outside(folder, work)


def queued(folder: Path) -> list[dict[str, Any]]:
    """What the jobs queue holds."""

    async def work(project: Project) -> list[dict[str, Any]]:
        return [message.body for message in await project.queue.receive(10)]

    return outside(folder, work)


def test_a_request_becomes_a_job_and_a_message(folder: Path) -> None:
    answer = orchestrator_handler("orchestrator")({"payload": {"n": 1}}, Context())
    assert (answer["statusCode"], answer["metadata"]) == (202, {"status": "pending"})
    assert queued(folder) == [advance_message(answer["job_id"])]


def test_a_request_for_one_agent_becomes_a_job_of_that_agent(folder: Path) -> None:
    answer = orchestrator_handler("orchestrator")({"agent": "writer", "payload": {}}, Context())
    job = outside(folder, lambda project: project.jobs.get(answer["job_id"]))
    assert job.job_type == "agent:writer"
    unknown = orchestrator_handler("orchestrator")({"agent": "painter", "payload": {}}, Context())
    assert unknown["statusCode"] == 400
    assert "agents: writer, slow" in unknown["error"]["error"]


def test_the_same_idempotency_key_is_the_same_job_for_one_user_only(folder: Path) -> None:
    def post(user: str) -> str:
        context = {"http": {"method": "POST"}, "authorizer": {"jwt": {"claims": {"sub": user}}}}
        event = {"requestContext": context, "body": "{}", "headers": {"Idempotency-Key": "k"}}
        return str(json.loads(handler(event, Context())["body"])["job_id"])

    handler = orchestrator_handler("orchestrator")
    assert post("ann") == post("ann") != post("bob")


def test_the_same_key_with_another_body_is_the_callers_conflict(folder: Path) -> None:
    def post(body: str) -> int:
        event = {"requestContext": {"http": {"method": "POST"}}, "body": body, "headers": {"Idempotency-Key": "k"}}
        return int(handler(event, Context())["statusCode"])

    handler = orchestrator_handler("orchestrator")
    assert [post('{"n": 1}'), post('{"n": 2}'), post('{"n": 1}')] == [202, 409, 202]


def test_an_input_that_is_nested_too_deeply_is_the_callers_mistake(folder: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    assert orchestrator_handler("orchestrator")({"payload": deep}, Context())["statusCode"] == 400


def test_a_job_is_shown_to_its_owner_alone(folder: Path) -> None:
    def get(user: str) -> dict[str, Any]:
        context = {"http": {"method": "GET"}, "authorizer": {"jwt": {"claims": {"sub": user}}}}
        answer = handler({"requestContext": context, "pathParameters": {"job_id": job_id}}, Context())
        return dict(json.loads(answer["body"]))

    handler = orchestrator_handler("orchestrator")
    job_id = outside(folder, lambda project: project.jobs.submit({}, user_id="ann"))
    assert get("ann")["metadata"] == {"status": "pending"}
    assert (get("bob")["statusCode"], get("bob")["error"]["error"]) == (404, "there is no such job")


def test_the_sweep_wakes_what_is_due(folder: Path) -> None:
    job_id = outside(folder, lambda project: project.jobs.submit({}))
    assert orchestrator_handler("orchestrator")({"type": "sweep"}, Context())["result"] == {"woken": 1, "purged": 0}
    assert queued(folder) == [advance_message(job_id)]


def test_migrate_brings_an_empty_database_up_to_this_version_and_then_jobs_are_taken(folder: Path) -> None:
    (folder / ".agent-framework" / "jobs.sqlite").unlink()
    handler = orchestrator_handler("orchestrator")
    with pytest.raises(SchemaVersionError):
        handler({"payload": {}}, Context())
    answer = handler({"type": "migrate"}, Context())
    assert answer["result"]["before"] == 0
    assert answer["result"]["schema_version"] >= 1
    assert handler({"payload": {}}, Context())["statusCode"] == 202


# -- hooks and processes ---------------------------------------------------------------------------------------------


def test_hooks_run_around_an_invocation_and_may_replace_event_and_answer(folder: Path) -> None:
    heard: list[str] = []

    async def before(event: Any, context: Any) -> Any:
        heard.append("before")
        return {"payload": {"n": event["wrapped"]}}

    def after(event: Any, context: Any, answer: dict[str, Any]) -> dict[str, Any]:
        heard.append("after")
        return {"only": answer["result"]["wrote"]["payload"]}

    answer = worker_handler("writer", before=before, after=after)({"wrapped": 7}, Context())
    assert (answer, heard) == ({"only": {"n": 7}}, ["before", "after"])


def test_an_error_reaches_the_hook_and_goes_on(folder: Path) -> None:
    heard: list[BaseException] = []

    def on_error(event: Any, context: Any, error: BaseException) -> None:
        heard.append(error)
        raise RuntimeError("the hook fails too")

    with pytest.raises(ConfigError, match="a function understands"):
        worker_handler("writer", on_error=on_error)({"what": 1}, Context())
    assert [type(error) for error in heard] == [ConfigError]


def test_one_loop_and_one_project_serve_all_invocations(folder: Path) -> None:
    loops: set[asyncio.AbstractEventLoop] = set()

    def before(event: Any, context: Any) -> None:
        loops.add(asyncio.get_running_loop())

    handler = worker_handler("writer", before=before)
    for number in range(5):
        assert handler({"payload": {"n": number}}, Context())["ok"]
    assert len(loops) == 1


def test_a_database_of_another_version_is_refused_at_start(folder: Path) -> None:
    (folder / ".agent-framework" / "jobs.sqlite").unlink()
    with pytest.raises(SchemaVersionError, match="has schema version 0"):
        worker_handler("writer")({"payload": {}}, Context())


def test_a_variable_of_the_deployment_that_is_damaged_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FRAMEWORK_INFRASTRUCTURE", "{")
    with pytest.raises(ConfigError, match="AGENT_FRAMEWORK_INFRASTRUCTURE is not JSON"):
        worker_handler("writer")({"payload": {}}, Context())


def test_handlers_are_public() -> None:
    assert isinstance(worker_handler("writer"), BaseHandler)
