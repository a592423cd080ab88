"""Values made from JSON schemas satisfy them, whatever the schema."""

import json
from enum import Enum
from typing import Any, Literal

import jsonschema
import pytest
from agents import AgentOutputSchema
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter

from agent_framework.infrastructure.llm.sample import sample

FORMATS = ["date", "date-time", "email", "uuid", "uri", "ipv4", "ipv6", "hostname", "time", "duration"]


def whole(low: int, high: int) -> Any:
    """Whole numbers for bounds."""
    return st.integers(min_value=low, max_value=high)


@st.composite
def string_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Texts with bounds of length, or with a format."""
    if draw(st.booleans()):
        return {"type": "string", "format": draw(st.sampled_from(FORMATS))}
    shortest = draw(whole(0, 20))
    schema: dict[str, Any] = {"type": "string", "minLength": shortest}
    if draw(st.booleans()):
        schema["maxLength"] = shortest + draw(whole(0, 5))
    return schema


@st.composite
def integer_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Whole numbers with bounds of each kind, or multiples."""
    low = draw(whole(-1000, 1000))
    keys = draw(st.sets(st.sampled_from(["low", "high"])))
    schema: dict[str, Any] = {"type": "integer"}
    if "low" in keys:
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if "high" in keys:
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(whole(14, 50))
    if draw(st.booleans()):
        schema["multipleOf"] = draw(whole(1, 7))
    return schema


@st.composite
def number_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Numbers with bounds."""
    low = draw(st.floats(-1e6, 1e6, allow_nan=False))
    keys = draw(st.sets(st.sampled_from(["low", "high"])))
    schema: dict[str, Any] = {"type": "number"}
    if "low" in keys:
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if "high" in keys:
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.floats(0.5, 1e6))
    return schema


def values() -> Any:
    """Plain JSON values for const, enum and default."""
    return st.one_of(st.none(), st.booleans(), whole(-9, 9), st.text(max_size=5))


def leaves() -> Any:
    """Schemas without others inside."""
    return st.one_of(
        string_schemas(),
        integer_schemas(),
        number_schemas(),
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.just({"type": ["string", "null"]}),
        st.builds(lambda value: {"const": value}, values()),
        st.builds(lambda choices: {"enum": choices}, st.lists(values(), min_size=1, max_size=4)),
        st.builds(lambda value: {"type": "integer", "default": value}, whole(-9, 9)),
    )


@st.composite
def object_schemas(draw: st.DrawFn, inner: Any) -> dict[str, Any]:
    """Objects with required and optional properties, closed or open."""
    properties = draw(st.dictionaries(st.sampled_from("abcdefg"), inner, max_size=4))
    required = [name for name in properties if draw(st.booleans())]
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if draw(st.booleans()):
        schema["additionalProperties"] = False
        schema["minProperties"] = draw(whole(0, len(properties)))
    else:
        schema["minProperties"] = draw(whole(0, 6))
    return schema


@st.composite
def array_schemas(draw: st.DrawFn, inner: Any) -> dict[str, Any]:
    """Lists with bounds, and tuples."""
    shortest = draw(whole(0, 3))
    schema: dict[str, Any] = {"type": "array", "items": draw(inner), "minItems": shortest}
    if draw(st.booleans()):
        schema["maxItems"] = shortest + draw(whole(0, 2))
    if draw(st.booleans()):
        schema["prefixItems"] = draw(st.lists(inner, min_size=1, max_size=2))
    return schema


def combined(inner: Any) -> Any:
    """Schemas with others inside; the branches of oneOf exclude each other, as discriminated unions do."""
    tagged = st.builds(
        lambda a, b: {
            "oneOf": [
                {"type": "object", "properties": {"kind": {"const": "a"}, "value": a}, "required": ["kind", "value"]},
                {"type": "object", "properties": {"kind": {"const": "b"}, "value": b}, "required": ["kind", "value"]},
            ]
        },
        inner,
        inner,
    )
    return st.one_of(
        object_schemas(inner),
        array_schemas(inner),
        tagged,
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one: {"allOf": [one], "description": "merged"}, inner),
        st.builds(lambda one: {"$defs": {"X": one}, "type": "null"}, inner),
    )


def schemas() -> Any:
    """Any schema this package claims to know."""
    return st.recursive(leaves(), combined, max_leaves=12)


def check(value: Any, schema: Any) -> None:
    """``value`` satisfies ``schema``, formats included."""
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(
        value
    )


@given(schemas())
def test_a_sample_satisfies_its_schema_and_is_always_the_same(schema: Any) -> None:
    value = sample(schema)
    check(value, schema)
    assert sample(schema) == value


@given(schemas(), schemas())
def test_references_into_the_schema_are_followed(shared: Any, other: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"one": {"$ref": "#/$defs/Shared"}, "two": other, "three": {"$ref": "#/$defs/Shared"}},
        "required": ["one", "two", "three"],
        "$defs": {"Shared": shared},
    }
    check(sample(schema), schema)


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Point(BaseModel):
    kind: Literal["point"]
    x: float = Field(gt=0, lt=1)
    y: float = Field(ge=10)


class Circle(BaseModel):
    kind: Literal["circle"]
    centre: Point
    radius: int = Field(multiple_of=5, ge=7)


class Tree(BaseModel):
    name: str
    children: list["Tree"] = Field(min_length=0)
    parent: "Tree | None"


class Report(BaseModel):
    code: str = Field(pattern=r"^[A-Z]{3}-\d{3}$")
    level: Level
    when: AwareDatetime
    shape: Point | Circle = Field(discriminator="kind")
    tags: set[str] = Field(min_length=3)
    scores: dict[str, int] = Field(min_length=2)
    pair: tuple[int, str]
    note: str | None = None
    count: int = Field(default=4, ge=3)
    tree: Tree


def test_a_pydantic_model_of_every_kind_of_field_accepts_its_sample() -> None:
    report = Report.model_validate(sample(Report.model_json_schema()))
    assert (report.note, report.count, report.level) == (None, 4, Level.LOW)


def test_the_strict_form_the_sdk_sends_is_satisfied_too() -> None:
    class Answer(BaseModel):
        summary: str
        rating: int = Field(ge=1, le=5)
        sources: list[str]
        next_step: str | None

    schema = AgentOutputSchema(Answer).json_schema()
    assert Answer.model_validate(sample(schema)).rating == 1


@pytest.mark.parametrize(
    "items", [{"type": "string"}, {"type": "integer"}, {"enum": [1, 2, 3]}, {"type": "string", "format": "uuid"}]
)
def test_unique_items_are_unique(items: Any) -> None:
    schema = {"type": "array", "items": items, "minItems": 3, "uniqueItems": True}
    check(sample(schema), schema)


def test_the_first_choice_and_the_default_are_taken() -> None:
    schema = {"properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "integer", "default": 42}, "c": {"const": None}}}
    assert sample(schema) == {"a": "x", "b": 42, "c": None}


def test_references_that_lead_nowhere_allow_anything() -> None:
    for ref in ("https://example.com/other.json", "#/$defs/Missing", "#/$defs/0/1", "#/anyOf/7"):
        schema = {"type": "object", "properties": {"a": {"$ref": ref}}, "$defs": {}, "examples": []}
        assert sample(schema) == {"a": "text"}


def test_a_schema_that_refers_to_itself_many_times_stays_small() -> None:
    properties = {name: {"$ref": "#"} for name in "abcdef"}
    value = sample({"type": "object", "properties": properties})
    assert len(json.dumps(value)) < 100_000


def test_a_recursive_schema_ends() -> None:
    for kind in (Tree, TypeAdapter(list[Tree])):
        schema = kind.model_json_schema() if isinstance(kind, type) else kind.json_schema()
        check(sample(schema), schema)
