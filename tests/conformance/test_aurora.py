"""Aurora through the RDS Data API does what every database must: boto3, HTTP, and a real PostgreSQL behind it."""

from collections.abc import Callable
from typing import Any

import pytest

from agent_framework.infrastructure.database.aurora import AuroraConfig, AuroraDatabase
from agent_framework.testing.conformance.database import DatabaseConformance, OneMomentTests
from tests.support.postgres import PostgresServer
from tests.support.rds_data_server import CLUSTER_ARN, SECRET_ARN

CONFIG = {"cluster_arn": CLUSTER_ARN, "secret_arn": SECRET_ARN, "database": "conformance"}


class TestAurora(DatabaseConformance, OneMomentTests):
    backend = "aurora-serverless-v2 (Data API server, PostgreSQL)"

    @pytest.fixture
    def database(self, postgres: PostgresServer, rds_data_client: Any) -> Callable[[], AuroraDatabase]:
        postgres.empty("conformance")
        config = AuroraConfig.model_validate(CONFIG)
        return lambda: AuroraDatabase(config, client=rds_data_client)

    @pytest.fixture
    def reopen(self, database: Callable[[], AuroraDatabase]) -> Callable[[], AuroraDatabase]:
        return database
