"""Tools, choices and schemas as a Converse tool configuration."""

import json
from dataclasses import replace
from typing import Any

import pytest
from agents import Agent, AgentOutputSchema, ModelSettings, ModelTracing, WebSearchTool, function_tool, handoff
from pydantic import BaseModel, Field

from agent_framework.errors import ModelRefusedError
from agent_framework.infrastructure.llm import ModelSpec
from agent_framework.infrastructure.llm.converse.arguments import call
from agent_framework.infrastructure.llm.converse.toolspecs import clean_schema, tool_specs
from agent_framework.infrastructure.llm.request import ModelRequest
from agent_framework.infrastructure.llm.tools import FinalResult

SPEC = ModelSpec("bedrock", "amazon.nova-pro-v1:0", region="us-east-1")


class Part(BaseModel):
    """A part."""

    title: str
    weight: float | None = None


class Whole(BaseModel):
    """A whole."""

    parts: list[Part]
    best: Part = Field(description="the best one")
    notes: dict[str, str] = {}


class Tree(BaseModel):
    """A schema that refers to itself."""

    name: str
    children: list["Tree"] = []


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


REQUEST = ModelRequest(
    instructions=None,
    input=[{"role": "user", "content": "go"}],
    settings=ModelSettings(),
    tools=[add],
    output_schema=None,
    handoffs=[],
    tracing=ModelTracing.DISABLED,
)
CALLED: list[Any] = [
    {"role": "user", "content": "go"},
    {"type": "function_call", "call_id": "x", "name": "add", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "x", "output": "1"},
]


def test_a_strict_schema_is_cleaned_of_what_bedrock_rejects() -> None:
    schema = clean_schema(FinalResult(Part, agent="a").schema)
    assert schema == {
        "type": "object",
        "properties": {"title": {"type": "string"}, "weight": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
        "required": ["title", "weight"],
    }


def test_references_are_written_out_and_a_field_named_title_stays() -> None:
    schema = clean_schema(Whole.model_json_schema())
    assert "$" not in json.dumps(schema)
    assert list(schema["properties"]["parts"]["items"]["properties"]) == ["title", "weight"]
    assert schema["properties"]["best"]["description"] == "the best one"
    assert schema["properties"]["notes"]["additionalProperties"] == {"type": "string"}
    assert set(schema) == {"type", "properties", "required"}


def test_a_schema_that_refers_to_itself_keeps_its_definitions() -> None:
    schema = clean_schema(Tree.model_json_schema())
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert set(schema["$defs"]) == {"Tree"}


def test_a_tool_without_parameters_or_description_has_both() -> None:
    @function_tool
    def ping() -> str:
        return "pong"

    assert tool_specs([ping], [handoff(Agent("helper"))])[0]["toolSpec"] == {
        "name": "ping",
        "description": "ping",
        "inputSchema": {"json": {"type": "object", "properties": {}, "required": []}},
    }
    assert tool_specs([], [handoff(Agent("helper"))])[0]["toolSpec"]["name"] == "transfer_to_helper"


def test_a_hosted_tool_is_refused() -> None:
    with pytest.raises(ModelRefusedError, match="web_search"):
        tool_specs([WebSearchTool()], [])


@pytest.mark.parametrize(
    ("choice", "expected"),
    [(None, None), ("auto", None), ("required", {"any": {}}), ("add", {"tool": {"name": "add"}})],
)
def test_the_choice_of_tools(choice: Any, expected: Any) -> None:
    request = REQUEST.with_settings(ModelSettings(tool_choice=choice))
    assert call(request, SPEC).arguments["toolConfig"].get("toolChoice") == expected


@pytest.mark.parametrize(
    "request_",
    [REQUEST.with_settings(ModelSettings(tool_choice="none")), replace(REQUEST, tools=[])],
    ids=["none", "-"],
)
def test_a_call_that_offers_no_tools_has_no_tool_blocks_either(request_: ModelRequest) -> None:
    arguments = call(replace(request_, input=CALLED), SPEC).arguments
    assert "toolConfig" not in arguments
    assert "toolUse" not in json.dumps(arguments)


def test_an_output_type_without_tools_is_a_tool_that_must_be_called() -> None:
    asked = call(replace(REQUEST, tools=[], output_schema=AgentOutputSchema(Part)), SPEC)
    assert asked.wants_json
    assert asked.arguments["toolConfig"]["toolChoice"] == {"tool": {"name": "final_result"}}
    assert "JSON schema" in asked.arguments["system"][0]["text"]


def test_an_output_type_with_tools_is_asked_for_in_words() -> None:
    asked = call(replace(REQUEST, output_schema=AgentOutputSchema(Part)), SPEC)
    assert [tool["toolSpec"]["name"] for tool in asked.arguments["toolConfig"]["tools"]] == ["add"]
    assert "toolChoice" not in asked.arguments["toolConfig"]
    assert '"weight"' in asked.arguments["system"][0]["text"]


def test_plain_text_as_an_output_type_changes_nothing() -> None:
    asked = call(replace(REQUEST, output_schema=AgentOutputSchema(str)), SPEC)
    assert (asked.wants_json, "system" in asked.arguments) == (False, False)
