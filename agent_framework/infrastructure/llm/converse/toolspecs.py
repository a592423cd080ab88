"""The SDK's tools and handoffs as a Converse tool configuration.

A strict JSON schema is cleaned of what models on Bedrock reject: references are written out, and titles, ``$schema``,
``discriminator`` and a boolean ``additionalProperties`` are dropped. At the top only ``type``, ``properties``,
``required``, a schema for further properties, and, for a schema that refers to itself, ``$defs`` remain.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agents import FunctionTool, Handoff, Tool

from agent_framework.errors import ModelRefusedError
from agent_framework.types import JSONDict, is_array, is_object

_DROPPED = frozenset({"$schema", "$id", "$defs", "definitions", "discriminator", "strict"})
_DATA = frozenset({"default", "const", "enum", "examples"})
_TOP = ("type", "properties", "required", "additionalProperties")


def tool_specs(tools: Sequence[Tool], handoffs: Sequence[Handoff]) -> list[JSONDict]:
    """Each tool and handoff as a ``toolSpec``.

    Raises:
        ModelRefusedError: a hosted tool, which only OpenAI's Responses can run.
    """
    specs: list[JSONDict] = []
    for tool in tools:
        if not isinstance(tool, FunctionTool):
            raise ModelRefusedError(f"provider bedrock: {tool.name} is a hosted tool of OpenAI; Converse runs none")
        specs.append(tool_spec(tool.name, tool.description, tool.params_json_schema))
    specs += [tool_spec(h.tool_name, h.tool_description, h.input_json_schema) for h in handoffs]
    return specs


def tool_spec(name: str, description: str, schema: Mapping[str, Any]) -> JSONDict:
    """One ``toolSpec``; Converse wants a description that is not empty."""
    return {
        "toolSpec": {
            "name": name,
            "description": description.strip() or name,
            "inputSchema": {"json": clean_schema(schema)},
        }
    }


def tool_choice(choice: Any) -> JSONDict | None:
    """``toolChoice`` for the SDK's setting; None where the model may choose, which not every model can be told.

    ``none`` is not a choice of Converse: such a call offers no tools.
    """
    if choice in (None, "auto", "none"):
        return None
    if choice == "required":
        return {"any": {}}
    if isinstance(choice, str):
        return {"tool": {"name": choice}}
    raise ModelRefusedError(f"provider bedrock: Converse has no tool choice such as {choice!r}")


def clean_schema(schema: Mapping[str, Any]) -> JSONDict:
    """A JSON schema of an object in the form that models on Bedrock accept."""
    definitions: JSONDict = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    cleaner = _Cleaner(definitions)
    whole = cleaner.clean(_resolved(schema, definitions), frozenset())
    if cleaner.recursive:
        names = frozenset(definitions)
        whole = cleaner.clean(_resolved(schema, definitions), names)
        whole["$defs"] = {name: cleaner.clean(definition, names) for name, definition in definitions.items()}
    top = {name: whole[name] for name in (*_TOP, "$defs") if name in whole}
    return {**top, "type": "object", "properties": top.get("properties", {})}


def _resolved(schema: Mapping[str, Any], definitions: JSONDict) -> JSONDict:
    """The schema with a reference at its top replaced by what it refers to."""
    name = _reference(schema)
    return {**definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}} if name else dict(schema)


def _reference(schema: Mapping[str, Any]) -> str | None:
    target = schema.get("$ref")
    return target.rpartition("/")[2] if isinstance(target, str) else None


class _Cleaner:
    """Cleans the parts of one schema; ``recursive`` tells afterwards whether it refers to itself."""

    def __init__(self, definitions: JSONDict) -> None:
        self._definitions = definitions
        self.recursive = False

    def clean(self, node: Any, inside: frozenset[str]) -> Any:
        """``inside`` names the definitions that are being written out; a reference to them stays one."""
        if is_array(node):
            return [self.clean(part, inside) for part in node]
        if not is_object(node):
            return node
        name = _reference(node)
        if name is not None and name in self._definitions:
            if name in inside:
                self.recursive = True
                return {"$ref": f"#/$defs/{name}"}
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return self.clean({**self._definitions[name], **rest}, inside | {name})
        return {key: self._value(key, value, inside) for key, value in node.items() if not _is_dropped(key, value)}

    def _value(self, key: str, value: Any, inside: frozenset[str]) -> Any:
        if key in _DATA:
            return value
        if key in ("properties", "patternProperties") and is_object(value):
            return {name: self.clean(schema, inside) for name, schema in value.items()}
        return self.clean(value, inside)


def _is_dropped(key: str, value: Any) -> bool:
    return (
        key in _DROPPED
        or (key == "title" and isinstance(value, str))
        or (key == "additionalProperties" and isinstance(value, bool))
    )
