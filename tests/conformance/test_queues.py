"""Every queue of the package does what every queue must."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework.infrastructure.queue.base import QueueProvider
from agent_framework.infrastructure.queue.eventbridge import EventBridgeQueue
from agent_framework.infrastructure.queue.local import LocalQueue
from agent_framework.infrastructure.queue.sqs import SqsQueue
from agent_framework.testing.conformance.queue import QueueConformance, ReceiptTests
from tests.support.clock import FakeClock
from tests.support.moto_server import Aws


class TestLocalQueue(QueueConformance, ReceiptTests):
    backend = "local"

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def open_queue(self, tmp_path: Path, clock: FakeClock) -> Callable[[], LocalQueue]:
        return lambda: LocalQueue(tmp_path / "queue.sqlite", max_receives=self.max_receives, clock=clock)

    @pytest.fixture
    def pass_time(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.pass_


class TestSqs(QueueConformance):
    backend = "sqs (moto)"

    @pytest.fixture
    def open_queue(self, aws: Aws) -> Callable[[], SqsQueue]:
        url, client = aws.queue(max_receives=self.max_receives), aws.client("sqs")
        return lambda: SqsQueue(url, client=client)


class TestEventBridge(QueueConformance):
    backend = "eventbridge (moto)"

    @pytest.fixture
    def open_queue(self, aws: Aws) -> Callable[[], EventBridgeQueue]:
        url, sqs, events = aws.queue(max_receives=self.max_receives), aws.client("sqs"), aws.client("events")
        bus = aws.bus(url)
        return lambda: EventBridgeQueue(bus, SqsQueue(url, client=sqs), client=events)

    async def send_raw(self, queue: QueueProvider, text: str) -> None:
        inner: Any = queue
        await inner._queue.send_texts([text])
