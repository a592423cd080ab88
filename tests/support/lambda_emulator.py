"""Lambda beside moto: what is deployed there runs for real, in AWS's own runtime client.

moto keeps the functions, mappings and destinations; running them is done here. Asynchronous invocations and their
failure destinations, event source mappings of SQS with partial batches, warm instances, time limits and logs behave as
AWS documents them. Retries of asynchronous invocations are not emulated: deployments switch them off.
"""

import hashlib
import io
import json
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from moto.awslambda.models import EventSourceMapping, LambdaFunction, lambda_backends
from moto.sqs.models import Queue, sqs_backends

from tests.support.lambda_runtime import Answer, LambdaInstance
from tests.support.lambda_starts import Forks, Starter
from tests.support.moto_server import ACCOUNT, CREDENTIALS, REGION, Aws

Key = tuple[str, str, str]


class LambdaEmulator:
    """Runs the functions of one moto server; ``starter`` starts their processes."""

    def __init__(self, aws: Aws, starter: Starter, folder: Path, environ: Mapping[str, str]) -> None:
        self.aws = aws
        self._environ = environ
        self._starter = starter
        self.folder = folder
        self.invocations: list[tuple[str, bytes, Answer]] = []
        self._warm: dict[Key, list[LambdaInstance]] = {}
        self._all: list[LambdaInstance] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="lambda")
        self._stop = threading.Event()
        self._poller = threading.Thread(target=self._poll_forever, name="event source mappings", daemon=True)

    # -- invoking ------------------------------------------------------------------------------------------------

    def invoke(self, function: LambdaFunction, event: bytes) -> Answer:
        """Run one event on a warm instance, or on a new one."""
        key = _key(function)
        with self._lock:
            idle = self._warm.setdefault(key, [])
            instance = idle.pop() if idle else None
        if instance is None or not instance.is_alive:
            instance = self._start(function, key)
        answer = instance.invoke(event)
        with self._lock:
            self.invocations.append((function.function_name, event, answer))
            if instance.is_alive:
                self._warm[key].append(instance)
        return answer

    def invoke_later(self, function: LambdaFunction, event: bytes) -> None:
        """An asynchronous invocation; a failure goes to the function's destination."""
        self._pool.submit(self._invoke_and_report, function, event)

    def alive(self, function: str) -> list[LambdaInstance]:
        """The instances of a function, busy or not."""
        with self._lock:
            return [one for one in self._all if one.function == function and one.is_alive]

    def end(self, function: str) -> None:
        """End the instances of a function that is deleted."""
        with self._lock:
            ended = [one for one in self._all if one.function == function]
            self._all = [one for one in self._all if one.function != function]
        for instance in ended:
            instance.close()

    def _invoke_and_report(self, function: LambdaFunction, event: bytes) -> None:
        answer = self.invoke(function, event)
        config = function.event_invoke_config[0].config if function.event_invoke_config else {}
        destination = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if answer.error is None or destination is None:
            return
        record = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "requestContext": {
                "requestId": answer.request_id,
                "functionArn": f"{function.function_arn}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 1,
            },
            "requestPayload": json.loads(event),
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": answer.error},
            "responsePayload": answer.payload,
        }
        sqs = self.aws.client("sqs")
        url = sqs.get_queue_url(QueueName=destination.rpartition(":")[2])["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(record))

    def _start(self, function: LambdaFunction, key: Key) -> LambdaInstance:
        root = self.folder / key[1]
        with self._lock:
            if not root.exists():
                with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as package:
                    package.extractall(root)
        environ = {
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.aws.url,
            **self._environ,
            **function.environment_vars,
        }
        name = function.function_name
        instance = LambdaInstance(
            self._starter, root, function.handler, environ, function=name, timeout_s=function.timeout,
            log=self.folder / f"{name}.log",
        )  # fmt: skip
        with self._lock:
            self._all.append(instance)
        return instance

    def said(self) -> str:
        """The last that each function has printed."""
        return "\n".join(f"{log.stem}: {log.read_text('utf-8')[-1500:]}" for log in sorted(self.folder.glob("*.log")))

    # -- event source mappings -----------------------------------------------------------------------------------

    def _poll_forever(self) -> None:
        while not self._stop.wait(0.05):
            for mapping in lambda_backends[ACCOUNT][REGION].list_event_source_mappings("", ""):
                if ":sqs:" in mapping.event_source_arn and mapping.enabled:
                    self._poll(mapping)

    def _poll(self, mapping: EventSourceMapping) -> None:
        """Receive what waits; an empty queue is seen in moto itself, as a request for each look would cost too much."""
        queue = sqs_backends[ACCOUNT][REGION].queues.get(mapping.event_source_arn.rpartition(":")[2])
        if queue is None or not queue.messages:
            return
        sqs = self.aws.client("sqs")
        try:
            url = sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
            messages = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=min(10, mapping.batch_size), AttributeNames=["All"]
            ).get("Messages", [])
        except sqs.exceptions.QueueDoesNotExist:
            return
        if messages:
            self._pool.submit(self._deliver, mapping, url, messages)

    def _deliver(self, mapping: EventSourceMapping, url: str, messages: list[dict[str, Any]]) -> None:
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": mapping.event_source_arn,
                "awsRegion": REGION,
            }
            for message in messages
        ]
        answer = self.aws.client("lambda").invoke(
            FunctionName=mapping.function_arn, Payload=json.dumps({"Records": records})
        )
        if answer.get("FunctionError"):
            return  # the whole batch comes back when it is visible again
        said = json.loads(answer["Payload"].read() or b"null") or {}
        partial = "ReportBatchItemFailures" in (mapping.function_response_types or ())
        failed = {item["itemIdentifier"] for item in said.get("batchItemFailures", [])} if partial else set()
        for message in messages:
            if message["MessageId"] not in failed:
                self.aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to poll the event sources."""
        self._poller.start()

    def close(self) -> None:
        """End every process."""
        self._stop.set()
        if self._poller.ident is not None:
            self._poller.join(10)
        for instance in self._all:
            instance.close()
        self._pool.shutdown()
        self._starter.close()


def _key(function: LambdaFunction) -> Key:
    code = hashlib.sha256(function.code_bytes).hexdigest()
    settings = json.dumps([function.handler, function.environment_vars, function.timeout], sort_keys=True)
    return function.function_name, code, settings


@contextmanager
def emulated_lambda(aws: Aws, starter: Starter, **environ: str) -> Iterator[LambdaEmulator]:
    """Make the functions of the moto server in this process run, with more in their environment."""
    with tempfile.TemporaryDirectory(prefix="lambda-") as folder, pytest.MonkeyPatch.context() as patch:
        emulator = LambdaEmulator(aws, starter, Path(folder), environ)

        def invoke(self: LambdaFunction, body: Any, request_headers: Any, response_headers: Any) -> bytes:
            event = body.encode() if isinstance(body, str) else body or b"{}"
            if request_headers.get("x-amz-invocation-type", "RequestResponse") == "Event":
                emulator.invoke_later(self, event)
                return b""
            answer = emulator.invoke(self, event)
            if answer.error is not None:
                response_headers["x-amz-function-error"] = answer.error
            return json.dumps(answer.payload).encode()

        def without_mappings(self: Queue, *arguments: Any, **options: Any) -> None:
            original(self, *arguments, **options)
            self.lambda_event_source_mappings = _Nothing()  # moto's own fakes counts and knows no partial batches

        original = Queue.__init__
        patch.setattr(LambdaFunction, "invoke", invoke)
        patch.setattr(Queue, "__init__", without_mappings)
        try:
            emulator.start()
            yield emulator
        finally:
            emulator.close()


@pytest.fixture(scope="module")
def lambdas(aws: Aws) -> Iterator[LambdaEmulator]:
    """Functions that run as forks of this interpreter, and credentials of the emulated AWS in the environment."""
    with pytest.MonkeyPatch.context() as patch, emulated_lambda(aws, Forks()) as emulator:
        patch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS["aws_access_key_id"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS["aws_secret_access_key"])
        patch.setenv("AWS_REGION", REGION)
        yield emulator


class _Nothing(dict[str, Any]):
    def __setitem__(self, key: str, value: Any) -> None:
        pass
