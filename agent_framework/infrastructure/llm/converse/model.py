"""The model: one HTTP request per call, whole or streamed."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import ModelResponse
from agents.items import TResponseStreamEvent
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.responses import ResponseTextDeltaEvent

from agent_framework.infrastructure.llm.base import ModelSpec
from agent_framework.infrastructure.llm.converse.answers import model_response
from agent_framework.infrastructure.llm.converse.arguments import call
from agent_framework.infrastructure.llm.converse.calls import THREADS, Connection
from agent_framework.infrastructure.llm.converse.streaming import StreamedAnswer
from agent_framework.infrastructure.llm.request import ModelRequest, RequestModel, completed_event
from agent_framework.types import JSONDict


class ConverseModel(RequestModel):
    """A model on Amazon Bedrock; ``connection`` says where, as whom, and how long a read may take."""

    def __init__(self, spec: ModelSpec, connection: Connection) -> None:
        self._spec = spec
        self._connection = connection

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Make one HTTP request."""
        asked = call(request, self._spec)
        answer = await THREADS.run(lambda: self._connection.call("converse", asked.arguments))
        return model_response(answer, asked, self._spec)

    async def stream(self, request: ModelRequest) -> AsyncIterator[TResponseStreamEvent]:
        """Make one HTTP request: an event for each piece of text, and one with the whole answer."""
        asked = call(request, self._spec)
        streamed = StreamedAnswer()
        head: JSONDict = {}
        sequence = 0
        async for event in _events(lambda: self._connection.call("converse_stream", asked.arguments)):
            head = event.get("ResponseMetadata", head)
            text = streamed.add(event)
            if text and not asked.wants_json:
                yield _text_delta(text, sequence)
                sequence += 1
        answer = {**streamed.answer(self._spec), "ResponseMetadata": head}
        yield _completed(model_response(answer, asked, self._spec), sequence)


async def _events(open_stream: Callable[[], JSONDict]) -> AsyncIterator[JSONDict]:
    """The answer's metadata, then its events as a thread reads them; the thread stops when nobody listens any more."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[JSONDict | None] = asyncio.Queue()
    abandoned = threading.Event()

    def pass_on(event: JSONDict | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(events.put_nowait, event)

    reading = THREADS.submit(lambda: _read(open_stream, pass_on, abandoned))
    reading.add_done_callback(lambda _: pass_on(None))
    try:
        while (event := await events.get()) is not None:
            yield event
        reading.result()
    finally:
        abandoned.set()
        reading.cancel()


def _read(open_stream: Callable[[], JSONDict], pass_on: Callable[[JSONDict], Any], abandoned: threading.Event) -> None:
    """Read one stream on this thread, which alone opens and closes it."""
    answer = open_stream()
    stream = answer["stream"]
    try:
        pass_on({"ResponseMetadata": answer["ResponseMetadata"]})
        for event in stream:
            if abandoned.is_set():
                return
            pass_on(event)
    finally:
        stream.close()


def _text_delta(text: str, sequence: int) -> TResponseStreamEvent:
    return ResponseTextDeltaEvent(
        type="response.output_text.delta",
        item_id=FAKE_RESPONSES_ID,
        output_index=0,
        content_index=0,
        delta=text,
        logprobs=[],
        sequence_number=sequence,
    )


def _completed(response: ModelResponse, sequence: int) -> TResponseStreamEvent:
    event: Any = completed_event(response)
    event.sequence_number = sequence
    event.response._request_id = response.request_id
    return event
