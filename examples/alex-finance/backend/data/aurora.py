"""Aurora through the RDS Data API: HTTPS instead of connections, so that functions need no VPC.

The address is ``aurora://DATABASE?cluster=ARN&secret=ARN``. SQL is PostgreSQL's; each transaction is one of the Data
API's, which rolls it back by itself where its caller dies. boto3 makes three tries of what is throttled; a cluster that
is resuming, or an answer that is lost, is worth another attempt of the agent, whose writes may all be repeated.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agent_framework.errors import ConfigError, ProviderError, RetryableError
from backend.portfolio.allocation import PortfolioError

from .drivers import POSTGRES_TYPES, MissingTablesError, Params, Row, Transaction

SCHEME = "aurora://"
_PASSING = frozenset(
    {
        "DatabaseResumingException",
        "DatabaseUnavailableException",
        "InternalServerErrorException",
        "ServiceUnavailableError",
        "StatementTimeoutException",
        "ThrottlingException",
        "TransactionNotFoundException",
    }
)
_STATE = re.compile(r"SQLState: ?([0-9A-Z]{5})")
CONNECT_S, READ_S = 5, 60


class AuroraDriver:
    """A database of an Aurora cluster with the Data API switched on."""

    types = POSTGRES_TYPES

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if not parts.netloc or not {"cluster", "secret"} <= given.keys():
            raise ConfigError(f"{address!r} is no address of a database; write {SCHEME}DATABASE?cluster=ARN&secret=ARN")
        self._place = {"resourceArn": given["cluster"], "secretArn": given["secret"]}
        self._database = parts.netloc
        self._region = given["cluster"].split(":")[3] if given["cluster"].count(":") >= 6 else None
        self.place = f"Aurora {given['cluster'].rpartition(':')[2]}/{parts.netloc}"

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": 3, "mode": "standard"}
        )
        return boto3.session.Session().client("rds-data", region_name=self._region, config=config)

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            begun = self._client.begin_transaction(**self._place, database=self._database)["transactionId"]
            transaction = _AuroraTransaction(self._client, {**self._place, "transactionId": begun}, self._database)
            try:
                if snapshot:
                    transaction.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield transaction
            except BaseException:
                with suppress(BotoCoreError, ClientError):
                    self._client.rollback_transaction(**self._place, transactionId=begun)
                raise
            self._client.commit_transaction(**self._place, transactionId=begun)
        except ClientError as exc:
            raise self._told(exc) from exc
        except BotoCoreError as exc:
            raise RetryableError(f"{self.place}: {exc}") from exc

    def _told(self, error: Any) -> Exception:
        """AWS's answer as the error that every driver raises."""
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        found = _STATE.search(message)
        state, text = found[1] if found else "", f"{self.place}: {message.partition(chr(10))[0]}"
        if state[:2] in ("22", "23"):
            return PortfolioError(f"{self.place} refuses this: {message.partition(chr(10))[0]}")
        if state == "42P01":
            return MissingTablesError(text)
        if code in _PASSING or state[:2] in ("08", "40", "57"):
            return RetryableError(text)
        return ProviderError(f"{text} ({code})")


class _AuroraTransaction:
    def __init__(self, client: Any, place: dict[str, str], database: str) -> None:
        self._client = client
        self._place = {**place, "database": database}

    def run(self, sql: str, params: Params | None = None) -> Sequence[Row]:
        answer = self._client.execute_statement(
            **self._place,
            sql=sql.format(**POSTGRES_TYPES),
            parameters=[{"name": name, "value": _field(value)} for name, value in (params or {}).items()],
            includeResultMetadata=True,
        )
        names = [column.get("label") or column["name"] for column in answer.get("columnMetadata", ())]
        return [dict(zip(names, map(_value, record), strict=True)) for record in answer.get("records", ())]


def _field(value: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    return {"longValue": value} if isinstance(value, int) else {"stringValue": str(value)}


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
