"""The logs of a stage's agents as one stream: read from each log group, merged by time, JSON lines made readable."""

import heapq
import json
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agent_framework.cli.deployment.aws import Aws, code
from agent_framework.errors import DeploymentError, ProviderError
from agent_framework.types import JSONDict, is_object

POLL_S = 2.0
OVERLAP_MS = 30_000
"""How far back each look goes again: CloudWatch shows some events late, and not in order."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MESSAGE_FIELDS = ("message", "msg", "errorMessage")
_LEVEL_FIELDS = ("level", "levelname", "log_level")


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One event of one agent's log group; ``at_ms`` in milliseconds since 1970."""

    at_ms: int
    id: str
    agent: str
    text: str = field(compare=False)

    def as_dict(self) -> JSONDict:
        """For ``--json``: one object a line, a JSON message as it is."""
        return {"time": _time(self.at_ms), "agent": self.agent, "message": _json(self.text) or self.text.rstrip()}

    def shown(self, width: int) -> str:
        """Time, agent, level and message on one line."""
        data = _json(self.text)
        if data is None:
            return f"{_time(self.at_ms)}  {self.agent:<{width}}  {self.text.rstrip()}"
        level = next((str(data[name]) for name in _LEVEL_FIELDS if data.get(name)), "")
        message = next((str(data[name]) for name in _MESSAGE_FIELDS if data.get(name)), "")
        if not message and "type" in data:  # Lambda's own: platform.start, platform.report, ...
            message = f"{data['type']} {json.dumps(data.get('record', {}), ensure_ascii=False)}"
        message = message or json.dumps(data, ensure_ascii=False)
        trace = data.get("stackTrace") or data.get("exc_info") or data.get("stack_trace")
        return f"{_time(self.at_ms)}  {self.agent:<{width}}  {level:<7}  {message}" + _indented(trace)


def since_ms(text: str, *, now: float | None = None) -> int:
    """When ``10m`` ago was (s, m, h, d), in milliseconds since 1970.

    Raises:
        DeploymentError: it has another form.
    """
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise DeploymentError(f"--since {text!r}: write a number and s, m, h or d, such as 10m")
    return int(((time.time() if now is None else now) - int(found[1]) * _UNITS[found[2]]) * 1000)


class StageLogs:
    """The log groups of some agents, by agent; ``job`` leaves only lines that hold this text (a job's id)."""

    def __init__(self, aws: Aws, groups: Mapping[str, str], *, job: str | None = None) -> None:
        self._aws = aws
        self._groups = groups
        self._filter = {"filterPattern": f'"{job}"'} if job else {}

    def read(self, start_ms: int) -> Iterator[LogLine]:
        """All lines from ``start_ms`` on, by time."""
        streams = [sorted(self._of(agent, group, start_ms)) for agent, group in self._groups.items()]
        return heapq.merge(*streams)

    def follow(self, start_ms: int, *, sleep: Callable[[float], None] = time.sleep) -> Generator[LogLine, None, None]:
        """The same, and then whatever comes, until the caller stops."""
        known: dict[str, int] = {}
        newest = start_ms
        while True:
            for line in self.read(start_ms):
                if line.id not in known:
                    known[line.id] = line.at_ms
                    newest = max(newest, line.at_ms)
                    yield line
            start_ms = max(start_ms, newest - OVERLAP_MS)
            known = {key: at_ms for key, at_ms in known.items() if at_ms >= start_ms}
            sleep(POLL_S)

    def _of(self, agent: str, group: str, start_ms: int) -> Iterator[LogLine]:
        options: dict[str, Any] = {"logGroupName": group, "startTime": start_ms, **self._filter}
        try:
            for page in self._aws.pages("logs", "filter_log_events", **options):
                for event in page.get("events", ()):
                    yield LogLine(int(event["timestamp"]), str(event["eventId"]), agent, str(event["message"]))
        except ProviderError as exc:
            if code(exc) == "ResourceNotFoundException":
                raise DeploymentError(f"{agent} has no log group {group}; deploy the stage again") from exc
            raise


def chosen_groups(groups: Mapping[str, str], agents: Sequence[str]) -> dict[str, str]:
    """The log groups of ``agents``, of all where none is named.

    Raises:
        DeploymentError: an agent that the stage does not have.
    """
    unknown = [name for name in agents if name not in groups]
    if unknown:
        raise DeploymentError(f"the stage has no agent {', '.join(unknown)}; it has {', '.join(sorted(groups))}")
    return {name: group for name, group in sorted(groups.items()) if not agents or name in agents}


def _json(text: str) -> JSONDict | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if is_object(value) else None


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{at_ms % 1000:03d}"


def _indented(trace: Any) -> str:
    lines: list[str] = [str(line) for line in trace] if isinstance(trace, list) else str(trace or "").splitlines()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return "".join(f"\n    {line.rstrip()}" for line in lines)
