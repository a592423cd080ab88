"""The Converse model's streams and threads over real HTTP: deltas, breaks, many calls at once, calls given up."""

import asyncio
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, function_tool

from agent_framework.errors import ModelError, ModelRefusedError
from agent_framework.infrastructure.llm import build_model, close_clients
from agent_framework.infrastructure.llm.clients import _process_clients
from agent_framework.infrastructure.llm.converse.answers import model_response
from agent_framework.infrastructure.llm.converse.arguments import call
from agent_framework.infrastructure.llm.converse.calls import THREADS, CallThreads, Connection
from agent_framework.infrastructure.llm.converse.streaming import StreamedAnswer
from tests.support.converse import MODEL, REQUEST, SPEC, STREAMED, add, at, failure
from tests.support.model_servers import ModelServer, Reply, garbage, says, slow

QUIET = RunConfig(tracing_disabled=True)


def test_a_stream_brings_the_text_as_it_comes(run: Any) -> None:
    async def timed(server: ModelServer) -> list[tuple[str, float]]:
        began = time.monotonic()
        events = [(event, time.monotonic() - began) async for event in REQUEST.stream(build_model(at(server)))]
        assert [event.sequence_number for event, _ in events] == [0, 1, 2]
        assert "".join(event.delta for event, _ in events[:2]) == "hello world"
        last: Any = events[-1][0]
        assert (last.response.output[0].content[0].text, last.response.usage.input_tokens) == ("hello world", 11)
        assert last.response._request_id == "req-2"
        return [(event.type, seconds) for event, seconds in events]

    with ModelServer(replace(says("hello world"), pause_s=0.1, headers={"x-amzn-requestid": "req-2"})) as server:
        seen = run(timed(server))
    assert [kind for kind, _ in seen] == ["response.output_text.delta"] * 2 + ["response.completed"]
    assert seen[0][1] < seen[1][1] - 0.05 < seen[2][1] - 0.1
    assert server.requests[0].path.endswith("/converse-stream")


def test_a_streamed_run_has_the_same_tools_reasoning_and_usage(run: Any, meter: Any) -> None:
    thought = {"text": "2 + 3", "signature": "c2ln"}

    async def streamed(server: ModelServer) -> Any:
        agent = Agent("a", model=build_model(at(server), meter=meter), tools=[function_tool(add)])
        result = Runner.run_streamed(agent, "2 and 3?", run_config=QUIET)
        names = [event.name async for event in result.stream_events() if event.type == "run_item_stream_event"]
        return result.final_output, names, result.context_wrapper.usage

    parallel = Reply(reasoning=thought, tool_calls=(("add", {"a": 2, "b": 3}), ("add", {"a": 1, "b": 1})))
    with ModelServer(parallel, replace(says("5 and 2"), cached_tokens=(5, 0))) as server:
        output, names, used = run(streamed(server))
    assert (output, names.count("tool_output")) == ("5 and 2", 2)
    sent = server.requests[1].body["messages"]
    assert sent[1]["content"][0] == {"reasoningContent": {"reasoningText": thought}}
    assert [block["toolResult"]["content"][0]["text"] for block in sent[2]["content"]] == ["5", "2"]
    assert (used.requests, used.input_tokens, used.output_tokens) == (2, 27, 14)
    assert [usage.input_tokens for _, usage in meter.settled] == [11, 16]


@pytest.mark.parametrize(
    ("code", "retryable"),
    [("throttlingException", True), ("modelStreamErrorException", True), ("validationException", False)],
)
def test_an_error_inside_a_stream_is_mapped_and_may_have_been_billed(run: Any, code: str, retryable: bool) -> None:
    error = failure(run, replace(says("half"), stream_events=2, stream_error=(code, "why")), streamed=True)
    assert (error.retryable, isinstance(error, ModelRefusedError), "why" in str(error)) == (retryable, False, True)


@pytest.mark.parametrize("events", [0, 3, 5], ids=["before", "amid the text", "before the usage"])
def test_a_stream_that_breaks_off_is_no_answer(run: Any, events: int) -> None:
    error = failure(run, replace(says("half an answer"), stream_events=events), streamed=True)
    assert (error.retryable, isinstance(error, ModelRefusedError)) == (True, False)
    assert "the connection was lost" in str(error)


def test_a_stream_that_ends_in_good_order_without_its_end_is_no_answer_either() -> None:
    streamed = StreamedAnswer()
    assert streamed.add({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "half"}}}) == "half"
    streamed.add({"messageStop": {"stopReason": "end_turn"}})
    with pytest.raises(ModelError, match="the stream ended before the answer did") as caught:
        streamed.answer(SPEC)
    assert caught.value.retryable


def test_arguments_that_a_stream_left_broken_stay_text_and_redacted_reasoning_stays_bytes() -> None:
    streamed = StreamedAnswer()
    start = {"toolUse": {"toolUseId": "x", "name": "add"}}
    for event in (
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": b"se"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": b"cret"}}}},
        {"contentBlockStart": {"contentBlockIndex": 1, "start": start}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"a": '}}}},
        {"messageStop": {"stopReason": "tool_use"}},
        {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 1}}},
        {"somethingNew": {}},
    ):
        assert streamed.add(event) is None
    asked = call(REQUEST, SPEC)
    items: list[Any] = model_response(streamed.answer(SPEC), asked, SPEC).output
    assert items[0].provider_data == {"model": MODEL, "bedrock": {"redacted": "c2VjcmV0"}}
    assert items[1].arguments == '{"a": '


def test_an_answer_with_citations_has_its_text_and_a_blank_one_has_none() -> None:
    content = [{"citationsContent": {"content": [{"text": "as it "}, {"text": "says"}]}}, {"text": " "}, {"video": {}}]
    answer = {"output": {"message": {"content": content}}, "stopReason": "end_turn"}
    usage = {"inputTokens": 1, "outputTokens": 1}
    items: list[Any] = model_response({**answer, "usage": usage}, call(REQUEST, SPEC), SPEC).output
    assert [[part.text for part in item.content] for item in items] == [["as it says"]]


@STREAMED
@pytest.mark.parametrize("reply", [garbage(), garbage(b"<html>", "text/html"), garbage(b'{"some": "json"}')])
def test_what_is_not_the_protocol_is_told(run: Any, streamed: bool, reply: Reply) -> None:
    error = failure(run, reply, streamed=streamed)
    assert (error.retryable, isinstance(error, ModelRefusedError)) == (True, False)


def test_a_stream_that_stalls_is_given_up_after_the_timeout(run: Any) -> None:
    error = failure(run, replace(says("slow"), pause_s=9), streamed=True, timeout_s=1.5)
    assert (error.retryable, "no answer within 1.5 seconds" in str(error)) == (True, True)


def test_a_stream_that_nobody_reads_on_is_closed(run: Any) -> None:
    async def first(server: ModelServer) -> str:
        async for event in REQUEST.stream(build_model(at(server))):
            return event.type
        return "none"

    with ModelServer(replace(says("hello world"), pause_s=2)) as server:
        assert run(first(server)) == "response.output_text.delta"
        deadline = time.monotonic() + 5
        while threads_busy() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert threads_busy() == 0


def threads_busy() -> int:
    """Calls of the process that are queued or under way."""
    return THREADS._open


def test_twenty_calls_at_once_share_one_client_and_do_not_wait_for_each_other(run: Any, meter: Any) -> None:
    async def twenty(server: ModelServer) -> list[Any]:
        models = [build_model(at(server), meter=meter) for _ in range(20)]
        answers = await asyncio.gather(*(REQUEST.send(model) for model in models))
        assert len(_process_clients) == 1
        await close_clients()
        assert len(_process_clients) == 0
        return answers

    with ModelServer(*(says(str(number), delay_s=0.3) for number in range(20))) as server:
        began = time.monotonic()
        answers = run(twenty(server))
        took = time.monotonic() - began
    assert {answer.output[0].content[0].text for answer in answers} == {str(number) for number in range(20)}
    assert (len(server.requests), len(meter.settled)) == (20, 20)
    assert took < 5


def test_the_first_call_does_not_hold_up_the_loop(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    creating: list[bool] = []
    original = Connection._client

    def slowly(self: Connection) -> Any:
        creating.append(threading.current_thread() is threading.main_thread())
        time.sleep(1.5)
        return original(self)

    monkeypatch.setattr(Connection, "_client", slowly)

    async def beats(server: ModelServer) -> int:
        asking, beats = asyncio.create_task(REQUEST.send(build_model(at(server)))), 0
        while not asking.done():
            await asyncio.sleep(0.01)
            beats += 1
        await asking
        return beats

    with ModelServer(says("hi")) as server:
        assert run(beats(server)) > 20
    assert creating == [False]


@STREAMED
def test_a_cancelled_call_holds_up_neither_the_caller_nor_the_end_of_the_loop(streamed: bool) -> None:
    async def cancelled(server: ModelServer) -> None:
        model = build_model(at(server))
        asking = asyncio.create_task(anext(aiter(REQUEST.stream(model))) if streamed else REQUEST.send(model))
        while not server.requests:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with ModelServer(slow(20)) as server:
        began = time.monotonic()
        asyncio.run(cancelled(server))
        assert time.monotonic() - began < 3


def test_a_request_under_way_does_not_hold_up_the_end_of_the_process() -> None:
    code = """
import asyncio, dataclasses, sys
from agent_framework.infrastructure.llm import build_model
from tests.support.converse import REQUEST, SPEC
async def main():
    asking = asyncio.create_task(REQUEST.send(build_model(dataclasses.replace(SPEC, base_url=sys.argv[1]))))
    await asyncio.sleep(float(sys.argv[2]))
    asking.cancel()
asyncio.run(main())
print("left", flush=True)
"""
    with ModelServer(slow(60)) as server:
        child = subprocess.Popen([sys.executable, "-c", code, server.url, "2"], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "left\n"
        left = time.monotonic()
        assert child.wait(timeout=30) == 0
        child.stdout.close()
        assert time.monotonic() - left < 5
    assert len(server.requests) == 1


def test_no_more_threads_than_allowed_and_a_cancelled_call_never_begins(run: Any) -> None:
    threads = CallThreads(2, "test")
    running, most, done = 0, 0, []
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
            done.append(number)
        return number

    async def many() -> list[int]:
        calls_ = [asyncio.ensure_future(threads.run(lambda number=number: work(number))) for number in range(10)]
        await asyncio.sleep(0)
        calls_[9].cancel()
        return await asyncio.gather(*calls_[:9])

    assert run(many()) == list(range(9))
    assert (most, 9 in done) == (2, False)
