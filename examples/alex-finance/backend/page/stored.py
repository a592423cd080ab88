"""A stored job as the page needs it: its results, its plan and how long each agent took."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent_framework import Job, Project
from agent_framework.core.trace import trace
from agent_framework.errors import JobNotFoundError


@dataclass(frozen=True, slots=True)
class AgentRun:
    """One agent of the plan: why it ran or did not, and how it came out."""

    agent: str
    why: str
    state: str
    seconds: float | None
    attempts: int
    note: str


@dataclass(frozen=True, slots=True)
class StoredJob:
    """The job, and its agents in the order in which they were started."""

    job: Job
    runs: tuple[AgentRun, ...]

    @property
    def seconds(self) -> float | None:
        """From the first start to the end."""
        job = self.job
        return None if job.started_at is None or job.completed_at is None else job.completed_at - job.started_at


async def read_job(project: Project, job_id: str) -> StoredJob:
    """The job with its trace.

    Raises:
        JobNotFoundError
    """
    snapshot = await project.db.load(job_id)
    if snapshot is None:
        raise JobNotFoundError(job_id)
    job = await project.jobs.get(job_id)
    return StoredJob(job, tuple(_runs(trace(snapshot))))


def _runs(entries: list[dict[str, Any]]) -> Iterator[AgentRun]:
    conditions = {entry["rule"]: entry["condition"] for entry in entries if entry["kind"] == "rule"}
    for entry in entries:
        if entry["kind"] == "step":
            for agent, outcome in entry["outcomes"].items():
                yield _run(agent, _why(entry, conditions), outcome)


def _why(step: Mapping[str, Any], conditions: Mapping[str, str]) -> str:
    if step["mode"] == "rule":
        return f"{step['rule']}: {conditions[step['rule']]}"
    return {"prepare": "facts before the rules", "turn": "a turn of the planner", "calls": "asked for by the planner"}[
        step["mode"]
    ]


def _run(agent: str, why: str, outcome: Mapping[str, Any]) -> AgentRun:
    note = str(outcome.get("reason", ""))
    return AgentRun(agent, why, outcome["state"], outcome.get("seconds"), outcome["attempts"], note)
