"""Fixtures of the DynamoDB tests; the server starts when the first of them asks for it."""

from tests.support.dynamodb import dynamodb_server, dynamodb_session, dynamodb_table, open_database

__all__ = ["dynamodb_server", "dynamodb_session", "dynamodb_table", "open_database"]
