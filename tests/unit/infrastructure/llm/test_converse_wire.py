"""The Converse model over real HTTP: boto3 as it is, a local server, the framework's own way to run an agent."""

import json
from dataclasses import replace
from typing import Any

import pytest
from agents import Agent, ModelSettings, RunConfig, Runner, function_tool
from pydantic import BaseModel

from agent_framework.errors import ModelError, ModelRefusedError
from agent_framework.infrastructure.llm import FINAL_RESULT_TOOL, build_model
from agent_framework.infrastructure.llm.runner import RunRequest, run_agent
from tests.support.converse import REQUEST, SPEC, STREAMED, add, at, failure
from tests.support.model_servers import ModelServer, Reply, calls, cut_off, fails, says

QUIET = RunConfig(tracing_disabled=True)


class Total(BaseModel):
    """The answer."""

    total: int
    comment: str | None


def asked(server: ModelServer, meter: Any = None, **options: Any) -> Any:
    """The framework's run of one agent against ``server``."""
    model = build_model(at(server), meter=meter)
    return run_agent(RunRequest("adder", "Add the numbers.", model, "2 and 3?", **options))


def test_a_run_with_parallel_tools_a_failing_one_and_a_structured_answer(run: Any, meter: Any) -> None:
    both = Reply(text="Let me see.", tool_calls=(("add", {"a": 2, "b": 3}), ("add", {"a": 5000, "b": 1})))
    wrong, right = calls(FINAL_RESULT_TOOL, total="five"), calls(FINAL_RESULT_TOOL, total=5, comment=None)
    with ModelServer(both, wrong, right) as server:
        reply = run(asked(server, meter, tools=[add], output_type=Total))

    assert reply.output == {"total": 5, "comment": None}
    first, second, third = (request.body for request in server.requests)
    assert [tool["toolSpec"]["name"] for tool in first["toolConfig"]["tools"]] == ["add", FINAL_RESULT_TOOL]
    assert first["system"][0]["text"].startswith("Add the numbers.")
    assert first["messages"] == [{"role": "user", "content": [{"text": "2 and 3?"}]}]
    assert [message["role"] for message in third["messages"]] == ["user", "assistant", "user", "assistant", "user"]
    good, bad = (block["toolResult"] for block in second["messages"][2]["content"])
    assert (good["content"], good.get("status")) == ([{"text": "5"}], None)
    assert ("too large" in bad["content"][0]["text"], bad["status"]) == (True, "error")
    refused = third["messages"][4]["content"][0]["toolResult"]
    assert (refused["status"], "total" in refused["content"][0]["text"]) == ("error", True)
    assert [usage.input_tokens for _, usage in meter.settled] == [11, 11, 11]
    assert all((usage.cost_usd or 0) > 0 for _, usage in meter.settled)


def test_an_output_type_of_the_sdk_is_answered_by_the_forced_tool_or_in_words(run: Any) -> None:
    async def final(server: ModelServer, **options: Any) -> Any:
        agent = Agent("a", model=build_model(at(server)), output_type=Total, **options)
        return (await Runner.run(agent, "hi", run_config=QUIET)).final_output

    answers = (
        calls(FINAL_RESULT_TOOL, total=5, comment="näh"),
        says('```json\n{"total": 5, "comment": "näh"}\n```'),
        says('{"total": 5, "comment": "näh"}'),
    )
    for answer in answers:
        with ModelServer(answer) as server:
            assert run(final(server)) == Total(total=5, comment="näh")
    with ModelServer(calls("add", a=1, b=2), answers[1]) as server:
        assert run(final(server, tools=[function_tool(add)])) == Total(total=5, comment="näh")
    assert "toolUse" in json.dumps(server.requests[1].body)


def test_reasoning_is_kept_and_sent_back(run: Any) -> None:
    thought = {"text": "2 + 3", "signature": "c2ln"}
    with ModelServer(replace(calls("add", a=2, b=3), reasoning=thought), says("5")) as server:
        assert run(asked(server, tools=[add])).output == "5"
    assert server.requests[1].body["messages"][1]["content"][0] == {"reasoningContent": {"reasoningText": thought}}


def test_cached_tokens_are_counted_as_input_and_told_apart(run: Any, meter: Any) -> None:
    async def usage(server: ModelServer) -> Any:
        result = await Runner.run(Agent("a", model=build_model(at(server), meter=meter)), "hi", run_config=QUIET)
        return result.context_wrapper.usage

    with ModelServer(replace(says("hi"), cached_tokens=(100, 30))) as server:
        used = run(usage(server))
    assert (used.requests, used.input_tokens, used.output_tokens, used.total_tokens) == (1, 141, 7, 148)
    assert (used.input_tokens_details.cached_tokens, meter.settled[0][1].input_tokens) == (100, 141)


def test_the_request_id_is_kept(run: Any) -> None:
    named = {"headers": {"x-amzn-requestid": "req-1"}}
    with ModelServer(says("hi", **named), Reply(status=400, message="no", **named)) as server:
        model = build_model(at(server))
        response = run(REQUEST.send(model))
        assert (response.request_id, response.response_id) == ("req-1", "req-1")
        with pytest.raises(ModelError, match="request req-1"):
            run(REQUEST.send(model))


@STREAMED
def test_a_cut_off_answer_is_an_error_that_names_the_setting(run: Any, streamed: bool) -> None:
    error = failure(run, cut_off(), streamed=streamed, max_output_tokens=99)
    assert (error.retryable, isinstance(error, ModelRefusedError)) == (False, False)
    assert "cut off at the output limit; raise max_output_tokens (now 99)" in str(error)


@STREAMED
@pytest.mark.parametrize(
    ("reason", "retryable", "words"),
    [
        ("guardrail_intervened", False, "guardrail"),
        ("content_filtered", False, "content filter"),
        ("model_context_window_exceeded", False, "context window"),
        ("malformed_tool_use", True, "malformed"),
    ],
)
def test_a_blocked_answer_is_no_success(run: Any, streamed: bool, reason: str, retryable: bool, words: str) -> None:
    error = failure(run, says("blocked", stop_reason=reason), streamed=streamed)
    assert (error.retryable, words in str(error)) == (retryable, True)


@STREAMED
@pytest.mark.parametrize(
    ("code", "status", "retryable", "billed"),
    [
        ("ThrottlingException", 429, True, False),
        ("ModelNotReadyException", 429, True, False),
        ("ServiceUnavailableException", 503, True, False),
        ("InternalServerException", 500, True, True),
        ("ModelTimeoutException", 408, True, True),
        ("ModelErrorException", 424, True, True),
        ("AccessDeniedException", 403, False, False),
        ("ResourceNotFoundException", 404, False, False),
        ("ValidationException", 400, False, False),
    ],
)
def test_errors_say_whether_another_try_helps_and_whether_it_cost(
    run: Any, streamed: bool, code: str, status: int, retryable: bool, billed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    error = failure(run, fails(status, "why", x_amzn_errortype=code, retry_after="7"), streamed=streamed)
    assert (error.retryable, error.retry_after_s, f"({status}): why" in str(error)) == (retryable, 7.0, True)
    assert isinstance(error, ModelRefusedError) == (not billed)


@pytest.mark.parametrize(
    ("status", "code", "said", "remedy"),
    [
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn\u2019t supported. Retry with an inference profile.",
            "inference profile.*us.anthropic.claude-x",
        ),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", "us-east-1"),
        (
            403,
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/a is not authorized to perform: bedrock:InvokeModel on resource: x",
            "policy",
        ),
        (400, "ValidationException", "The provided model identifier is invalid.", "llm.region: us-east-1"),
        (404, "ResourceNotFoundException", "Model use case details have not been submitted for this account.", "form"),
        (404, "ResourceNotFoundException", "This model version has reached the end of its life.", "newer"),
        (403, "ExpiredTokenException", "The security token included in the request is expired", "aws sso login"),
        (403, "UnrecognizedClientException", "The security token included in the request is invalid.", "clock"),
        (400, "ValidationException", "This model doesn't support tool use.", "cannot use tools"),
        (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", "fallback_model"),
    ],
)
def test_a_refusal_names_the_remedy(run: Any, status: int, code: str, said: str, remedy: str) -> None:
    error = failure(run, fails(status, said, x_amzn_errortype=code), model="anthropic.claude-x")
    assert said[:40] in str(error)
    with pytest.raises(ModelError, match=remedy):
        raise error


def test_after_expired_credentials_the_next_call_reads_them_anew(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(server: ModelServer) -> None:
        model = build_model(at(server))
        with pytest.raises(ModelError, match="expired"):
            await REQUEST.send(model)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAANOTHEREXAMPLE00")
        await REQUEST.send(model)

    expired = fails(
        403, "The security token included in the request is expired", x_amzn_errortype="ExpiredTokenException"
    )
    with ModelServer(expired, says("hi")) as server:
        run(both(server))
    keys = [request.headers["Authorization"].split("Credential=")[1][:20] for request in server.requests]
    assert keys == ["AKIAIOSFODNN7EXAMPLE", "AKIAANOTHEREXAMPLE00"]


def test_credentials_that_vanish_before_the_call_are_one_clear_sentence(run: Any, monkeypatch: Any) -> None:
    with ModelServer() as server:
        model = build_model(at(server))
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(ModelRefusedError, match="Unable to locate credentials; run 'aws configure'") as caught:
            run(REQUEST.send(model))
    assert (server.requests, caught.value.retryable) == ([], False)


def test_a_request_that_converse_cannot_take_is_not_sent(run: Any) -> None:
    with ModelServer() as server, pytest.raises(ModelRefusedError, match="drop_params"):
        run(replace(REQUEST, settings=ModelSettings(extra_args={"drop_params": True})).send(build_model(at(server))))
    assert server.requests == []


def test_the_endpoint_may_come_from_the_environment(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer(says("hi")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        run(REQUEST.send(build_model(replace(SPEC, region="eu-west-3"))))
    assert server.requests[0].path.startswith("/model/us.anthropic.claude-sonnet")


def test_reasoning_survives_a_saved_and_resumed_turn(run: Any) -> None:
    thought = {"text": "ask the analyst", "signature": "c2ln"}

    async def interrupted(server: ModelServer) -> Any:
        first = await asked(server, workers={"analyst": "Analyses."})
        return await asked(server, workers={"analyst": "Analyses."}, saved=first.saved, answers={"analyst": {"n": 7}})

    with ModelServer(replace(calls("invoke_analyst", reason="needed"), reasoning=thought), says("seven")) as server:
        assert run(interrupted(server)).output == "seven"
    sent = server.requests[1].body["messages"]
    assert sent[1]["content"][0] == {"reasoningContent": {"reasoningText": thought}}
    assert sent[2]["content"][0]["toolResult"]["content"] == [{"text": '{"n": 7}'}]
