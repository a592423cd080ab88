"""Deployed: functions in AWS's own runtime client, woken by SQS, over DynamoDB; what dies, repeats and never reads."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent_framework import JobStatus
from agent_framework.core.messages import advance_message
from agent_framework.types import AttemptState
from tests.support.lambda_emulator import LambdaEmulator
from tests.support.lambda_system import LambdaSystem
from tests.support.moto_server import Aws
from tests.support.projects import write_agent_file, yaml_of

RULES = """
selection_rules:
  - {name: both, agents: [first, {parallel: [left, right]}]}
  - {name: more, condition: "results.left.n > 1", agents: [last]}
"""
AGENTS = {
    "first": 'return {"n": job.request_payload["n"]}',
    "left": 'return {"n": context.results["first"]["n"] + 1}',
    "right": """
    import os, sys
    if job.request_payload.get("die"):
        marker = "/tmp/died-" + job.id
        if not os.path.exists(marker):
            open(marker, "w").close()
            os._exit(3)
        os.remove(marker)
    return {"ok": True}""",
    "last": 'return {"sum": context.results["left"]["n"]}',
}
QUICK = {"retry": {"initial_seconds": 0.1, "jitter": False}, "runtime": {"timeout": 20}}


@pytest.fixture(scope="module")
def system(aws: Aws, lambdas: LambdaEmulator, tmp_path_factory: pytest.TempPathFactory) -> LambdaSystem:
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "agents.yaml").write_text(yaml_of(dict.fromkeys(AGENTS, QUICK), RULES), "utf-8")
    for name, body in AGENTS.items():
        lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
        text = f'from agent_framework import agent\n\n@agent("{name}")\ndef work(job, context):\n{lines}\n'
        write_agent_file(folder, name, text)
    deployed = LambdaSystem(folder, aws, lambdas)
    deployed.deploy()
    return deployed


def test_a_job_goes_from_the_queue_through_the_functions_to_completed(system: LambdaSystem) -> None:
    job = system.run({"n": 1})
    assert job.status is JobStatus.COMPLETED
    assert job.agent_results == {"first": {"n": 1}, "left": {"n": 2}, "right": {"ok": True}, "last": {"sum": 2}}


def test_row_07_a_function_that_dies_is_retried_by_the_engine_and_counted_once(system: LambdaSystem) -> None:
    async def work() -> tuple[Any, Any]:
        async with system.project() as project:
            job_id = await system.submit(project, {"n": 1, "die": True})
            return await system.rested(project, job_id), await project.db.load(job_id)

    job, snapshot = asyncio.run(work())
    assert job.status is JobStatus.COMPLETED
    tries = [a for a in snapshot.attempts if a.key.agent == "right"]
    assert [a.state for a in tries] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
    assert "its function failed (RetriesExhausted)" in tries[0].outcome.error
    assert len([a for a in snapshot.attempts if a.key.agent == "left"]) == 1


def test_row_13_a_poison_message_is_dead_after_three_tries_and_its_job_failed_with_the_reason(
    system: LambdaSystem, aws: Aws
) -> None:
    async def work() -> Any:
        async with system.project() as project:
            job_id = await project.jobs.submit({"n": 1})
            damage(system, aws, job_id)
            message = await project.queue.send(advance_message(job_id))
            job = await system.rested(project, job_id)
            for _ in range(200):
                letters = {letter.id: letter for letter in await project.queue.dead_letters()}
                if message in letters:
                    return job, letters[message]
                await asyncio.sleep(0.1)
            raise AssertionError("the message never became a dead letter")

    job, letter = asyncio.run(work())
    assert job.status is JobStatus.FAILED
    assert job.error_message.startswith("the job cannot be carried on: 3 tries ended with ")
    assert letter.body == advance_message(job.id)


def damage(system: LambdaSystem, aws: Aws, job_id: str) -> None:
    """An event that this version cannot read, as a newer one may have written it."""
    event = {
        "PK": {"S": f"JOB#{job_id}"},
        "SK": {"S": "EVENT#0000000001"},
        "seq": {"N": "1"},
        "run": {"N": "1"},
        "kind": {"S": "of a newer version"},
        "data": {"S": "{}"},
        "at": {"N": "0"},
    }
    aws.client("dynamodb").put_item(TableName=system.infrastructure["database"]["config"]["table_name"], Item=event)


def test_row_14_of_a_batch_of_ten_only_the_bad_record_comes_back(system: LambdaSystem) -> None:
    async def submit() -> list[str]:
        async with system.project() as project:
            ids = [await project.jobs.submit({"n": number}) for number in range(9)]
            for job_id in ids:
                await project.jobs.cancel(job_id)
            return ids

    ids = asyncio.run(submit())
    bodies = [json.dumps(advance_message(job_id)) for job_id in ids]
    answer = system.invoke(system.orchestrator, sqs_event([*bodies[:4], "not json", *bodies[4:]]))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-4"}]}

    async def status() -> set[JobStatus]:
        async with system.project() as project:
            return {(await project.jobs.get(job_id)).status for job_id in ids}

    assert asyncio.run(status()) == {JobStatus.CANCELLED}


def sqs_event(bodies: list[str]) -> dict[str, Any]:
    """A batch as Lambda hands it over."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "x",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }


def test_row_15_a_job_that_nobody_woke_is_found_by_the_sweep(system: LambdaSystem) -> None:
    async def work() -> JobStatus:
        async with system.project() as project:
            job_id = await project.jobs.submit({"n": 1})
            assert (await asyncio.to_thread(system.sweep))["result"]["woken"] >= 1
            return (await system.rested(project, job_id)).status

    assert asyncio.run(work()) is JobStatus.COMPLETED


def test_row_05_a_message_that_comes_again_after_the_end_is_acknowledged_and_starts_nothing(
    system: LambdaSystem,
) -> None:
    job = system.run({"n": 1})
    ran = len(system.emulator.invocations)
    answer = system.invoke(system.orchestrator, sqs_event([json.dumps(advance_message(job.id))] * 2))
    assert answer == {"batchItemFailures": []}
    assert {name for name, _, _ in system.emulator.invocations[ran:]} == {system.function(system.orchestrator)}


def test_row_04_an_attempt_that_is_delivered_twice_runs_once(system: LambdaSystem) -> None:
    job = system.run({"n": 1})
    ran = [json.loads(event) for name, event, _ in system.emulator.invocations if name == system.function("first")]
    message = next(event for event in ran if event.get("job_id") == job.id)
    assert system.invoke("first", message)["metadata"]["state"] == "not ours"


def test_row_30_a_hundred_warm_invocations_leave_no_files_open(system: LambdaSystem) -> None:
    for idle in system.emulator.alive(system.function("first")):
        idle.kill()
    instances = set()
    counts: list[int] = []
    for number in range(100):
        job_input = {
            "type": "perform",
            "job_id": f"unknown-{number}",
            "run": 1,
            "seq": 1,
            "agent": "first",
            "number": 1,
        }
        assert system.invoke("first", job_input)["ok"]
        (instance,) = system.emulator.alive(system.function("first"))
        instances.add(instance.process.pid)
        counts.append(len(list(Path(f"/proc/{instance.process.pid}/fd").iterdir())))
    assert len(instances) == 1
    assert counts[-1] <= counts[9] + 1, counts


def test_an_agent_of_a_deployed_stage_is_invoked_as_its_function(
    system: LambdaSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", system.aws.url)

    async def work() -> Any:
        async with system.project() as project:
            job_id = await project.jobs.submit({"n": 7})
            answers = await project.orchestrator.run_sequential(job_id, ["first", "left"])
            await project.jobs.cancel(job_id)
            return answers

    assert asyncio.run(work()) == {"first": {"n": 7}, "left": {"n": 8}}
    assert system.emulator.invocations[-1][0] == system.function("left")
