"""MIGRATION.md's SQL on a populated original schema, on a real PostgreSQL: what was there is there, for all readers."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.examples.alex_finance.support import EXAMPLE, Alex
from tests.support.postgres import PASSWORD, USER, PostgresServer

ORIGINAL = Path(__file__).with_name("original_schema.sql")
OLD_READER = """SELECT id, clerk_user_id, job_type, status, request_payload, report_payload, charts_payload,
    retirement_payload, summary_payload, error_message, created_at, started_at, completed_at
    FROM jobs WHERE clerk_user_id = 'user_old' AND status IN ('completed', 'error') ORDER BY created_at"""
DONE = "11111111-1111-4111-8111-111111111111"
PENDING = "44444444-4444-4444-8444-444444444444"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    made = PostgresServer()
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Migrated:
    """A copy of the example whose stage local is the database, and the database."""

    def __init__(self, server: PostgresServer, folder: Path, name: str) -> None:
        server.create_database(name)
        self.address = f"postgresql://{USER}:{PASSWORD}@{server.host}:{server.port}/{name}"
        self.alex = Alex.copy_to(folder / "alex-finance")
        config = ", ".join(f"{key}: {value}" for key, value in server.config(name).items())
        with (self.alex.folder / "agents.yaml").open("a") as file:
            file.write(
                f"\ninfrastructure:\n  database: {{provider: rds-postgres, config: {{{config}}}}}\n"
                "  storage: {provider: local}\n"
            )
        self.execute(ORIGINAL.read_text("utf-8"))

    def execute(self, script: str) -> None:
        """Run a script, as psql does."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(script)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def read(self, query: str, search_path: str = "public") -> list[dict[str, Any]]:
        with psycopg.connect(self.address, row_factory=dict_row, options=f"-c search_path={search_path}") as connection:
            return connection.execute(query).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]

    def step(self, name: str) -> None:
        """A file of the migration."""
        self.execute((EXAMPLE / "migration" / name).read_text("utf-8"))

    def new_tables(self) -> None:
        """The commands between the two files."""
        assert "0001_portfolios" in self.alex.data("migrate", ALEX_DATABASE=self.address)
        done = self.alex.framework("db", "migrate", "--stage", "dev")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(200)
def test_a_populated_original_goes_on_for_old_and_new_readers(server: PostgresServer, tmp_path: Path):
    old = Migrated(server, tmp_path, "original")
    before = old.read(OLD_READER)
    assert len(before) == 2
    old.step("1-set-aside.sql")
    old.new_tables()
    old.step("2-copy.sql")
    old.step("2-copy.sql")

    *same, ran = old.read(OLD_READER, "alex_readers,public")
    assert same == before
    assert (str(ran["id"])[:8], ran["status"]) == ("33333333", "error")
    assert ran["error_message"] == "it ran when its system was replaced; submit it again"

    shown = old.alex.framework("jobs", "show", DONE, "--stage", "dev")
    assert "completed" in shown.stdout, shown.stdout + shown.stderr
    assert re.search(
        r"report_payload \d\d .*retirement_payload \d\d ", old.alex.backend("check_jobs", "--stage", "dev").stdout
    )

    portfolio = old.alex.data("show", "user_old", ALEX_DATABASE=old.address)
    by_hand = 5000 + 100 * Decimal("450.25") + 30 + Decimal("1000.50") + Decimal("55.59") + 725
    assert f'"total": "{by_hand}"' in portfolio
    assert '"missing_prices": [\n    "NONE"' in portfolio
    assert "HALF" in portfolio[portfolio.index('"unclassified": [') :]

    done = old.alex.framework("run", "--offline", "--stage", "dev", "--resume", PENDING, ALEX_DATABASE=old.address)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = old.read(f"SELECT * FROM jobs WHERE id = CAST('{PENDING}' AS UUID)", "alex_readers,public")
    assert (row["status"], row["clerk_user_id"]) == ("completed", "user_old")
    assert row["report_payload"]["agent"] == "reporter"
    assert len(row["charts_payload"]) == 5
    assert row["retirement_payload"]["portfolio_value"] == str(by_hand)
    assert "Olive has" in row["summary_payload"]["summary"]


def test_what_the_new_tables_would_refuse_is_named_before_anything_is_copied(server: PostgresServer, tmp_path: Path):
    old = Migrated(server, tmp_path, "wrong")
    old.execute("UPDATE positions SET quantity = -3 WHERE symbol = 'BND'; UPDATE users SET years_until_retirement = 99")
    old.step("1-set-aside.sql")
    old.new_tables()
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        old.step("2-copy.sql")
    for words in ("correct this in alex_original first", "position BND", "quantity -3", "user user_old: 99 years"):
        assert words in str(caught.value)
    assert old.read("SELECT count(*) AS users FROM users") == [{"users": 0}]
