"""PostgreSQL when it cannot be reached, is not what was expected, or holds rows."""

import asyncio
import json
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from agent_framework.errors import (
    ConfigError,
    MissingExtraError,
    ProviderError,
    SchemaVersionError,
    StatementTimeoutError,
)
from agent_framework.infrastructure.database import DatabaseFactory, PostgresDatabase, _postgres_driver
from agent_framework.infrastructure.database._script import Statement
from agent_framework.infrastructure.database._sql_database import Access
from agent_framework.infrastructure.database.postgres import PostgresConfig
from tests.support.opening import refusal
from tests.support.postgres import PASSWORD, USER, PostgresServer, made


@pytest.fixture
def empty(postgres: PostgresServer) -> str:
    """A database without tables."""
    postgres.create_database("empty")
    return "empty"


# -- configuration and connections ---------------------------------------------------------------------------------


def test_a_wrong_password_is_told_at_once_and_without_it(postgres):
    start = time.monotonic()
    message = refusal(made(postgres, password="wrong-secret"))
    assert "password authentication failed" in message
    assert "check user and password" in message
    assert "wrong-secret" not in message
    assert time.monotonic() - start < 3


def test_an_unreachable_server_is_told_after_the_time_for_retries(postgres):
    message = refusal(made(postgres, port=1, retry_seconds=0.4), passes=True)
    assert "127.0.0.1:1/conformance" in message
    assert "check host, port, network" in message


def test_a_missing_database_is_told_at_once(postgres):
    assert 'database "nothing" does not exist' in refusal(made(postgres, "nothing"))


def test_a_malformed_dsn_is_not_repeated_in_the_error(postgres):
    database = PostgresDatabase(PostgresConfig.model_validate({"dsn": "host=x password=top-secret bad word"}))
    message = refusal(database)
    assert "check dsn" in message
    assert "top-secret" not in message


def test_secrets_are_not_shown_by_a_configuration(postgres):
    config = PostgresConfig.model_validate(postgres.config("x"))
    assert PASSWORD not in repr(config)
    assert PASSWORD not in str(config.model_dump())


def test_a_dsn_is_enough(postgres):
    dsn = f"postgresql://{USER}:{PASSWORD}@{postgres.host}:{postgres.port}/conformance"

    async def go() -> None:
        async with DatabaseFactory.create("postgres", {"dsn": dsn}) as db:
            assert await db.now() > 0

    asyncio.run(go())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "give host"),
        ({"dsn": "x", "host": "y"}, "dsn excludes host"),
        ({"host": "x", "password": "a", "password_env": "B"}, "one of password"),
        ({"host": "x", "pool_min": 5, "pool_max": 2}, "pool_min is above pool_max"),
        ({"host": "x", "sslmode": "maybe"}, "sslmode"),
        ({"host": "x", "hots": "y"}, "hots"),
    ],
)
def test_a_wrong_configuration_is_refused(config, words):
    with pytest.raises(ConfigError, match=words):
        DatabaseFactory.create("rds-postgres", config)


def test_the_password_comes_from_a_named_variable(postgres):
    config = PostgresConfig.model_validate(
        {**postgres.config("conformance", password=None), "password_env": "JOBS_PASSWORD"}
    )

    async def go() -> None:
        async with PostgresDatabase(config, environ={"JOBS_PASSWORD": PASSWORD}) as db:
            assert await db.now() > 0
        with pytest.raises(ConfigError, match="JOBS_PASSWORD"):
            await PostgresDatabase(config, environ={}).migrate()

    asyncio.run(go())


class Secrets:
    """Secrets Manager whose secret was rotated after the first reading."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        return {"SecretString": value if isinstance(value, str) else json.dumps(value)}


def test_credentials_come_from_a_secret_also_after_its_rotation(postgres):
    where = {"host": postgres.host, "port": postgres.port, "dbname": "conformance", "username": USER}
    secrets = Secrets({**where, "password": "old"}, {**where, "password": PASSWORD})
    config = PostgresConfig.model_validate({"secret": "jobs"})

    async def go() -> None:
        async with PostgresDatabase(config, secrets=secrets) as db:
            assert await db.now() > 0

    asyncio.run(go())


def test_a_secret_that_is_no_object_is_told(postgres):
    config = PostgresConfig.model_validate({"secret": "jobs"})
    assert "holds no JSON object" in refusal(PostgresDatabase(config, secrets=Secrets("just text")))


def test_without_the_driver_the_extra_is_named(postgres, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"\[postgres\]"):
        made(postgres)


def test_a_second_event_loop_is_refused(postgres):
    database = made(postgres)
    asyncio.run(database.migrate())
    with pytest.raises(ProviderError, match="second event loop"):
        asyncio.run(database.migrate())


# -- schema --------------------------------------------------------------------------------------------------------


def test_missing_tables_are_told_with_the_command_that_makes_them(postgres, empty):
    async def go() -> None:
        database = made(postgres, empty)
        try:
            with pytest.raises(ProviderError, match="agent-framework db migrate"):
                await database.list_jobs()
            with pytest.raises(SchemaVersionError, match=r"version 0.*db migrate"):
                await database.check_schema()
        finally:
            await database.close()

    asyncio.run(go())


def test_a_newer_schema_is_refused_and_not_touched(postgres, empty):
    async def go() -> None:
        async with made(postgres, empty):
            pass
        postgres.query("INSERT INTO schema_migrations (version, name) VALUES (99, 'later')", empty)
        database = made(postgres, empty)
        try:
            for refused in (database.migrate, database.check_schema):
                with pytest.raises(SchemaVersionError, match=r"version 99.*upgrade the package"):
                    await refused()
        finally:
            await database.close()

    asyncio.run(go())


def test_five_processes_migrate_at_once(postgres, empty):
    async def go() -> None:
        databases = [made(postgres, empty) for _ in range(5)]
        try:
            assert len(set(await asyncio.gather(*(database.migrate() for database in databases)))) == 1
        finally:
            await asyncio.gather(*(database.close() for database in databases))

    asyncio.run(go())
    assert postgres.query("SELECT count(*) FROM schema_migrations", empty) == [(2,)]


def test_times_and_payloads_have_types_that_a_reader_can_use(migrated):
    types = dict(
        migrated.query(
            """SELECT column_name, data_type FROM information_schema.columns
            WHERE table_name = 'jobs' AND table_schema = 'public'""",
            "conformance",
        )
    )
    assert types["created_at"] == types["due_at"] == "timestamp with time zone"
    assert types["request_payload"] == types["plan"] == "json"
    assert types["cancel_requested"] == "boolean"


def test_due_jobs_are_found_by_their_index(migrated):
    plan = "\n".join(
        str(row[0])
        for row in migrated.query(
            """SET enable_seqscan = off; EXPLAIN SELECT id FROM jobs WHERE due_at <= statement_timestamp()
            ORDER BY due_at, id LIMIT 100""",
            "conformance",
        )
    )
    assert "jobs_due" in plan


# -- statements ----------------------------------------------------------------------------------------------------


def test_a_deadlock_is_run_again(postgres):
    def script(first: str, second: str):
        for job_id in (first, second):
            yield Statement("UPDATE jobs SET signals = signals + 1 WHERE id = :id", {"id": job_id})
            yield Statement("SELECT CAST(pg_sleep(0.2) AS TEXT) AS slept")

    async def go() -> None:
        async with made(postgres) as db:
            one, two = await db.create_job("ada", "t", {}), await db.create_job("ada", "t", {})
            await asyncio.gather(
                db._run(lambda: script(one, two), Access.WRITE), db._run(lambda: script(two, one), Access.WRITE)
            )
            jobs = [await db.get_job(job_id) for job_id in (one, two)]
            assert [job.signals for job in jobs if job is not None] == [2, 2]

    asyncio.run(go())


def test_a_transaction_whose_process_is_stopped_lets_go_of_its_rows_and_is_run_again(
    postgres: PostgresServer, migrated: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_postgres_driver, "IDLE_IN_TRANSACTION_S", 0.3)
    holds, goes_on = threading.Event(), threading.Event()

    async def new_job() -> str:
        async with made(postgres) as db:
            return await db.create_job("ada", "t", {})

    job_id = asyncio.run(new_job())

    def script():
        yield Statement("UPDATE jobs SET signals = signals + 1 WHERE id = :id", {"id": job_id})
        holds.set()
        goes_on.wait(10)  # the whole process stands still, as by SIGSTOP
        yield Statement("SELECT 1 AS one")

    async def stand_still() -> None:
        async with made(postgres) as db:
            await db._run(script, Access.WRITE)

    async def signal() -> int:
        async with made(postgres) as db, asyncio.timeout(5):
            await db.signal_job(job_id)
            goes_on.set()
            await asyncio.to_thread(stopped.join)
            job = await db.get_job(job_id)
            assert job is not None
            return job.signals

    stopped = threading.Thread(target=lambda: asyncio.run(stand_still()))
    stopped.start()
    assert holds.wait(5)
    assert asyncio.run(signal()) == 2


def test_a_statement_that_takes_too_long_is_a_typed_error(postgres):
    dsn = (
        f"host={postgres.host} port={postgres.port} dbname=conformance user={USER} password={PASSWORD} "
        "options='-c statement_timeout=300'"
    )

    async def go() -> None:
        async with PostgresDatabase(PostgresConfig.model_validate({"dsn": dsn})) as db:
            job_id = await db.create_job("ada", "t", {})
            with psycopg.connect(
                host=str(postgres.folder), port=postgres.port, user="postgres", dbname="conformance"
            ) as held:
                held.execute("SELECT 1 FROM jobs WHERE id = %s FOR UPDATE", (job_id,))
                with pytest.raises(StatementTimeoutError, match="took too long"):
                    await db.signal_job(job_id)
                held.rollback()
            assert await db.signal_job(job_id)

    asyncio.run(go())


def test_the_view_has_a_column_for_each_agents_field(postgres):
    async def go() -> None:
        async with made(postgres) as db:
            await db.migrate(outputs={"cleaner": "cleaned_data", "writer": "report"})
            await db.create_output_view({"cleaner": "cleaned_data", "writer": "report_payload"})
            job_id = await db.create_job("ada", "t", {})
            await db.store_agent_output(job_id, "cleaner", {"rows": 3})
            rows = postgres.query(
                f"SELECT status, cleaned_data ->> 'rows', report_payload FROM job_outputs WHERE job_id = '{job_id}'",
                "conformance",
            )
            assert rows == [("pending", "3", None)]
            for bad in ({"a": "x; drop"}, {"a": "status"}, {"a": "x", "b": "x"}):
                with pytest.raises(ConfigError, match="database_field"):
                    await db.create_output_view(bad)

    asyncio.run(go())
    postgres.query("DROP VIEW job_outputs", "conformance")


def test_a_factory_makes_it_from_its_names(tmp_path: Path):
    for name in ("postgres", "postgresql", "rds-postgres"):
        assert isinstance(DatabaseFactory.create(name, {"host": "db"}, root=tmp_path), PostgresDatabase)
