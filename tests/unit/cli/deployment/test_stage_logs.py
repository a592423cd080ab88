"""Logs of several agents as one stream."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from agent_framework.cli.deployment.stage_logs import LogLine, StageLogs, chosen_groups, since_ms
from agent_framework.errors import DeploymentError


class PagedLogs:
    """CloudWatch with what each group holds; two events a page, events of ``late`` shown from the second look on."""

    def __init__(self, **groups: list[tuple[int, str]]) -> None:
        self.groups = groups
        self.late: dict[str, list[tuple[int, str]]] = {}
        self.asked: list[dict[str, Any]] = []

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(arguments)
        group = arguments["logGroupName"]
        events = [event for event in self.groups[group] if event[0] >= arguments["startTime"]]
        self.groups[group] = self.groups[group] + self.late.pop(group, [])
        for start in range(0, len(events), 2):
            yield {
                "events": [
                    {"timestamp": at, "eventId": f"{group}-{at}-{text}", "message": text}
                    for at, text in events[start : start + 2]
                ]
            }


def test_lines_of_all_agents_come_by_time_through_all_pages() -> None:
    aws: Any = PagedLogs(a=[(1, "a1"), (4, "a4"), (6, "a6")], b=[(2, "b2"), (3, "b3"), (5, "b5")])
    lines = StageLogs(aws, {"reader": "a", "writer": "b"}).read(0)
    assert [line.text for line in lines] == ["a1", "b2", "b3", "a4", "b5", "a6"]


def test_a_job_is_asked_for_in_quotes() -> None:
    aws: Any = PagedLogs(a=[])
    list(StageLogs(aws, {"reader": "a"}, job="3f0c-1").read(7))
    assert aws.asked == [{"logGroupName": "a", "startTime": 7, "filterPattern": '"3f0c-1"'}]


def test_following_shows_each_line_once_also_those_that_come_late() -> None:
    aws: Any = PagedLogs(a=[(1000, "first")])
    aws.late = {"a": [(900, "late"), (2000, "next")]}
    lines = StageLogs(aws, {"reader": "a"}).follow(0, sleep=lambda _: None)
    assert [line.text for line in islice(lines, 3)] == ["first", "late", "next"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n", "writer  plain"),
        ('{"level": "ERROR", "message": "no"}', "writer  ERROR    no"),
        ('{"log_level": "ERROR", "errorMessage": "no", "stackTrace": ["  at a"]}', "writer  ERROR    no\n      at a"),
        (
            '{"type": "platform.start", "record": {"requestId": "1"}}',
            'writer           platform.start {"requestId": "1"}',
        ),
        ("{broken", "writer  {broken"),
    ],
)
def test_a_line_is_readable(text: str, shown: str) -> None:
    assert LogLine(1_700_000_000_123, "1", "writer", text).shown(6) == f"2023-11-14 22:13:20.123  {shown}"


def test_since_is_a_number_and_a_unit() -> None:
    assert since_ms("10m", now=1000.0) == 400_000
    with pytest.raises(DeploymentError, match="such as 10m"):
        since_ms("ten minutes")


def test_an_agent_that_the_stage_does_not_have() -> None:
    with pytest.raises(DeploymentError, match="no agent writr; it has reader, writer"):
        chosen_groups({"writer": "w", "reader": "r"}, ["writr"])
