"""SQS and EventBridge: what only they have, and what they answer when something is wrong."""

import asyncio
import json
import logging
import os
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from agent_framework.errors import ConfigError, ProviderError, QueueBatchError
from agent_framework.infrastructure.queue import DeadReason, QueueFactory, QueueProvider
from agent_framework.infrastructure.queue.eventbridge import EventBridgeQueue
from agent_framework.infrastructure.queue.sqs import SqsQueue
from tests.support.moto_server import ACCOUNT, CREDENTIALS, REGION, Answering, Aws


def go(queue: QueueProvider, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Await one after another, close the queue."""

    async def main() -> list[Any]:
        try:
            return [await coroutine for coroutine in coroutines]
        finally:
            await queue.close()

    return asyncio.run(main())


def refuse_the_second(real: Any) -> Callable[..., Any]:
    """A batch operation of SQS that refuses the entry of position 1 and does the others."""

    def call(**options: Any) -> Any:
        entries = options.pop("Entries")
        answer = real(Entries=[entry for entry in entries if entry["Id"] != "1"], **options)
        failed = [{"Id": "1", "Code": "InternalError", "Message": "try again", "SenderFault": False}]
        return {**answer, "Failed": failed} if any(entry["Id"] == "1" for entry in entries) else answer

    return call


def test_sqs_names_what_it_did_not_take(aws: Aws) -> None:
    sqs = aws.client("sqs")
    queue = SqsQueue(aws.queue(), client=Answering(sqs, send_message_batch=refuse_the_second(sqs.send_message_batch)))

    async def main() -> None:
        with pytest.raises(QueueBatchError, match=r"sqs: 1 of 12 messages could not be sent; entry 1: InternalError"):
            await queue.send_batch([{"n": number} for number in range(12)])
        with pytest.raises(QueueBatchError) as caught:
            await queue.send_batch([{"n": number} for number in range(3)])
        assert (list(caught.value.failed), list(caught.value.done)) == ([1], [0, 2])
        assert (await queue.approximate_depth()).ready == 13

    go(queue, main())


def test_sqs_names_what_it_did_not_acknowledge(aws: Aws) -> None:
    sqs = aws.client("sqs")
    client = Answering(sqs, delete_message_batch=refuse_the_second(sqs.delete_message_batch))
    queue = SqsQueue(aws.queue(), client=client)

    async def main() -> None:
        await queue.send_batch([{"n": number} for number in range(3)])
        messages = await queue.receive()
        with pytest.raises(QueueBatchError, match="will come back") as caught:
            await queue.acknowledge(*messages)
        assert caught.value.done == {0: messages[0].id, 2: messages[2].id}
        assert (await queue.approximate_depth()).total == 1

    go(queue, main())


def test_a_request_that_fails_among_others_is_told_by_position(aws: Aws) -> None:
    sqs, calls = aws.client("sqs"), iter([True, False, True])

    def send(**options: Any) -> Any:
        return (
            sqs.send_message_batch(**options) if next(calls) else sqs.send_message_batch(**{**options, "Entries": []})
        )

    queue = SqsQueue(aws.queue(), client=Answering(sqs, send_message_batch=send))

    async def main() -> None:
        with pytest.raises(QueueBatchError, match="10 of 25") as caught:
            await queue.send_batch([{"n": number} for number in range(25)])
        assert sorted(caught.value.failed) == list(range(10, 20))
        assert (await queue.approximate_depth()).ready == 15

    go(queue, main())


def test_a_bus_names_the_events_that_it_refused(aws: Aws) -> None:
    url = aws.queue()
    queue = EventBridgeQueue(aws.bus(url), SqsQueue(url, client=aws.client("sqs")), client=aws.client("events"))

    async def main() -> None:
        with pytest.raises(
            QueueBatchError, match="1 of 3 events were refused by the bus; entry 1: Malformed"
        ) as caught:
            await queue.send_texts(['{"n": 0}', "not json", '{"n": 2}'])
        assert sorted(caught.value.done) == [0, 2]
        assert sorted(message.body["n"] for message in await queue.receive()) == [0, 2]

    go(queue, main())


def test_a_rule_may_pass_the_detail_alone_and_others_may_send_events(aws: Aws) -> None:
    url, events = aws.queue(), aws.client("events")
    bus = aws.bus(url)
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
    queue = EventBridgeQueue(bus, SqsQueue(url, client=aws.client("sqs")), client=events)

    async def main() -> None:
        await queue.send({"job_id": "j1"})
        raw = aws.client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["Body"]
        assert json.loads(raw)["source"] == "agent-framework"
        assert json.loads(raw)["detail-type"] == "job"
        (message,) = await queue.receive()
        assert message.body == {"job_id": "j1"}
        await queue.acknowledge(message)
        events.put_targets(
            Rule="to-queue", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn, "InputPath": "$.detail"}]
        )
        await queue._queue.send_texts(['{"job_id": "j2"}'])  # what a rule with that path delivers
        assert [message.body for message in await queue.receive()] == [{"job_id": "j2"}]

    go(queue, main())


def test_a_receive_that_is_cancelled_gives_its_messages_back(aws: Aws) -> None:
    queue = SqsQueue(aws.queue(), client=aws.client("sqs"))

    async def main() -> None:
        waiting = asyncio.create_task(queue.receive(wait_s=5, visibility_s=600))
        await asyncio.sleep(0.5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await queue.send({"n": 1})
        await asyncio.sleep(1)
        (message,) = await queue.receive()
        assert (message.body, message.receive_count) == ({"n": 1}, 2)

    go(queue, main())


def test_an_unreadable_message_without_dead_letter_queue_stays_and_is_logged(
    aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    queue = SqsQueue(aws.queue(policy=False), client=aws.client("sqs"))

    async def main() -> None:
        await queue.send_texts(["not json", '{"n": 1}'])
        assert [message.body for message in await queue.receive()] == [{"n": 1}]
        assert (await queue.approximate_depth()).in_flight == 2
        assert await queue.dead_letters() == []

    with caplog.at_level(logging.ERROR):
        go(queue, main())
    assert "cannot be moved to the dead letters" in caplog.text
    assert "give it a redrive policy" in caplog.text


def test_a_queue_is_found_by_its_name_and_its_dead_letters_by_the_policy(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_credentials(monkeypatch, **CREDENTIALS)
    name = aws.queue().rpartition("/")[2]
    config = {"name": name, "endpoint_url": aws.url, "region": REGION, "visibility_timeout": 7}
    queue = QueueFactory.create("sqs", config, root=tmp_path)
    assert queue.visibility_s == 7

    async def main() -> None:
        await queue.send_texts(["not json"])
        assert await queue.receive() == []
        assert [letter.reason for letter in await queue.dead_letters()] == [DeadReason.UNREADABLE]

    go(queue, main())


def test_eventbridge_is_made_from_its_configuration(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_credentials(monkeypatch, **CREDENTIALS)
    url = aws.queue()
    config = {"bus": aws.bus(url, source="shop"), "queue_url": url, "source": "shop", "detail_type": "order"}
    queue = QueueFactory.create("eventbridge", {**config, "endpoint_url": aws.url, "region": REGION}, root=tmp_path)
    _, messages = go(queue, queue.send({"n": 1}), queue.receive())
    assert [message.body for message in messages] == [{"n": 1}]


@pytest.mark.parametrize(
    ("provider", "config", "message"),
    [
        ("sqs", {}, "set url or name of the queue"),
        ("sqs", {"url": "https://x", "name": "y"}, "set url or name of the queue"),
        ("sqs", {"url": "https://x", "visibility_timeout": 0}, "visibility_timeout"),
        ("sqs", {"url": "https://x", "visibility": 900}, r"visibility: extra inputs.*fields: url, name"),
        ("eventbridge", {"bus": "jobs"}, "queue_url: field required"),
        ("eventbridge", {"queue_url": "https://x"}, "bus: field required"),
        ("sqss", {}, "did you mean 'sqs'"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(provider: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        QueueFactory.create(provider, config)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidClientTokenId", "the credentials are wrong or have expired"),
        ("ExpiredToken", "the credentials are wrong or have expired"),
        ("AccessDenied", "add the action to its policy"),
        ("ThrottlingException", "try again later"),
    ],
)
def test_what_aws_refuses_is_explained_and_secrets_are_not_printed(aws: Aws, code: str, message: str) -> None:
    secret = "a-secret-that-nobody-may-see"
    client = aws.new_client("sqs", aws_access_key_id="AKIAWRONG", aws_secret_access_key=secret)
    with Stubber(client) as stub:  # moto answers SQS clients in a form that they cannot read here
        stub.add_client_error("receive_message", code, "No.", http_status_code=403)
        queue = SqsQueue(f"{aws.url}/{ACCOUNT}/jobs", client=client)
        with pytest.raises(
            ProviderError, match=f"^queue provider sqs: receive_message failed: {code}: No;.*{message}"
        ) as caught:
            go(queue, queue.receive())
    assert caught.value.retryable is (code == "ThrottlingException")
    assert secret not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "nowhere"}, r"NonExistentQueue: .*; there is no such queue in this region and account"),
        ({"endpoint_url": "http://127.0.0.1:1"}, "EndpointConnectionError: Could not connect.*; check the region"),
    ],
    ids=["missing queue", "unreachable"],
)
def test_what_cannot_be_reached_is_said_so(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], message: str
) -> None:
    set_credentials(monkeypatch, **CREDENTIALS)
    url = f"{aws.url}/{ACCOUNT}/{change.get('url', 'jobs')}"
    queue = SqsQueue(url, region=REGION, endpoint_url=change.get("endpoint_url", aws.url))
    for attempt in (queue.send({"n": 1}), queue.receive(), queue.approximate_depth()):
        with pytest.raises(ProviderError, match=rf"^queue provider sqs: \w+ failed: .*{message}"):
            asyncio.run(attempt)
    asyncio.run(queue.close())


def test_a_missing_bus_is_named_as_eventbridge(aws: Aws) -> None:
    queue = EventBridgeQueue(
        "no-such-bus", SqsQueue(aws.queue(), client=aws.client("sqs")), client=aws.client("events")
    )
    with pytest.raises(ProviderError, match=r"^queue provider eventbridge: put_events failed: ResourceNotFound.*check"):
        go(queue, queue.send({"n": 1}))


@pytest.mark.parametrize(
    ("variables", "region", "message"),
    [({}, REGION, "there are no AWS credentials"), (CREDENTIALS, None, "no AWS region is set")],
    ids=["no credentials", "no region"],
)
def test_what_the_environment_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], region: str | None, message: str
) -> None:
    set_credentials(monkeypatch, **variables)
    queue = SqsQueue(queue_name="jobs", region=region)
    with pytest.raises(ProviderError, match=message):
        go(queue, queue.send({"n": 1}))


def set_credentials(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """These environment variables, and nothing else of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name.upper(), value)
