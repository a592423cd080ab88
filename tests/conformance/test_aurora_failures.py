"""The RDS Data API when the cluster is paused, answers get lost, limits are reached, or something is not there."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from agent_framework.errors import ConfigError, ProviderError, SchemaVersionError, StatementTimeoutError
from agent_framework.infrastructure.database import AuroraDatabase, DatabaseFactory, _data_api
from agent_framework.infrastructure.database._postgres_dialect import DIALECT
from agent_framework.infrastructure.database._postgres_scripts import PostgresScripts
from agent_framework.infrastructure.database.aurora import AuroraConfig
from agent_framework.infrastructure.database.base import Changes
from agent_framework.types import AgentOutcome, Attempt, AttemptKey, AttemptState, Event, EventKind, JobStatus
from tests.support.opening import refusal
from tests.support.postgres import PostgresServer
from tests.support.rds_data_server import CLUSTER_ARN, SECRET_ARN, ApiError, RdsDataServer

CONFIG = {"cluster_arn": CLUSTER_ARN, "secret_arn": SECRET_ARN, "database": "conformance"}


@pytest.fixture(autouse=True)
def server(rds_data: RdsDataServer, postgres: PostgresServer) -> Iterator[RdsDataServer]:
    """The service without faults, before and after."""
    postgres.empty("conformance")
    rds_data.forget()
    rds_data.requests.clear()
    yield rds_data
    rds_data.forget()


@pytest.fixture
def made(rds_data_client: Any):
    """Makes a provider: ``made(database="empty")``."""

    def make(**changes: Any) -> AuroraDatabase:
        return AuroraDatabase(AuroraConfig.model_validate(CONFIG | changes), client=rds_data_client)

    return make


# -- configuration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cluster_arn": "jobs"}, "cluster_arn"),
        ({"cluster_arn": "arn:aws:rds:eu-central-1:1:db:jobs"}, "cluster_arn"),
        ({"secret_arn": "secret"}, "secret_arn"),
        ({"database": ""}, "database"),
        ({"databse": "x"}, "databse"),
    ],
)
def test_a_wrong_configuration_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        DatabaseFactory.create("aurora", CONFIG | changes)


def test_fields_for_deploying_are_accepted():
    config = {**CONFIG, "engine": "postgresql", "min_capacity": 0.5, "max_capacity": 1.0}
    for name in ("aurora", "aurora-serverless-v2"):
        assert isinstance(DatabaseFactory.create(name, config), AuroraDatabase)


def test_an_own_client_makes_one_try_in_the_clusters_region(monkeypatch, server):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    async def go() -> None:
        async with DatabaseFactory.create("aurora", {**CONFIG, "endpoint_url": server.url}) as db:
            assert await db.now() > 0
            assert isinstance(db, AuroraDatabase)
            meta = db._made_client().meta
            assert (meta.region_name, meta.config.retries["total_max_attempts"]) == ("eu-central-1", 1)

    asyncio.run(go())


def test_an_unknown_cluster_is_told(made):
    message = refusal(made(cluster_arn="arn:aws:rds:eu-central-1:123456789012:cluster:other"))
    assert "HttpEndpoint is not enabled" in message
    assert "cluster:other" in message


def test_an_unknown_secret_is_told(made):
    message = refusal(made(secret_arn="arn:aws:secretsmanager:eu-central-1:123456789012:secret:other"))
    assert "check secret_arn" in message


def test_a_wrong_password_in_the_secret_is_told_without_it(made, server):
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:wrong"
    server.secrets[arn] = ("jobs", "wrong-secret")
    message = refusal(made(secret_arn=arn))
    assert "password authentication failed" in message
    assert "wrong-secret" not in message


def test_an_unreachable_endpoint_is_told():
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "rds-data",
        region_name="eu-central-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}),
    )
    config = AuroraConfig.model_validate({**CONFIG, "retry_seconds": 0.3})
    assert "check the region and the network" in refusal(AuroraDatabase(config, client=client), passes=True)
    client.close()


# -- schema --------------------------------------------------------------------------------------------------------


def test_missing_tables_are_told_with_the_command_that_makes_them(made, postgres):
    postgres.create_database("empty_aurora")

    async def go() -> None:
        database = made(database="empty_aurora")
        with pytest.raises(ProviderError, match="agent-framework db migrate"):
            await database.list_jobs()
        with pytest.raises(SchemaVersionError, match=r"version 0.*db migrate"):
            await database.check_schema()
        await database.close()

    asyncio.run(go())


def test_it_migrates_to_the_same_schema_as_postgres_and_refuses_a_newer_one(made, postgres, server):
    postgres.create_database("empty_aurora")

    async def go() -> None:
        databases = [made(database="empty_aurora") for _ in range(3)]
        await asyncio.gather(*(database.migrate() for database in databases))
        postgres.query("INSERT INTO schema_migrations (version, name) VALUES (99, 'later')", "empty_aurora")
        with pytest.raises(SchemaVersionError, match=r"version 99.*upgrade the package"):
            await databases[0].migrate()
        for database in databases:
            await database.close()

    asyncio.run(go())
    assert postgres.query("SELECT count(*) FROM schema_migrations", "empty_aurora") == [(3,)]


def test_the_view_has_a_column_for_each_agents_field(made, postgres):
    async def go() -> None:
        async with made() as db:
            await db.create_output_view({"cleaner": "cleaned_data"})
            job_id = await db.create_job("ada", "t", {})
            await db.store_agent_output(job_id, "cleaner", {"rows": 3})

    asyncio.run(go())
    assert postgres.query("SELECT cleaned_data ->> 'rows' FROM job_outputs", "conformance") == [("3",)]
    postgres.query("DROP VIEW job_outputs", "conformance")


# -- a cluster that pauses, throttles, loses answers ---------------------------------------------------------------


def test_row_25_a_paused_cluster_is_waited_for(made, server):
    async def go() -> None:
        async with made() as db:
            server.resuming_until = time.monotonic() + 0.8
            job_id = await db.create_job("ada", "t", {})
            server.resuming_until = time.monotonic() + 0.3
            assert await db.get_job(job_id) is not None

    asyncio.run(go())


def test_a_cluster_that_does_not_start_in_time_is_told(made, server):
    server.resuming_until = time.monotonic() + 60
    message = refusal(made(resume_seconds=0.3), passes=True)
    assert "DatabaseResumingException" in message
    assert "raise resume_seconds" in message


FAULTS = pytest.mark.parametrize(
    "fault",
    [
        {"code": ""},
        {"code": "InternalServerErrorException", "status": 500},
        {"code": "ServiceUnavailableError", "status": 503},
        {"code": "ThrottlingException"},
    ],
    ids=["cut", "500", "503", "throttled"],
)


@FAULTS
@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
def test_a_signal_is_counted_once_wherever_a_request_fails(made, server, after, fault):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            server.fail("Execute", after=after, **fault)
            assert await db.signal_job(job_id)
            job = await db.get_job(job_id)
            assert job is not None
            assert (job.signals, server.planted) == (1, 0)

    asyncio.run(go())


@FAULTS
@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
@pytest.mark.parametrize("operation", ["BeginTransaction", "Execute", "CommitTransaction"])
def test_a_transaction_happens_once_wherever_a_request_fails(made, server, operation, after, fault):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            server.fail(operation, after=after, **fault)
            await db.update_job_status(job_id, JobStatus.RUNNING)
            job = await db.get_job(job_id)
            assert job is not None
            assert (job.signals, server.planted) == (1, 0)

    asyncio.run(go())


@pytest.mark.parametrize("after", [True, False], ids=["answer lost", "request lost"])
def test_row_23_a_claim_whose_answer_was_cut_off_happens_once(made, server, after):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            server.fail("Execute", after=after)
            snapshot = await db.claim_job(job_id, "worker", 30.0)
            assert snapshot is not None
            assert (snapshot.job.epoch, server.planted) == (1, 0)
            assert await db.commit(snapshot, Changes(status=JobStatus.RUNNING)) is None

    asyncio.run(go())


def test_clearing_receipts_away_never_repeats_a_transaction(made, server, monkeypatch):
    monkeypatch.setattr(_data_api, "DROP_EVERY", 1)

    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            server.requests.clear()
            assert await db.signal_job(job_id)
            sent = [sql.split("(")[0].split(" WHERE")[0] for path, sql in server.requests if path == "/Execute"]
            assert sent[-1] == "DELETE FROM transaction_receipts"
            original = server.answer

            def refuse(path, body):
                if "DELETE FROM transaction_receipts" in body.get("sql", ""):
                    raise ApiError("InternalServerErrorException", "planted", 500)
                return original(path, body)

            monkeypatch.setattr(server, "answer", refuse)
            assert await db.signal_job(job_id)
            job = await db.get_job(job_id)
            assert job is not None
            assert job.signals == 2

    asyncio.run(go())


def test_retries_end(made, server):
    async def go() -> None:
        async with made(retry_seconds=0.3) as db:
            server.fail("Execute", "ThrottlingException", times=50, message="Rate exceeded")
            start = time.monotonic()
            with pytest.raises(ProviderError, match="Rate exceeded"):
                await db.now()
            assert time.monotonic() - start < 3

    asyncio.run(go())


def test_a_transaction_that_the_service_dropped_is_run_again(made, server):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            server.fail("Execute", "TransactionNotFoundException", status=404)
            assert await db.signal_job(job_id)

    asyncio.run(go())


def test_the_engines_steps_are_one_request_each_and_a_decision_about_a_job_that_is_not_known_two(made, server):
    async def go() -> None:
        async with made() as db:
            server.requests.clear()
            job_id = await db.create_job("ada", "t", {})
            key = AttemptKey(job_id, 1, 1, "writer", 1)
            attempt = Attempt(key, "writer", AttemptState.PENDING, 0.0, 4e9)
            changes = Changes(
                events=(Event(1, 1, EventKind.STARTED, {}),), attempts=(attempt,), status=JobStatus.RUNNING
            )
            assert requests() == 1
            assert await db.decide_job(job_id, "me", 30.0, lambda snapshot: changes)
            assert requests() == 1, "the job was made here, and nobody else has written about it"
            assert await db.decide_job(job_id, "me", 30.0, lambda snapshot: Changes())
            assert requests() == 2, "others may have started its attempt"
            assert await db.load(job_id)
            assert requests() == 1
            assert await db.start_attempt(key, "worker", 30.0)
            assert requests() == 1
            outcome = AgentOutcome(AttemptState.SUCCEEDED, output={})
            assert await db.commit_outcome(key, "worker", outcome, produced_by="writer")
            assert requests() == 1
            assert await db.get_job(job_id)
            assert requests() == 1

    def requests() -> int:
        count = len(server.requests)
        server.requests.clear()
        return count

    asyncio.run(go())


# -- limits --------------------------------------------------------------------------------------------------------


def test_row_20_a_snapshot_above_the_limit_of_an_answer_is_read_in_parts(made, server):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {"text": "é" * 200_000})
            snapshot = await db.claim_job(job_id, "worker", 30.0)
            assert snapshot is not None
            events = tuple(Event(n, 1, EventKind.RULE, {"n": n, "why": "x" * 10_000}) for n in range(1, 131))
            key = AttemptKey(job_id, 1, 1, "writer", 1)
            attempt = Attempt(key, "writer", AttemptState.PENDING, snapshot.now, snapshot.now + 60)
            await db.commit(snapshot, Changes(events=events, attempts=(attempt,), status=JobStatus.RUNNING))
            assert await db.start_attempt(key, "worker", 60.0) is not None
            outcome = AgentOutcome(AttemptState.SUCCEEDED, output={"text": "漢" * 300_000})
            assert await db.commit_outcome(key, "worker", outcome, produced_by="writer")
            server.requests.clear()
            loaded = await db.load(job_id)
            assert loaded is not None
            assert any("json_agg" in sql for _, sql in server.requests)
            assert loaded.job.request_payload == {"text": "é" * 200_000}
            assert loaded.job.agent_results == {"writer": {"text": "漢" * 300_000}}
            assert [event.data["n"] for event in loaded.events] == list(range(1, 131))
            assert loaded.job.created_at == pytest.approx(await db.now(), abs=30)
            [stored] = loaded.attempts
            assert stored.not_before == pytest.approx(attempt.not_before, abs=1e-3)

    asyncio.run(go())


def test_row_20_what_is_read_in_parts_is_one_text_whenever_its_parts_are_read(made, server):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            await db.store_agent_output(job_id, "writer", {"text": "é" * 400_000})
            counts: set[int] = set()
            for _ in range(20):  # a time is written with one digit less at every tenth moment
                server.requests.clear()
                job = await db.get_job(job_id)
                assert job is not None
                assert job.agent_results == {"writer": {"text": "é" * 400_000}}
                counts.add(len(server.requests))
            assert len(counts) == 1

    asyncio.run(go())


def test_row_20_parts_of_texts_that_differ_are_never_put_together(made, monkeypatch):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            await db.store_agent_output(job_id, "writer", {"text": "é" * 400_000})
            never_the_same = "TIMESTAMPTZ '2026-01-01' + FLOOR(1000000 * random()) * INTERVAL '1 microsecond'"
            monkeypatch.setattr(db, "_scripts", PostgresScripts(replace(DIALECT, now=f"({never_the_same})")))
            with pytest.raises(ProviderError, match="changed while it was read in parts") as caught:
                await db.get_job(job_id)
            assert caught.value.retryable

    asyncio.run(go())


def test_a_long_list_of_jobs_is_read_in_parts(made):
    async def go() -> None:
        async with made() as db:
            for _ in range(12):
                await db.create_job("ada", "t", {"text": "x" * 100_000})
            jobs = await db.list_jobs()
            assert [len(job.request_payload["text"]) for job in jobs] == [100_000] * 12
            assert [job.created_at for job in jobs] == sorted((job.created_at for job in jobs), reverse=True)

    asyncio.run(go())


def test_row_25_a_statement_that_takes_too_long_is_a_typed_error(made, server, postgres):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            server.forget()
            server.limits.statement_s = 0.3
            with psycopg.connect(
                host=str(postgres.folder), port=postgres.port, user="postgres", dbname="conformance"
            ) as held:
                held.execute("SELECT 1 FROM jobs WHERE id = %s FOR UPDATE", (job_id,))
                with pytest.raises(StatementTimeoutError, match="45 s"):
                    await db.signal_job(job_id)
                held.rollback()
            assert await db.signal_job(job_id)

    asyncio.run(go())


def test_an_idle_transaction_is_rolled_back_by_the_service(made, server, rds_data_client):
    async def go() -> None:
        async with made() as db:
            job_id = await db.create_job("ada", "t", {})
            address = {"resourceArn": CLUSTER_ARN, "secretArn": SECRET_ARN}
            opened = rds_data_client.begin_transaction(**address, database="conformance")["transactionId"]
            rds_data_client.execute_statement(
                **address, database="conformance", transactionId=opened, sql="DELETE FROM jobs"
            )
            server.limits.idle_s = 0.0
            with pytest.raises(rds_data_client.exceptions.TransactionNotFoundException):
                rds_data_client.commit_transaction(**address, transactionId=opened)
            server.limits.idle_s = 180.0
            assert await db.get_job(job_id) is not None

    asyncio.run(go())


def test_errors_hold_no_values(made):
    async def go() -> None:
        async with made() as db:
            with pytest.raises(ProviderError) as caught:
                await db.create_job("ada\u0000", "t", {"card": "4111-1111"})
            assert "4111" not in str(caught.value)

    asyncio.run(go())
