"""What an agent's payload comes to, in the lines that the commands print."""

from collections.abc import Callable, Mapping
from typing import Any

Payload = Mapping[str, Any]


def lines_of(agent: str, payload: Payload) -> list[str]:
    """The lines about one agent's payload."""
    return _LINES[agent](payload)


def _planner(payload: Payload) -> list[str]:
    return ["Success: True", payload["summary"]]


def _tagger(payload: Payload) -> list[str]:
    return [f"Tagged: {payload['tagged']} instruments", f"Updated: {payload['updated']}"]


def _reporter(payload: Payload) -> list[str]:
    size = f"({len(payload['content'])} characters)"
    return ["Success: 1", "Message: Report generated and stored", payload["content"], size]


def _charter(payload: Payload) -> list[str]:
    charts = [f"{key}: {one['title']} ({one['type']}, {len(one['data'])} parts)" for key, one in payload.items()]
    return ["Success: True", f"Message: Generated {len(payload)} charts", *charts]


def _retirement(payload: Payload) -> list[str]:
    return ["Success: 1", "Message: Retirement analysis completed", payload["analysis"]]


_LINES: Mapping[str, Callable[[Payload], list[str]]] = {
    "tagger": _tagger,
    "reporter": _reporter,
    "charter": _charter,
    "retirement": _retirement,
    "planner": _planner,
}
ORDER = tuple(_LINES)
"""In which the commands try them: workers, then the planner with all of them."""
