"""Migrations of the example's own tables: ``migrations/NNNN_name.sql``, each applied once, in order.

One text serves all databases; drivers put in the column types that differ, for ``{decimal}`` and ``{json}``.
"""

from pathlib import Path

from agent_framework.errors import SchemaVersionError

from .drivers import Driver, Transaction

FOLDER = Path(__file__).with_name("migrations")
_TABLE = "CREATE TABLE IF NOT EXISTS alex_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)"


def migrate(driver: Driver) -> list[str]:
    """Apply what is missing, in one transaction; the names of what was applied.

    Raises:
        SchemaVersionError: the database is newer than this code.
    """
    files = sorted(FOLDER.glob("*.sql"))
    with driver.transaction() as transaction:
        transaction.run(_TABLE)
        current = _current(transaction)
        if current > len(files):
            raise SchemaVersionError(
                f"{driver.place} has schema {current}, this code knows {len(files)}; use a newer version of the code"
            )
        for number, file in enumerate(files[current:], start=current + 1):
            for statement in filter(str.strip, file.read_text("utf-8").split(";\n")):
                transaction.run(statement)
            transaction.run(
                "INSERT INTO alex_migrations (number, name) VALUES (:number, :name)",
                {"number": number, "name": file.stem},
            )
    return [file.stem for file in files[current:]]


def _current(transaction: Transaction) -> int:
    rows = transaction.run("SELECT COALESCE(MAX(number), 0) AS number FROM alex_migrations")
    return int(rows[0]["number"])
