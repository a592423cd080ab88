"""Fallback and metering around scripted models, and the mapping of errors that no server can be made to cause."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from agents import Agent, FunctionTool, ModelSettings, ModelTracing, RunConfig, Runner, Usage
from agents.testing import ModelStep, ScriptedModel, assistant_message
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from agent_framework.errors import BudgetExceededError, ModelError, ModelRefusedError
from agent_framework.infrastructure.llm import FallbackModel, ModelSpec, Price, build_model
from agent_framework.infrastructure.llm.evidence import retry_after_s, words
from agent_framework.infrastructure.llm.mapping import ErrorMappingModel, model_error
from agent_framework.infrastructure.llm.metering import MeteredModel, estimate_input_tokens
from agent_framework.infrastructure.llm.request import ModelRequest, RequestModel, completed_event
from agent_framework.observability.redaction import redact
from tests.support.model_servers import ModelServer, fails

QUIET = RunConfig(tracing_disabled=True)
SPEC = ModelSpec("openai", "gpt-4.1-mini")


def answering(text: str) -> ScriptedModel:
    """A model that answers once."""
    return ScriptedModel(
        [ModelStep(output=[assistant_message(text)], usage=Usage(requests=1, input_tokens=9, output_tokens=4))]
    )


def failing(message: str, **details: Any) -> ScriptedModel:
    """A model that fails once."""
    return ScriptedModel([ModelStep.raise_error(ModelError(message, **details))])


def request(**changes: Any) -> ModelRequest:
    """A small request."""
    given = {
        "instructions": None,
        "input": "hi",
        "settings": ModelSettings(),
        "tools": [],
        "output_schema": None,
        "handoffs": [],
        "tracing": ModelTracing.DISABLED,
    }
    return ModelRequest(**{**given, **changes})


async def ask(model: Any) -> str:
    """The text a model answers an agent with."""
    return (await Runner.run(Agent("a", model=model), "hi", run_config=QUIET)).final_output


async def stream(model: Any) -> list[str]:
    """The types of the events a model streams."""
    return [event.type async for event in request().stream(model)]


def test_the_second_model_is_not_asked_while_the_first_answers(run: Any) -> None:
    second = answering("two")
    assert run(ask(FallbackModel({"one": answering("one"), "two": second}))) == "one"
    assert second.calls == ()


def test_the_second_model_is_asked_after_a_retryable_failure(run: Any) -> None:
    model = FallbackModel({"one": failing("busy", retryable=True), "two": answering("two")})
    assert run(ask(model)) == "two"


def test_a_failure_that_no_try_can_mend_is_not_hidden_by_the_second_model(run: Any) -> None:
    second = answering("two")
    with pytest.raises(ModelError, match="bad request") as caught:
        run(ask(FallbackModel({"one": failing("bad request"), "two": second})))
    assert (second.calls, caught.value.retryable) == ((), False)


def test_when_the_second_model_cannot_be_used_its_error_notes_the_first(run: Any) -> None:
    model = FallbackModel({"one": failing("busy", retryable=True), "two": failing("no access")})
    with pytest.raises(ModelError, match="no access") as caught:
        run(ask(model))
    assert caught.value.__notes__ == ["asked because of: busy"]


def test_a_refused_budget_is_not_a_reason_for_another_model(run: Any) -> None:
    second = answering("two")
    first = ScriptedModel([ModelStep.raise_error(BudgetExceededError("budget"))])
    with pytest.raises(BudgetExceededError):
        run(ask(FallbackModel({"one": first, "two": second})))
    assert second.calls == ()


class BreaksMidStream(RequestModel):
    """Streams one event, then fails."""

    async def respond(self, request: ModelRequest) -> Any:
        raise AssertionError("only streams")

    async def stream(self, request: ModelRequest) -> AsyncIterator[Any]:
        yield completed_event(await request.send(answering("half")))
        raise ModelError("lost", retryable=True)


def test_a_stream_that_broke_after_its_first_event_is_not_started_again(run: Any) -> None:
    second = answering("two")
    with pytest.raises(ModelError, match="lost"):
        run(stream(FallbackModel({"one": BreaksMidStream(), "two": second})))
    assert second.calls == ()


def test_a_stream_that_never_began_is_taken_over(run: Any) -> None:
    model = FallbackModel({"one": failing("busy", retryable=True), "two": answering("two")})
    assert "response.completed" in run(stream(model))
    failing_model = FallbackModel({"one": failing("a", retryable=True), "two": failing("b", retryable=True)})
    with pytest.raises(ModelError, match="all of one, two failed: a; b"):
        run(stream(failing_model))


def test_a_call_is_reserved_before_it_is_made_and_settled_after(run: Any, meter: Any) -> None:
    spec = ModelSpec("openai", "gpt-x", prices={"gpt-x": Price(1_000_000, 2_000_000)}, max_output_tokens=77)
    assert run(ask(MeteredModel(answering("one"), spec, meter))) == "one"
    model, input_tokens, max_output_tokens = meter.reserved[0]
    assert (model, max_output_tokens) == ("openai/gpt-x", 77)
    assert input_tokens > 0
    assert meter.settled[0][1].cost_usd == 9 + 8


def test_a_call_that_the_budget_refuses_is_not_made(run: Any, meter: Any) -> None:
    async def refuse(**_: Any) -> str:
        raise BudgetExceededError("no more")

    meter.reserve = refuse
    inner = answering("one")
    with pytest.raises(BudgetExceededError):
        run(ask(MeteredModel(inner, SPEC, meter)))
    assert inner.calls == ()


@pytest.mark.parametrize("call", ["ask", "stream"])
@pytest.mark.parametrize(("kind", "settled"), [(ModelRefusedError, ["receipt 1"]), (ModelError, [])])
def test_only_a_call_that_cannot_have_been_billed_gives_its_reservation_back(
    run: Any, meter: Any, kind: type[ModelError], settled: list[str], call: str
) -> None:
    inner = ScriptedModel([ModelStep.raise_error(kind("failed", retryable=True))])
    model = MeteredModel(inner, SPEC, meter)
    with pytest.raises(kind):
        run(ask(model) if call == "ask" else stream(model))
    assert len(meter.reserved) == 1
    assert [receipt for receipt, _ in meter.settled] == settled
    assert all(usage.requests == 0 for _, usage in meter.settled)


def test_a_cancelled_call_keeps_its_reservation(run: Any, meter: Any) -> None:
    class Hangs(RequestModel):
        async def respond(self, request: ModelRequest) -> Any:
            await asyncio.sleep(60)

    async def cancelled() -> None:
        task = asyncio.create_task(ask(MeteredModel(Hangs(), SPEC, meter)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancelled())
    assert (len(meter.reserved), meter.settled) == (1, [])


def test_an_unknown_price_stays_unknown(run: Any, meter: Any) -> None:
    run(ask(MeteredModel(answering("one"), ModelSpec("openai", "nobody-knows"), meter)))
    assert meter.settled[0][1].cost_usd is None


async def nothing(context: Any, arguments: str) -> str:
    """A tool that does nothing."""
    return ""


def test_the_estimate_counts_everything_that_is_sent() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tool = FunctionTool("tool", "says something", schema, nothing, strict_json_schema=False)
    plain = estimate_input_tokens(request())
    assert plain == 1 + 2 * 8
    assert estimate_input_tokens(request(instructions="x" * 300)) == plain + 100
    assert estimate_input_tokens(request(tools=[tool])) > plain + 8 + 20
    assert estimate_input_tokens(request(input=[{"role": "user", "content": "ü" * 300}])) >= plain + 200


def test_a_hanging_model_is_given_up_after_the_timeout(run: Any) -> None:
    class Hangs(RequestModel):
        async def respond(self, request: ModelRequest) -> Any:
            await asyncio.sleep(60)

    model = ErrorMappingModel(Hangs(), ModelSpec("openai", "m", timeout_s=0.05))
    for call in (ask, stream):
        with pytest.raises(ModelError, match=r"openai/m: no answer within 0.05 seconds") as caught:
            run(call(model))
        assert caught.value.retryable


@pytest.mark.parametrize("error", [BudgetExceededError("b"), ModelError("m"), RuntimeError("user's code")])
def test_errors_that_are_not_the_providers_pass_through(run: Any, error: Exception) -> None:
    model = ErrorMappingModel(ScriptedModel([ModelStep.raise_error(error)]), SPEC)
    with pytest.raises(type(error)) as caught:
        run(ask(model))
    assert caught.value is error


def test_botocore_errors_are_mapped() -> None:
    spec = ModelSpec("bedrock", "m", api_key="ABSKtoken")
    refused = model_error(EndpointConnectionError(endpoint_url="https://ABSKtoken@bedrock"), spec)
    assert isinstance(refused, ModelRefusedError)
    assert refused.retryable
    assert "ABSKtoken" not in str(refused)
    missing = model_error(NoCredentialsError(), spec)
    assert isinstance(missing, ModelRefusedError)
    assert (missing.retryable, "Unable to locate credentials" in str(missing)) == (False, True)


@pytest.mark.parametrize(
    ("code", "status", "retryable"),
    [("ThrottlingException", 400, True), ("AccessDeniedException", 403, False), ("InternalServerException", 500, True)],
)
def test_answers_that_came_through_boto3_are_mapped(code: str, status: int, retryable: bool) -> None:
    answer = {"HTTPStatusCode": status, "HTTPHeaders": {"retry-after": "2"}}
    error = ClientError({"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": answer}, "Converse")  # type: ignore[typeddict-item] # the part that is read
    mapped = model_error(error, ModelSpec("my_pkg:bedrock", "m"))
    assert mapped is not None
    assert (mapped.retryable, mapped.retry_after_s, "why" in str(mapped)) == (retryable, 2.0, True)


def test_a_long_answer_does_not_hide_the_remedy(run: Any) -> None:
    with ModelServer(fails(401, "no " * 500)) as server:
        model = build_model(ModelSpec("openai", "m", api_key="k", base_url=f"{server.url}/v1"))
        with pytest.raises(ModelError, match="OPENAI_API_KEY") as caught:
            run(ask(model))
    assert len(str(caught.value)) < 400


def test_the_wish_to_wait_is_read_in_every_form() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60))
    assert retry_after_s({"retry-after-ms": "1500"}) == 1.5
    assert retry_after_s({"retry-after": "20"}) == 20
    assert 50 < (retry_after_s({"retry-after": soon}) or 0) <= 60
    for header in ("soon", "-3", "nan", "inf"):
        assert retry_after_s({"retry-after": header}) is None
    assert retry_after_s({}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('litellm.RateLimitError: BedrockException - {"message": "slow down"}', "slow down"),
        ('litellm.X - {"error": {"type": "t", "message": "deep"}}', "deep"),
        ("Error code: 429 - slow down", "slow down"),
        ("litellm.Timeout: Timeout Error: OpenAIException - boom", "boom"),
        ("said {not json", "said {not json"),
        ("oops\nTraceback (most recent call last):\n  File ...", "oops"),
        ("", "RuntimeError"),
    ],
)
def test_only_the_providers_own_words_remain(text: str, expected: str) -> None:
    assert words(RuntimeError(text)) == expected


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdef123456",
        "sk-ant-api03-abcdef",
        "sk-abc***wxyz",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl",
        "Bearer abcdefghijklmnop",
        "https://user:password@host/x",
    ],
)
def test_keys_are_masked(secret: str) -> None:
    masked = redact(f"before {secret} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert "[redacted]" in masked
    assert secret not in masked


def test_ordinary_words_are_not_masked() -> None:
    text = "a risk-averse task-list costs sk-1 and mail goes to someone@example.com, see https://example.com/@me"
    assert redact(text) == text
    assert redact("my-own-key!", "my-own-key!") == "[redacted]"
