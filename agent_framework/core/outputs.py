"""An agent's output is always an object of JSON values; this is the boundary where it becomes one."""

import dataclasses
import json
from typing import Any, cast

from pydantic import BaseModel

from agent_framework.errors import OutputValidationError
from agent_framework.observability.redaction import masked
from agent_framework.types import MAX_NESTING, JSONDict, nesting

_STRICT = json.JSONEncoder(allow_nan=False, ensure_ascii=False)
_LARGE = 2**63
_DECODER = json.JSONDecoder()


def to_output(value: Any, *, agent: str, structured: bool = False) -> JSONDict:
    """``value`` as the object that is stored.

    An object stays as it is; a text becomes ``{"result": text}``, or the object it spells where the agent declares
    structured output; any other JSON value becomes ``{"result": value}``. Values of secrets are hidden in it.

    Raises:
        OutputValidationError: it is not JSON (NaN, a class instance, ...), or not the declared structure.
    """
    plain = _plain(value)
    if isinstance(plain, str) and structured:
        plain = _spelled(plain, agent)
    if _is_plain_text(plain):
        return masked({"result": plain})
    output: JSONDict = cast(JSONDict, plain) if isinstance(plain, dict) else {"result": plain}
    if _is_flat(output):
        return masked(dict(output))
    try:
        text = _STRICT.encode(output)
        if not text.isascii():
            text.encode()  # half a surrogate pair can be stored nowhere
        parsed: JSONDict = _DECODER.raw_decode(text)[0]
    except (TypeError, ValueError, RecursionError) as exc:
        raise OutputValidationError(
            f"the output of {agent} is not JSON: {exc}; return a dict of texts, numbers, lists and dicts"
        ) from exc
    if text.count("{") + text.count("[") > MAX_NESTING and nesting(parsed) > MAX_NESTING:
        raise OutputValidationError(f"the output of {agent} is nested deeper than {MAX_NESTING} levels")
    return masked(parsed)


def _is_plain_text(value: object) -> bool:
    """Whether a value is the commonest answer, a text that is JSON as it stands."""
    return type(value) is str and value.isascii()


def _is_flat(output: JSONDict) -> bool:
    """Whether an object holds but ASCII texts, small whole numbers, booleans and nulls: it is JSON as it stands."""
    for name, value in output.items():
        plain = _is_plain_text(value) or value is None or value is True or value is False
        if not (plain or (type(value) is int and -_LARGE < value < _LARGE)) or not _is_plain_text(name):
            return False
    return True


def _plain(value: Any) -> Any:
    if type(value) is dict:
        return value  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


def _spelled(text: str, agent: str) -> JSONDict:
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise OutputValidationError(
            f"{agent} declares structured output and answered in prose: {text[:200]!r}"
        ) from exc
    return cast(JSONDict, value) if isinstance(value, dict) else {"result": value}
