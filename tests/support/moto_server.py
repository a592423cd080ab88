"""AWS without AWS: one moto server for each test session, on a free port of this machine.

`aws` is the fixture. Its clients carry credentials that mean nothing, and name what they make after the test.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.dynamodb.responses import DynamoHandler
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer
from moto.sqs.models import SQSBackend

from tests.support.quicker_moto import quicken

REGION = "us-east-1"
ACCOUNT = "123456789012"
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test-only"}
_ONE_AT_A_TIME = (
    "send_message",
    "send_message_batch",
    "delete_message",
    "delete_message_batch",
    "change_message_visibility",
    "change_message_visibility_batch",
    "purge_queue",
)


class Aws:
    """The emulated AWS at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: list[Any] = []
        self._shared: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The session's client of ``service``."""
        if service not in self._shared:
            self._shared[service] = self.new_client(service)
        return self._shared[service]

    def new_client(self, service: str, **options: Any) -> Any:
        """A client with options of its own; it is closed with the session."""
        arguments: dict[str, Any] = {"endpoint_url": self.url, "region_name": REGION, **CREDENTIALS, **options}
        config = Config(
            max_pool_connections=32,
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=30,
            s3={"addressing_style": "path"},
        )
        client = boto3.session.Session().client(service, config=config, **arguments)
        self._clients.append(client)
        return client

    def queue(self, *, max_receives: int = 2, visibility_s: int = 30, policy: bool = True) -> str:
        """The URL of a new SQS queue, with a dead-letter queue unless ``policy`` is False."""
        sqs, name = self.client("sqs"), unique("queue")
        attributes = {"VisibilityTimeout": str(visibility_s)}
        if policy:
            sqs.create_queue(QueueName=f"{name}-dead")
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
            attributes["RedrivePolicy"] = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "{max_receives}"}}'
        return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def bus(self, queue_url: str, *, source: str = "agent-framework") -> str:
        """The name of a new bus with a rule that brings the events of ``source`` to the queue."""
        events, name = self.client("events"), unique("bus")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_url.rpartition('/')[2]}"
        events.create_event_bus(Name=name)
        events.put_rule(Name="to-queue", EventBusName=name, EventPattern=f'{{"source": ["{source}"]}}')
        events.put_targets(Rule="to-queue", EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
        return name

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = unique("bucket")
        self.client("s3").create_bucket(Bucket=name)
        return name

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client.close()


class Answering:
    """A client of AWS that answers some operations itself."""

    def __init__(self, client: Any, **answers: Any) -> None:
        self._client = client
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(self._client, name)


def unique(kind: str) -> str:
    """A name that nobody else uses."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """The emulated AWS of this session."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        _one_at_a_time(patch)
        quicken(patch)
        server.start()
        host, port = server.get_host_and_port()
        emulated = Aws(f"http://{host}:{port}")
        try:
            yield emulated
        finally:
            emulated.close()
            server.stop()


def _one_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """AWS's own operations are atomic, moto's are not: its threads lose messages, and read files that others close."""
    lock = threading.RLock()

    def locked(original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            with lock:
                return original(*arguments, **options)

        return call

    for name in _ONE_AT_A_TIME:
        patch.setattr(SQSBackend, name, locked(getattr(SQSBackend, name)))
    patch.setattr(S3Response, "key_response", locked(S3Response.key_response))
    patch.setattr(DynamoHandler, "call_action", locked(DynamoHandler.call_action))
    receive_now = locked(SQSBackend.receive_message)

    def receive(self: Any, queue: str, count: int, wait_s: int, *rest: Any, **options: Any) -> Any:
        until = time.monotonic() + wait_s
        while not (messages := receive_now(self, queue, count, 0, *rest, **options)) and time.monotonic() < until:
            time.sleep(0.02)
        return messages

    patch.setattr(SQSBackend, "receive_message", receive)
