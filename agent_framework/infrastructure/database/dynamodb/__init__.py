"""DynamoDB: jobs, their traces and documents in one table.

``keys`` names items, ``writes`` renders conditional writes, ``table`` sends them (``calls`` retries, ``refusals`` reads
errors), ``items`` turns them into values. On these stand one file for each noun of the contract, and ``provider``.
"""

from agent_framework.infrastructure.database.dynamodb.provider import DynamoDBConfig, DynamoDBDatabase

__all__ = ["DynamoDBConfig", "DynamoDBDatabase"]
