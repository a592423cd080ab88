"""Outputs of 2 MB through the engine on databases that cannot hold them: kept in the storage with their hash."""

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework import Project
from agent_framework.errors import StoredObjectChangedError, StoredObjectMissingError
from agent_framework.types import Job
from tests.support.moto_server import CREDENTIALS, REGION, Aws
from tests.support.postgres import PostgresServer
from tests.support.projects import open_project
from tests.support.rds_data_server import CLUSTER_ARN, SECRET_ARN, RdsDataServer

SIZE = 2_000_000
RULES = """
selection_rules:
  - {name: makes, agents: [maker]}
  - {name: reads, condition: "results.maker.rows == 7", agents: [reader]}
"""
Make = Callable[[], Project]


def maker() -> dict[str, Any]:
    return {"rows": 7, "text": "x" * SIZE, "more": {"deep": ["é" * 1000]}}


def reader(job: Job) -> dict[str, Any]:
    return {"length": len(job.agent_results["maker"]["text"])}


@pytest.fixture(params=["dynamodb", "aurora-serverless-v2"])
def backend(request: pytest.FixtureRequest, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """``infrastructure``: one of the databases with a limit, and S3."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name.upper(), value)
    at = {"region": REGION, "endpoint_url": aws.url}
    if request.param == "dynamodb":
        config = {"table_name": f"jobs-{uuid.uuid4().hex}", "create_table": True, **at}
    else:
        server: RdsDataServer = request.getfixturevalue("rds_data")
        postgres: PostgresServer = request.getfixturevalue("postgres")
        postgres.create_database("large_outputs")
        config = {"cluster_arn": CLUSTER_ARN, "secret_arn": SECRET_ARN, "database": "large_outputs"}
        config |= {"endpoint_url": server.url}
    return {
        "database": {"provider": request.param, "config": config},
        "storage": {"provider": "s3", "config": {"bucket": aws.bucket(), **at}},
    }


@pytest.fixture
def project(tmp_path: Path, backend: dict[str, Any]) -> Make:
    """Opens the project."""
    stages = f"stages: {json.dumps({'local': {'infrastructure': backend}})}"
    return lambda: open_project(tmp_path, {"maker": maker, "reader": reader}, RULES, more=stages)


async def _ran(project: Make) -> Job:
    async with project() as opened:
        return await opened.run({"a": 1})


def _objects(aws: Aws, backend: dict[str, Any]) -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket=backend["storage"]["config"]["bucket"])
    return [entry["Key"] for entry in listed.get("Contents", ())]


def test_row_20_it_is_stored_once_read_back_whole_and_conditions_see_its_fields(
    project: Make, backend: dict[str, Any], aws: Aws
) -> None:
    job = asyncio.run(_ran(project))
    assert (job.status, job.error_message) == ("completed", None)
    assert job.agent_results == {"maker": maker(), "reader": {"length": SIZE}}
    [key] = _objects(aws, backend)
    assert "/maker/" in key

    async def look() -> None:
        async with project() as opened:
            assert await opened.db.get_agent_output(job.id, "maker") == maker()
            raw = await opened.db.inner.get_agent_output(job.id, "maker")  # type: ignore[attr-defined]
            assert raw["rows"] == 7, "what a condition reads stays in place"
            assert len(json.dumps(raw)) < 1000, "the database holds a stub"

    asyncio.run(look())


def test_row_21_an_object_that_was_deleted_behind_our_back_is_a_typed_error(
    project: Make, backend: dict[str, Any], aws: Aws
) -> None:
    job = asyncio.run(_ran(project))
    [key] = _objects(aws, backend)
    aws.client("s3").delete_object(Bucket=backend["storage"]["config"]["bucket"], Key=key)

    async def look() -> None:
        async with project() as opened:
            for read in (
                opened.db.get_job(job.id),
                opened.db.load(job.id),
                opened.db.get_agent_output(job.id, "maker"),
            ):
                with pytest.raises(StoredObjectMissingError, match="there is no object"):
                    await read
            assert await opened.db.get_agent_output(job.id, "reader") == {"length": SIZE}, "others are not touched"

    asyncio.run(look())


def test_row_21_an_object_that_was_changed_is_a_typed_error(project: Make, backend: dict[str, Any], aws: Aws) -> None:
    job = asyncio.run(_ran(project))
    [key] = _objects(aws, backend)
    bucket, s3 = backend["storage"]["config"]["bucket"], aws.client("s3")
    told = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    s3.put_object(Bucket=bucket, Key=key, Body=b'{"rows": 7, "text": "other"}', Metadata=told)

    async def look() -> None:
        async with project() as opened:
            with pytest.raises(StoredObjectChangedError):
                await opened.db.get_agent_output(job.id, "maker")

    asyncio.run(look())


def test_an_object_that_vanishes_between_two_steps_fails_the_agent_that_needs_it(
    tmp_path: Path, backend: dict[str, Any], aws: Aws
) -> None:
    def thief() -> dict[str, Any]:
        for key in _objects(aws, backend):
            aws.client("s3").delete_object(Bucket=backend["storage"]["config"]["bucket"], Key=key)
        return {"took": True}

    rules = "selection_rules:\n  - {name: all, agents: [{parallel: [maker]}, {parallel: [thief]}, reader]}"
    stages = f"stages: {json.dumps({'local': {'infrastructure': backend}})}"

    async def go() -> tuple[str, str | None]:
        agents = {"maker": maker, "thief": thief, "reader": reader}
        async with open_project(tmp_path, agents, rules, more=stages) as opened:
            job_id = await opened.jobs.submit({})
            while (advanced := await opened.orchestrator.advance(job_id)) is None or not advanced.status.is_final:
                await asyncio.sleep(0.05)
            stored = await opened.db.inner.get_job(job_id)  # type: ignore[attr-defined]
            return stored.status, stored.error_message

    status, reason = asyncio.run(go())
    assert status == "failed"
    assert reason is not None
    assert "agent reader failed" in reason
    assert "there is no object" in reason
