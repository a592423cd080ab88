"""``validate --connect``: every backend of a stage is asked, and says what is wrong and what to do."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_framework.cli.main import main
from agent_framework.infrastructure.database.dynamodb.schema import definition
from tests.support.moto_server import CREDENTIALS, REGION, Aws
from tests.support.postgres import USER, PostgresServer, made
from tests.support.projects import yaml_of
from tests.support.rds_data_server import CLUSTER_ARN, SECRET_ARN, RdsDataServer

CANARY = "canary-7f3d9a"
LOCAL = {"database": {"provider": "sqlite"}, "queue": {"provider": "local"}, "storage": {"provider": "local"}}
Connect = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def connect(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Connect:
    """``connect(database={...})``: the exit code, each backend's answer by kind, and all that was printed."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)

    def run(**infrastructure: Any) -> tuple[int, dict[str, Any], str]:
        stages = {"there": {"infrastructure": {**LOCAL, **infrastructure}}}
        (tmp_path / "agents.yaml").write_text(yaml_of({"a": {}}, more=f"stages: {json.dumps(stages)}"), "utf-8")
        codes: list[int] = []
        printed = ""
        for more in ((), ("--json",)):
            with pytest.raises(SystemExit) as ended:
                main(["validate", "--project", str(tmp_path), "--stage", "there", "--connect", *more])
            codes.append(int(ended.value.code or 0))
            shown = capsys.readouterr()
            printed += shown.out + shown.err
        assert codes[0] == codes[1]
        return codes[0], {found["kind"]: found for found in json.loads(shown.out)["connections"]}, printed

    return run


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database."""
    name = f"connect_{uuid.uuid4().hex[:8]}"
    postgres.create_database(name)
    yield name
    postgres.query(f"DROP DATABASE {name} WITH (FORCE)")


def refused(answer: tuple[int, dict[str, Any], str], kind: str, *words: str) -> None:
    """The one backend that cannot be used is this one, for this reason; nothing secret was printed."""
    code, found, printed = answer
    assert code == 1
    assert [name for name, connection in found.items() if not connection["ok"]] == [kind]
    for word in words:
        assert word in found[kind]["message"]
    assert f"error: {kind} {found[kind]['provider']}: " in printed
    assert "1 of 3 backends cannot be used" in printed
    assert CANARY not in printed


def rds(postgres: PostgresServer, database: str, **changes: object) -> dict[str, Any]:
    return {"provider": "rds-postgres", "config": postgres.config(database, **changes)}


def aurora(server: RdsDataServer, database: str, **changes: str) -> dict[str, Any]:
    config = {"cluster_arn": CLUSTER_ARN, "secret_arn": SECRET_ARN, "database": database, "endpoint_url": server.url}
    return {"provider": "aurora-serverless-v2", "config": {**config, **changes}}


# -- all is well ---------------------------------------------------------------------------------------------------


def test_a_local_stage_is_reached_and_nothing_is_made(connect: Connect, tmp_path: Path) -> None:
    code, found, printed = connect()
    assert code == 0
    assert {connection["message"] for connection in found.values()} == {
        "there is no file yet, it is made at first use",
        "it can be read, and is empty",
    }
    assert "reached: database sqlite: there is no file yet" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["agents.yaml"]


def test_deployed_backends_are_reached_and_nothing_is_written(
    connect: Connect, aws: Aws, postgres: PostgresServer, rds_data: RdsDataServer, database: str
) -> None:
    at = {"region": REGION, "endpoint_url": aws.url}
    queue, bucket, table = aws.queue(), aws.bucket(), f"jobs-{uuid.uuid4().hex}"
    version = {"PK": {"S": "SCHEMA"}, "SK": {"S": "SCHEMA"}, "version": {"N": "1"}}
    aws.client("dynamodb").create_table(**definition(table))
    aws.client("dynamodb").put_item(TableName=table, Item=version)
    migrate(postgres, database)
    storage = {"provider": "s3", "config": {"bucket": bucket, **at}}
    queues = [
        {"provider": "sqs", "config": {"url": queue, **at}},
        {"provider": "eventbridge", "config": {"bus": aws.bus(queue), "queue_url": queue, **at}},
    ]
    databases = [
        rds(postgres, database),
        aurora(rds_data, database),
        {"provider": "dynamodb", "config": {"table_name": table, **at}},
    ]
    for one, other, schema in zip(databases, [*queues, queues[0]], (2, 2, 1), strict=True):
        code, found, printed = connect(database=one, queue=other, storage=storage)
        assert code == 0, printed
        assert found["database"]["message"] == f"schema version {schema}"
        assert found["queue"]["message"] == "0 messages ready, 0 in work"
        assert found["storage"]["message"] == "it can be read, and is empty"
    assert aws.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert aws.client("dynamodb").scan(TableName=table)["Items"] == [version]


# -- databases -----------------------------------------------------------------------------------------------------


def migrate(postgres: PostgresServer, database: str) -> None:
    async def go() -> None:
        async with made(postgres, database):
            """Entering migrates."""

    asyncio.run(go())


def test_a_wrong_password(connect: Connect, postgres: PostgresServer, database: str) -> None:
    wrong = rds(postgres, database, password=CANARY)
    refused(connect(database=wrong), "database", f"{postgres.port}/{database}", "check user and password")


def test_a_database_that_was_never_migrated(connect: Connect, postgres: PostgresServer, database: str) -> None:
    answer = connect(database=rds(postgres, database))
    refused(answer, "database", "schema version 0", "agent-framework db migrate")
    assert postgres.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database) == []


def test_a_newer_schema(connect: Connect, postgres: PostgresServer, database: str) -> None:
    migrate(postgres, database)
    postgres.query("INSERT INTO schema_migrations (version, name) VALUES (99, 'from the future')", database)
    refused(connect(database=rds(postgres, database)), "database", "schema version 99", "upgrade the package")


def test_a_host_that_nobody_serves(connect: Connect, postgres: PostgresServer, database: str) -> None:
    away = rds(postgres, database, port=1, retry_seconds=0.5, password=CANARY)
    refused(connect(database=away), "database", "127.0.0.1:1/", "check host, port")


def test_a_database_that_does_not_exist(connect: Connect, postgres: PostgresServer) -> None:
    refused(connect(database=rds(postgres, "nowhere")), "database", '"nowhere" does not exist', "create the database")


def test_a_password_whose_variable_is_not_set(connect: Connect, postgres: PostgresServer, database: str) -> None:
    config = {**postgres.config(database), "password_env": "NO_SUCH_VARIABLE"}
    del config["password"]
    answer = connect(database={"provider": "rds-postgres", "config": config})
    refused(answer, "database", "NO_SUCH_VARIABLE", "not set")


def test_an_arn_that_is_none(connect: Connect, rds_data: RdsDataServer, database: str) -> None:
    refused(connect(database=aurora(rds_data, database, cluster_arn="jobs")), "database", "cluster_arn", "arn:aws")


def test_an_arn_of_a_cluster_that_is_not_there(connect: Connect, rds_data: RdsDataServer, database: str) -> None:
    refused(connect(database=aurora(rds_data, database, cluster_arn=f"{CLUSTER_ARN}-other")), "database", "other")


def test_a_wrong_password_in_the_secret(connect: Connect, rds_data: RdsDataServer, database: str) -> None:
    rds_data.secrets[SECRET_ARN + "-wrong"] = (USER, CANARY)
    wrong = aurora(rds_data, database, secret_arn=SECRET_ARN + "-wrong")
    refused(connect(database=wrong), "database", database)


def test_a_table_that_does_not_exist(connect: Connect, aws: Aws) -> None:
    config = {"table_name": "no-such-table", "region": REGION, "endpoint_url": aws.url}
    answer = connect(database={"provider": "dynamodb", "config": config})
    refused(answer, "database", "'no-such-table' does not exist", "db migrate")
    assert "no-such-table" not in aws.client("dynamodb").list_tables()["TableNames"]


def test_a_table_without_its_version_is_to_be_migrated(connect: Connect, aws: Aws) -> None:
    table = f"jobs-{uuid.uuid4().hex}"
    aws.client("dynamodb").create_table(**definition(table))
    config = {"table_name": table, "region": REGION, "endpoint_url": aws.url}
    answer = connect(database={"provider": "dynamodb", "config": config})
    refused(answer, "database", "schema version 0", "db migrate")


def test_a_table_of_a_newer_version(connect: Connect, aws: Aws) -> None:
    table = f"jobs-{uuid.uuid4().hex}"
    aws.client("dynamodb").create_table(**definition(table))
    newer = {"PK": {"S": "SCHEMA"}, "SK": {"S": "SCHEMA"}, "version": {"N": "9"}}
    aws.client("dynamodb").put_item(TableName=table, Item=newer)
    config = {"table_name": table, "region": REGION, "endpoint_url": aws.url}
    answer = connect(database={"provider": "dynamodb", "config": config})
    refused(answer, "database", "schema version 9", "upgrade the package")


def test_a_file_where_none_can_be_made(connect: Connect) -> None:
    answer = connect(database={"provider": "sqlite", "config": {"path": "agents.yaml/jobs.sqlite"}})
    refused(answer, "database", "agents.yaml is not a folder")


def test_a_file_that_is_no_database(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, and longer than a header of one is. " * 50)
    answer = connect(database={"provider": "sqlite", "config": {"path": "notes.txt"}})
    refused(answer, "database", "notes.txt", "move it away")


# -- queues and storages -------------------------------------------------------------------------------------------


def test_a_queue_that_does_not_exist(connect: Connect, aws: Aws) -> None:
    config = {"name": "no-such-queue", "region": REGION, "endpoint_url": aws.url}
    refused(connect(queue={"provider": "sqs", "config": config}), "queue", "there is no such queue")


def test_a_bus_that_does_not_exist(connect: Connect, aws: Aws) -> None:
    config = {"bus": "no-such-bus", "queue_url": aws.queue(), "region": REGION, "endpoint_url": aws.url}
    refused(connect(queue={"provider": "eventbridge", "config": config}), "queue", "describe_event_bus", "no-such-bus")


def test_an_endpoint_that_nobody_serves(connect: Connect) -> None:
    config = {"bucket": "b-ucket", "region": REGION, "endpoint_url": "http://127.0.0.1:1"}
    refused(connect(storage={"provider": "s3", "config": config}), "storage", "127.0.0.1:1", "check the region")


def test_a_bucket_that_does_not_exist(connect: Connect, aws: Aws) -> None:
    config = {"bucket": "no-such-bucket", "region": REGION, "endpoint_url": aws.url}
    refused(connect(storage={"provider": "s3", "config": config}), "storage", "no such bucket")


def test_a_file_system_that_is_not_mounted(connect: Connect, tmp_path: Path) -> None:
    answer = connect(storage={"provider": "efs", "config": {"mount_path": str(tmp_path)}})
    refused(answer, "storage", "nothing is mounted")


def test_a_backend_without_configuration_says_what_it_needs(connect: Connect) -> None:
    refused(connect(storage={"provider": "s3"}), "storage", "set bucket to the name of the bucket")


def test_a_backend_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    import asyncio

    from agent_framework.core.connections import check_connections

    storage = {"provider": f"{__name__}:Silent"}
    stages = {"local": {"infrastructure": {"storage": storage}}}
    (tmp_path / "agents.yaml").write_text(yaml_of({"a": {}}, more=f"stages: {json.dumps(stages)}"), "utf-8")
    found = asyncio.run(check_connections(tmp_path, "local", limit_s=0.2))
    assert [connection.ok for connection in found] == [True, True, False]
    assert "no answer within 0.2 s" in found[2].message


class Silent:
    """A storage that never answers."""

    @classmethod
    def from_config(cls, config: dict[str, Any], root: Path) -> "Silent":
        return cls()

    async def probe(self) -> str:
        import asyncio

        await asyncio.sleep(60)
        return "too late"

    async def close(self) -> None:
        """Nothing to let go."""
