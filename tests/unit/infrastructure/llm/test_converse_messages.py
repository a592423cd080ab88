"""Histories of the SDK as Converse messages: what Converse demands holds for every one of them."""

import asyncio
import json
from base64 import b64encode
from typing import Any

import botocore.session
import pytest
from agents import Agent, ModelSettings, ModelTracing, RunConfig, Runner, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.errors import ModelRefusedError
from agent_framework.infrastructure.llm import ModelSpec
from agent_framework.infrastructure.llm.converse.arguments import call
from agent_framework.infrastructure.llm.converse.messages import (
    CONTINUE,
    NO_RESULT,
    Conversation,
    conversation,
    tool_id,
)
from agent_framework.infrastructure.llm.request import ModelRequest

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = b"\x89PNG\r\n"
CONVERSE = botocore.session.Session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def translated(*items: Any, **options: Any) -> Conversation:
    """A history in Converse's form."""
    return conversation(list(items), model=MODEL, **options)


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


def assistant(text: str) -> Any:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def calling(call_id: str, name: str = "add", arguments: str = '{"a": 1}') -> Any:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def result(call_id: str, output: Any = "1") -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def thinking(model: str = MODEL, **kept: Any) -> Any:
    return {"type": "reasoning", "id": "__fake_id__", "summary": [], "provider_data": {"model": model, "bedrock": kept}}


def test_a_text_is_one_user_message() -> None:
    assert conversation("hello", model=MODEL).messages == [{"role": "user", "content": [{"text": "hello"}]}]


def test_messages_of_one_role_are_merged() -> None:
    messages = translated(user("one"), user("two"), assistant("three"), assistant("four")).messages
    assert messages == [
        {"role": "user", "content": [{"text": "one"}, {"text": "two"}]},
        {"role": "assistant", "content": [{"text": "three"}, {"text": "four"}]},
    ]


def test_parallel_calls_are_answered_in_the_next_message_before_any_text() -> None:
    said = translated(user("go"), calling("x"), calling("y"), result("y", "2"), user("hurry"), result("x", "1"))
    uses, answers = said.messages[1]["content"], said.messages[2]["content"]
    assert [use["toolUse"] for use in uses] == [
        {"toolUseId": "x", "name": "add", "input": {"a": 1}},
        {"toolUseId": "y", "name": "add", "input": {"a": 1}},
    ]
    assert answers == [
        {"toolResult": {"toolUseId": "x", "content": [{"text": "1"}]}},
        {"toolResult": {"toolUseId": "y", "content": [{"text": "2"}]}},
        {"text": "hurry"},
    ]


def test_calls_one_after_the_other_stay_so() -> None:
    said = translated(user("go"), calling("x"), result("x"), calling("y"), result("y"), assistant("done"))
    assert [message["role"] for message in said.messages] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
    ]


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    said = translated(user("go"), calling("x"))
    assert said.messages[2]["content"] == [
        {"toolResult": {"toolUseId": "x", "content": [{"text": NO_RESULT}], "status": "error"}}
    ]


def test_a_result_without_a_call_is_told_as_text() -> None:
    said = translated(user("go"), result("gone", "7"))
    assert said.messages[0]["content"] == [{"text": "go"}, {"text": "[an earlier call returned: 7]"}]


@pytest.mark.parametrize(
    "output",
    [
        "The tool failed: ValueError: no",
        "Not accepted, call final_result again: total: missing",
        "An error occurred while running the tool. Please try again.",
    ],
)
def test_a_failed_call_is_marked(output: str) -> None:
    answer = translated(user("go"), calling("x"), result("x", output)).messages[2]["content"][0]["toolResult"]
    assert (answer["status"], answer["content"]) == ("error", [{"text": output}])


def test_images_are_sent_as_bytes_in_messages_and_results() -> None:
    image = {"type": "input_image", "image_url": f"data:image/jpg;base64,{b64encode(PNG).decode()}"}
    said = translated(user([{"type": "input_text", "text": "see"}, image]), calling("x"), result("x", [image]))
    block = {"image": {"format": "jpeg", "source": {"bytes": PNG}}}
    assert said.messages[0]["content"] == [{"text": "see"}, block]
    assert said.messages[2]["content"][0]["toolResult"]["content"] == [block]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (user([{"type": "input_image", "image_url": "https://example.com/a.png"}]), "data URLs"),
        (user([{"type": "input_image", "image_url": "data:image/png;base64,%%%"}]), "not base64"),
        (user([{"type": "input_audio", "input_audio": {}}]), "input_audio"),
        ({"type": "web_search_call", "id": "ws_1"}, "web_search_call"),
    ],
)
def test_what_converse_lacks_is_refused_before_any_call(item: Any, problem: str) -> None:
    with pytest.raises(ModelRefusedError, match=problem) as caught:
        translated(item)
    assert not caught.value.retryable


def test_instructions_inside_the_history_are_returned_apart() -> None:
    said = translated(
        {"role": "system", "content": "be kind"}, user("hi"), {"role": "developer", "content": "be brief"}
    )
    assert said.instructions == ["be kind", "be brief"]
    assert [message["role"] for message in said.messages] == ["user"]


def test_reasoning_goes_back_to_the_model_that_signed_it_and_to_no_other() -> None:
    kept = {"text": "hmm", "signature": "s"}
    redacted = {"redacted": b64encode(b"secret").decode()}
    history = (user("go"), thinking(**kept), thinking(**redacted), calling("x"), result("x"))
    assert translated(*history).messages[1]["content"][:2] == [
        {"reasoningContent": {"reasoningText": kept}},
        {"reasoningContent": {"redactedContent": b"secret"}},
    ]
    foreign = (
        user("go"),
        thinking(model="other", **kept),
        {"type": "reasoning", "summary": []},
        calling("x"),
        result("x"),
    )
    assert [list(block) for block in translated(*foreign).messages[1]["content"]] == [["toolUse"]]


def test_reasoning_without_an_answer_is_no_message() -> None:
    assert translated(user("go"), thinking(text="hmm", signature="s"), user("well?")).messages == [
        {"role": "user", "content": [{"text": "go"}, {"text": "well?"}]}
    ]


def test_an_assistant_cannot_open_and_nobody_says_nothing() -> None:
    assert translated(assistant("I began")).messages[0] == {"role": "user", "content": [{"text": CONTINUE}]}
    assert translated(user("  ")).messages == [{"role": "user", "content": [{"text": CONTINUE}]}]
    assert translated(user("hi"), assistant("so \n")).messages[1]["content"] == [{"text": "so"}]
    assert translated(user("go"), calling("x"), result("x", "")).messages[2]["content"] == [
        {"toolResult": {"toolUseId": "x", "content": [{"text": "(empty)"}]}}
    ]


def test_an_id_of_another_provider_is_made_to_fit() -> None:
    assert tool_id("tooluse_A-b.1:2") == "tooluse_A-b.1:2"
    long = tool_id("call_1__thought__" + "x" * 200)
    assert long == tool_id("call_1__thought__" + "x" * 200)
    assert tool_id("c1", 2) != tool_id("c1")
    assert long != tool_id("call_1__thought__" + "x" * 201)
    said = translated(user("go"), calling("a b"), result("a b"))
    assert (
        said.messages[1]["content"][0]["toolUse"]["toolUseId"]
        == said.messages[2]["content"][0]["toolResult"]["toolUseId"]
    )


@pytest.mark.parametrize("arguments", ["{broken", "[1]", "null"])
def test_arguments_that_are_no_object_are_kept_as_one(arguments: str) -> None:
    use = translated(user("go"), calling("x", arguments=arguments)).messages[1]["content"][0]["toolUse"]
    assert use["input"] == {"invalid_arguments": arguments}
    assert translated(user("go"), calling("x", arguments="")).messages[1]["content"][0]["toolUse"]["input"] == {}


def test_without_tools_the_history_has_no_tool_blocks() -> None:
    said = translated(user("go"), thinking(text="h"), calling("x"), result("x", "2"), user("so?"), tools_as_text=True)
    assert said.messages == [
        {"role": "user", "content": [{"text": "go"}]},
        {"role": "assistant", "content": [{"text": '[called add with {"a": 1}]'}]},
        {"role": "user", "content": [{"text": "[add returned: 2]"}, {"text": "so?"}]},
    ]


# -- every history ---------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(["", " ", "hi", "two words ", "\n", "näher"])
IDS = st.sampled_from(["c1", "c2", "c3", "an id/with ü", "z" * 80])
ITEMS = st.one_of(
    st.builds(user, TEXTS),
    st.builds(user, st.lists(st.builds(lambda text: {"type": "input_text", "text": text}, TEXTS), max_size=2)),
    st.builds(assistant, TEXTS),
    st.builds(lambda text: {"role": "assistant", "content": text}, TEXTS),
    st.builds(lambda text: {"role": "developer", "content": text}, TEXTS),
    st.builds(calling, IDS, st.sampled_from(["add", "final_result"]), st.sampled_from(['{"a": 1}', "", "{x", "[]"])),
    st.builds(result, IDS, st.one_of(TEXTS, st.just([{"type": "input_text", "text": "part"}]))),
    st.builds(thinking, st.sampled_from([MODEL, "other"]), text=st.just("hmm"), signature=st.just("sig")),
)
HISTORIES = st.lists(ITEMS, max_size=14)


def check(messages: list[Any]) -> None:
    """What Converse demands of messages, and what botocore's own model of it does."""
    assert [message["role"] for message in messages] == (["user", "assistant"] * len(messages))[: len(messages)]
    assert messages
    for message, following in zip(messages, [*messages[1:], {"content": []}], strict=True):
        assert message["content"]
        assert all(block["text"].strip() for block in message["content"] if "text" in block)
        assert any("reasoningContent" not in block for block in message["content"])
        used = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        answered = [next(iter(block)) for block in following["content"][: len(used)]]
        assert answered == ["toolResult"] * len(used)
        assert [block["toolResult"]["toolUseId"] for block in following["content"][: len(used)]] == used
        assert not any("toolResult" in block for block in following["content"][len(used) :])
    ids = [block["toolUse"]["toolUseId"] for message in messages for block in message["content"] if "toolUse" in block]
    assert len(ids) == len(set(ids))
    report = ParamValidator().validate({"modelId": MODEL, "messages": messages}, CONVERSE)
    assert not report.has_errors(), report.generate_report()


@given(HISTORIES, st.booleans())
def test_every_history_is_one_that_converse_takes(history: list[Any], tools_as_text: bool) -> None:
    before = json.dumps(history)
    messages = conversation(history, model=MODEL, tools_as_text=tools_as_text).messages
    check(messages)
    assert json.dumps(history) == before
    if tools_as_text:
        assert "toolUse" not in json.dumps(messages)
        assert "toolResult" not in json.dumps(messages)


@given(st.lists(st.lists(st.sampled_from(["add", "fail", "say"]), min_size=1, max_size=3), max_size=4), st.booleans())
def test_every_run_of_the_sdk_leaves_such_a_history(turns: list[list[str]], asked_again: bool) -> None:
    @function_tool
    def add(a: int) -> int:
        return a + 1

    @function_tool
    def fail() -> int:
        raise ValueError("no")

    def step(number: int, names: list[str]) -> ModelStep:
        arguments = {"add": {"a": 1}, "fail": {}}
        calls = [
            function_call(name, arguments[name], call_id=f"call_{number}_{index}")
            for index, name in enumerate(names)
            if name != "say"
        ]
        return ModelStep(output=[assistant_message("let me see"), *calls] if "say" in names else calls)

    steps = [step(number, names) for number, names in enumerate(turns) if set(names) != {"say"}]
    model = ScriptedModel([*steps, ModelStep(output=[assistant_message("done")])])
    agent = Agent("a", model=model, tools=[add, fail])
    ran = asyncio.run(Runner.run(agent, "go", run_config=RunConfig(tracing_disabled=True)))
    history = ran.to_input_list()
    if asked_again:
        history = [*history, user("again")]
    check(conversation(history, model=MODEL).messages)
    results = json.dumps(conversation(history, model=MODEL).messages).count('"toolResult"')
    assert results == sum(name != "say" for names in turns if set(names) != {"say"} for name in names)


def test_the_arguments_are_what_botocore_knows() -> None:
    settings = ModelSettings(
        temperature=0.2,
        top_p=0.9,
        max_tokens=77,
        extra_args={"stop": "END", "performanceConfig": {"latency": "optimized"}},
        extra_body={"thinking": {"type": "enabled", "budget_tokens": 1024}},
    )
    request = ModelRequest(
        instructions="Add.",
        input=[{"role": "system", "content": "Be kind."}, user("2 and 3?")],
        settings=settings,
        tools=[function_tool(_add)],
        output_schema=None,
        handoffs=[],
        tracing=ModelTracing.DISABLED,
    )
    arguments = call(request, ModelSpec("bedrock", f"converse/{MODEL}", region="us-east-1")).arguments
    assert not ParamValidator().validate(arguments, CONVERSE).has_errors()
    assert arguments["modelId"] == MODEL
    assert arguments["system"] == [{"text": "Add."}, {"text": "Be kind."}]
    assert arguments["inferenceConfig"] == {"maxTokens": 77, "temperature": 0.2, "topP": 0.9, "stopSequences": ["END"]}
    assert arguments["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert arguments["performanceConfig"] == {"latency": "optimized"}
    assert "toolChoice" not in arguments["toolConfig"]


def _add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
