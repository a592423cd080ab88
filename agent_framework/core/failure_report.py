"""What a job that did not work out can tell: which stage failed, why, what is there nevertheless, and what to do. Pure.

The form is the seed's: ``{error, error_code, partial_results, session_id, failed_stage, suggestions}``, and beside it
``failed_agents``, which a job that went on after a failure (``on_error: continue``) has too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from agent_framework.core.cursor import Mode
from agent_framework.types import SESSION_ID, Attempt, ErrorKind, Event, EventKind, JobStatus, JSONDict, Snapshot

_STATUSES = frozenset({JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.NEEDS_REVIEW})
_CODES: Mapping[ErrorKind, str] = {
    ErrorKind.TIMEOUT: "AgentTimeoutError",
    ErrorKind.CRASH: "AgentCrashed",
    ErrorKind.TRANSIENT: "RetryableError",
    ErrorKind.INVALID_OUTPUT: "OutputValidationError",
    ErrorKind.BUDGET: "BudgetExceededError",
}
"""The code of an outcome that the engine made itself; an agent's own failure is stored with its error's name."""

_REMEDIES: Mapping[str, str] = {
    "AgentTimeoutError": "raise agents.{agent}.runtime.timeout, or give the agent less to do at once",
    "AgentCrashed": "look at the logs of {agent}; raise agents.{agent}.runtime.memory if its process ran out of it",
    "BudgetExceededError": "raise orchestration.budget, or give {agent} a cheaper model under agents.{agent}.llm",
    "OutputValidationError": (
        "make the output type of {agent} easier to fill, or add invalid_output to agents.{agent}.retry.on"
    ),
    "CircuitOpenError": (
        "wait until what {agent} calls works again ('agent-framework policies show' tells), or name an "
        "agents.{agent}.fallback"
    ),
    "ModelError": "name another model under llm.fallback_model, or an agents.{agent}.fallback",
    "RetryableError": "try again later, or raise agents.{agent}.retry.max_attempts",
    "SessionNotFoundError": "leave session_id out of the input: a new session is begun, and the job tells its id",
    "SessionExpiredError": "leave session_id out of the input: a new session is begun, and the job tells its id",
    "NoRuleMatched": "add an 'else' or a rule for this input; 'agent-framework plan' shows what each rule sees",
    "JobDeadline": "raise orchestration.timeout_seconds",
}


def failed_agents(snapshot: Snapshot) -> dict[str, str]:
    """The agents that failed in the job's current run, each with its reason; empty while the run goes on."""
    finished = _last(snapshot, EventKind.FINISHED)
    return dict(finished.data["failed_agents"]) if finished else {}


def failure_report(snapshot: Snapshot) -> JSONDict | None:
    """The report on a job that ended without success; None for any other."""
    job = snapshot.job
    if job.status not in _STATUSES:
        return None
    code, stage, agent = _cause(snapshot)
    report: JSONDict = {
        "error": job.error_message or job.status.value,
        "error_code": code,
        "partial_results": dict(job.agent_results),
        "failed_stage": stage,
        "suggestions": list(_suggestions(snapshot, code, agent)),
    }
    session_id = job.request_payload.get(SESSION_ID)
    return report | ({SESSION_ID: session_id} if isinstance(session_id, str) else {})


def _cause(snapshot: Snapshot) -> tuple[str, str | None, str | None]:
    """Code, stage and agent of what ended the job."""
    if snapshot.job.status is JobStatus.CANCELLED:
        return "JobCancelled", _last_stage(snapshot), None
    if snapshot.job.status is JobStatus.NEEDS_REVIEW:
        return "NeedsReview", _last_stage(snapshot), None
    if _last(snapshot, EventKind.DEADLINE) is not None:
        return "JobDeadline", _last_stage(snapshot), None
    agent = _fatal_agent(snapshot)
    if agent is not None:
        return _code_of(snapshot, agent), _stage(_step_of(snapshot, agent), agent), agent
    started = _last(snapshot, EventKind.STARTED) is not None
    return ("NoRuleMatched", "selection_rules", None) if started else ("ProjectError", "start", None)


def _fatal_agent(snapshot: Snapshot) -> str | None:
    """The failed agent that the job's error names; the planner words it as ``agent <name> failed: <reason>``."""
    message = snapshot.job.error_message or ""
    return next((name for name in failed_agents(snapshot) if message.startswith(f"agent {name} failed")), None)


def _code_of(snapshot: Snapshot, agent: str) -> str:
    last = _last_attempt(snapshot, agent)
    if last is None or last.outcome is None:
        return "AgentError"
    named = last.outcome.detail.get("error_code")
    return str(named) if named else _CODES.get(last.outcome.error_kind or ErrorKind.ERROR, "AgentError")


def _last_attempt(snapshot: Snapshot, agent: str) -> Attempt | None:
    own = [a for a in snapshot.attempts if a.key.run == snapshot.job.run and a.key.agent == agent]
    return max(own, key=lambda attempt: (attempt.key.seq, attempt.key.number), default=None)


def _last(snapshot: Snapshot, kind: EventKind) -> Event | None:
    found = [event for event in snapshot.events if event.kind is kind and event.run == snapshot.job.run]
    return found[-1] if found else None


def _step_of(snapshot: Snapshot, agent: str) -> Event | None:
    steps = [e for e in snapshot.events if e.kind is EventKind.STEP and e.run == snapshot.job.run]
    return next((step for step in reversed(steps) if agent in step.data["agents"]), None)


def _stage(step: Event | None, agent: str | None) -> str | None:
    """``<rule>/<agent>``; a step that no rule asked for is called after what it is: ``turn/coordinator``."""
    if step is None:
        return agent
    mode = Mode(step.data["mode"])
    names = [agent] if agent else list(step.data["agents"])
    return "/".join([str(step.data["rule"]) if mode is Mode.RULE else mode.value, "+".join(names)])


def _last_stage(snapshot: Snapshot) -> str | None:
    steps = [e for e in snapshot.events if e.kind is EventKind.STEP and e.run == snapshot.job.run and e.data["agents"]]
    return _stage(steps[-1], None) if steps else None


def _suggestions(snapshot: Snapshot, code: str, agent: str | None) -> Iterator[str]:
    """What to do, the most specific first."""
    remedy = _REMEDIES.get(code)
    if remedy is not None:
        yield remedy.format(agent=agent)
    job_id, status = snapshot.job.id, snapshot.job.status
    if status in (JobStatus.FAILED, JobStatus.NEEDS_REVIEW):
        kept = " (completed agents are kept)" if snapshot.job.agent_results else ""
        yield f"once that is mended: agent-framework jobs retry {job_id}{kept}"
    yield f"agent-framework jobs show {job_id} tells what was decided and why"


def reported(snapshot: Snapshot) -> Mapping[str, Any]:
    """What JSON forms of a job add: ``failed_agents`` and ``failure``."""
    return {"failed_agents": failed_agents(snapshot), "failure": failure_report(snapshot)}
