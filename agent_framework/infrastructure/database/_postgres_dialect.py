"""What PostgreSQL says differently, for both ways to it: a connection, and the RDS Data API."""

from agent_framework.infrastructure.database._script import Dialect

DIALECT = Dialect(
    # The start of the statement: goes on within a transaction, and unlike clock_timestamp() an index can be used.
    now="statement_timestamp()",
    # Does not wait for foreign keys that point at the row, so a result stored meanwhile cannot cause a deadlock.
    for_update="FOR NO KEY UPDATE",
    epoch="TIMESTAMPTZ 'epoch'",
    seconds="CAST(:{} AS DOUBLE PRECISION) * INTERVAL '1 second'",
    json="CAST(:{} AS JSON)",
)

BEGIN_READ = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Several reading statements see one moment."""

WRITE_RECEIPT = "INSERT INTO transaction_receipts (id) VALUES (:id)"
"""The first statement of a writing transaction: it is there afterwards exactly if the transaction happened."""
CLAIM_RECEIPT = f"{WRITE_RECEIPT} ON CONFLICT DO NOTHING RETURNING id"
"""How a transaction ended whose answer was lost: no row if it happened. Waits while it is still open.

Not `pg_xact_status()`: after a crash PostgreSQL gives the numbers of unfinished transactions to new ones.
"""
KEEP_ANSWER = """receipt AS (INSERT INTO transaction_receipts (id, answer)
    SELECT CAST(:receipt AS TEXT), (SELECT json_agg(row_to_json(answer)) FROM answer))"""
"""The receipt of a statement that is a transaction of its own, with the rows of its expression ``answer``."""
STATEMENT, TRANSACTION = "statement-", "transaction-"
"""How receipts begin."""
READ_ANSWER = "SELECT answer FROM transaction_receipts WHERE id = :id"
DROP_RECEIPTS = "DELETE FROM transaction_receipts WHERE at < statement_timestamp() - INTERVAL '1 hour'"
DROP_EVERY = 1000
"""About one writing transaction of so many clears receipts away."""

REPEATABLE = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the transaction did not happen and may be run again."""
CONNECTION_LOST = frozenset({"57P01", "57P02", "57P03", "08000", "08003", "08006", "25P03", "53300"})
"""The server shuts down, starts up, has no connection left, or ended the session."""

REMEDIES = {
    "42P01": "; the tables are missing: run agent-framework db migrate",
    "42501": "; the user lacks a right on the tables: grant it, or migrate as their owner",
    "57014": "; the statement took too long",
    "53100": "; the server's disk is full",
    "28P01": "; check user and password",
    "28000": "; check user, password and pg_hba.conf",
    "3D000": "; create the database, or name another one",
    "22021": "; PostgreSQL text cannot hold this character",
    "22P05": "; PostgreSQL text cannot hold this character",
}
"""What to do, by SQLSTATE."""
