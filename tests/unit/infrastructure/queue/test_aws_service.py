"""What all providers of AWS share: boto3 comes late, and its absence is explained."""

import asyncio
import subprocess
import sys

import pytest

from agent_framework.errors import MissingExtraError
from agent_framework.infrastructure.queue.sqs import SqsQueue

CODE = """
import sys
from agent_framework.infrastructure.queue import QueueFactory
from agent_framework.infrastructure.storage import StorageFactory
QueueFactory.create("sqs", {"name": "jobs"})
QueueFactory.create("eventbridge", {"bus": "jobs", "queue_url": "https://example.com/1/jobs"})
StorageFactory.create("s3", {"bucket": "files"})
print([name for name in ("boto3", "botocore", "moto") if name in sys.modules])
"""


def test_making_providers_loads_no_boto3() -> None:
    answer = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_missing_boto3_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("boto3", "botocore")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("boto3", "botocore"):
        monkeypatch.setitem(sys.modules, name, None)

    async def main() -> None:
        queue = SqsQueue("https://example.com/1/jobs")
        with pytest.raises(MissingExtraError, match=r"queue provider sqs needs .*pip install '.*\[aws\]'"):
            await queue.receive()
        await queue.close()

    asyncio.run(main())
