"""Tools that write: what one declares, and who stands between its call and the world. Knows no SDK and no database.

Whoever runs an agent sets `GUARD`; a guarded tool asks it to perform each call, wherever in the run that happens, in an
agent that is another one's tool too. Without a guard (in a unit test of the tool) the call is simply made.
"""

import asyncio
import inspect
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, cast

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from agent_framework.errors import ProjectError
from agent_framework.observability.redaction import masked
from agent_framework.types import JSONDict


@dataclass(frozen=True, slots=True)
class Declared:
    """What a tool says of itself, see `agent_framework.tool`."""

    key: tuple[str, ...] = ()
    wording: tuple[str, ...] = ()
    idempotency_key: str | None = None
    preview: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One call of a tool that writes. ``accepts_key``: the same key again has no second effect."""

    tool: str
    arguments: JSONDict
    key: tuple[str, ...] = ()
    wording: tuple[str, ...] = ()
    accepts_key: bool = False


class WriteGuard(Protocol):
    """Performs the writes of one attempt."""

    async def perform(self, write: Write, call: Callable[[str], Awaitable[Any]]) -> Any:
        """The write's result: of ``call(idempotency key)``, or the recorded one of an earlier call."""
        ...


GUARD: ContextVar[WriteGuard | None] = ContextVar("agent_framework_write_guard", default=None)


def guarded(function: Callable[..., Any], declared: Declared, *, name: str) -> Callable[..., Any]:
    """``function`` as a coroutine function that the guard performs; the model does not see the idempotency key.

    Raises:
        ProjectError: the declaration names parameters that the function does not have.
    """
    whole = inspect.signature(function)
    context = _context_parameter(whole)
    hidden = declared.idempotency_key
    shown = [p for p in whole.parameters.values() if p.name != hidden]
    _check(name, declared, whole, {p.name for p in shown} - {context})
    visible = whole.replace(parameters=[p for p in shown if p.name != context])

    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        bound = visible.bind(*(args[1:] if context else args), **kwargs)
        bound.apply_defaults()
        arguments: JSONDict = to_jsonable_python(dict(bound.arguments), fallback=str)

        async def run(key: str) -> Any:
            return as_json(await _called(function, args, {**kwargs, hidden: key} if hidden else kwargs))

        guard = GUARD.get()
        if guard is None:
            return await run(uuid.uuid4().hex)
        return await guard.perform(Write(name, arguments, declared.key, declared.wording, hidden is not None), run)

    cast(Any, call).__signature__ = whole.replace(parameters=shown)
    call.__annotations__ = {key: value for key, value in function.__annotations__.items() if key != hidden}
    return call


async def _called(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)


def as_json(value: Any) -> Any:
    """A structured result as JSON text; a model would be shown Python's own notation otherwise. Secrets are hidden."""
    if isinstance(value, BaseModel):
        return masked(value.model_dump_json())
    plain = isinstance(value, (dict, list))
    return masked(json.dumps(value, ensure_ascii=False, default=str) if plain else value)


def _context_parameter(signature: inspect.Signature) -> str | None:
    """The name of a first parameter that receives the run's context, by its annotation as the SDK sees it."""
    first = next(iter(signature.parameters.values()), None)
    if first is None or first.annotation is inspect.Parameter.empty:
        return None
    annotation: Any = first.annotation
    words = annotation if isinstance(annotation, str) else str(getattr(annotation, "__origin__", annotation))
    return first.name if "RunContextWrapper" in words or "ToolContext" in words else None


def _check(name: str, declared: Declared, signature: inspect.Signature, shown: set[str]) -> None:
    for option, fields in (("key", declared.key), ("wording", declared.wording)):
        unknown = [field for field in fields if field not in shown]
        if unknown:
            raise ProjectError(
                f"tool {name}: {option} names {', '.join(unknown)}, which it has no parameter for; it has "
                f"{', '.join(sorted(shown)) or 'none'}"
            )
    if set(declared.key) & set(declared.wording):
        raise ProjectError(f"tool {name}: a field of 'key' identifies the write, so it cannot be 'wording' too")
    if declared.idempotency_key is not None and declared.idempotency_key not in signature.parameters:
        raise ProjectError(
            f"tool {name}: idempotency_key={declared.idempotency_key!r} must name the parameter that receives the key"
        )
