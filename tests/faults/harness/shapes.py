"""The kinds of jobs that schedules run: a plan, an input, and what each agent does.

An agent is a list of outcomes: the n-th time that it answers, it gives the n-th one; the last one repeats. How often it
answered before is read from the database, so a crash, which is no answer, changes nothing about the job's end. Attempts
are plenty for the same reason. (That crashes use attempts up is proved in `tests.faults.test_crash_points`.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agent_framework.core.pinned import PinnedPlan
from agent_framework.types import AgentOutcome
from tests.support.simulation import asks_for, fails, gives, plan_of, skips, stumbles

TIMEOUT_S = 20
ATTEMPTS = 15
_RETRY = {"initial_seconds": 1, "max_seconds": 2, "jitter": False, "max_attempts": ATTEMPTS}


@dataclass(frozen=True)
class Shape:
    """One kind of job. ``retried``: it fails first, and is then started again with ``jobs retry``."""

    name: str
    orchestration: Mapping[str, Any]
    script: Mapping[str, Sequence[AgentOutcome]] = field(default_factory=dict[str, Sequence[AgentOutcome]])
    input: Mapping[str, Any] = field(default_factory=dict[str, Any])
    agents: Sequence[str] = ("a", "b", "c", "d")
    fallbacks: Mapping[str, str] = field(default_factory=dict[str, str])
    retried: bool = False
    deadline_s: float | None = None
    timeout_s: int = TIMEOUT_S

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """Each agent's part of agents.yaml."""
        more = {name: {"fallback": other} for name, other in self.fallbacks.items()}
        more["orchestrator"] = {"type": "orchestrator"}
        agent = {"retry": _RETRY, "runtime": {"timeout": self.timeout_s}}
        return {name: agent | more.get(name, {}) for name in self.agents}

    @cached_property
    def plan(self) -> PinnedPlan:
        """The plan that jobs of this shape are pinned to."""
        limit = {"timeout_seconds": self.deadline_s} if self.deadline_s else {}
        return plan_of({**self.orchestration, **limit}, self.settings)

    def outcome(self, performer: str, answered: int) -> AgentOutcome:
        """What ``performer`` answers after having answered so often before."""
        outcomes = self.script.get(performer) or (gives(by=performer),)
        return outcomes[min(answered, len(outcomes) - 1)]


def _rules(*rules: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"selection_rules": list(rules), **more}


def _all(*items: Any, **more: Any) -> dict[str, Any]:
    return {"name": "all", "agents": list(items), **more}


_PHASES = (
    _all("a", "b"),
    {"name": "mend", "when": "failure", "agents": ["c"]},
    {"name": "tidy", "when": "finally", "agents": ["d"]},
)
_DIAMOND = _rules(_all("a", {"parallel": ["b", "c"]}, "d"))

SHAPES: tuple[Shape, ...] = (
    Shape("sequential", {"strategy": "sequential"}),
    Shape("parallel", {"strategy": "parallel"}),
    Shape("diamond", _DIAMOND),
    Shape("two at a time", {"strategy": "parallel", "max_concurrent_agents": 2}),
    Shape(
        "rules on results",
        _rules(
            {"name": "first", "agents": ["a"]},
            {"name": "many", "condition": "results.a.n > 2", "agents": ["b"], "else": ["c"]},
            {"name": "last", "condition": "prev_step.n == 7 or input.always", "agents": ["d"]},
        ),
        script={"a": [gives(n=3)], "b": [gives(n=7)]},
        input={"always": False},
    ),
    Shape(
        "else",
        _rules(
            _all("a"),
            {"name": "few", "condition": "results.a.n > 2", "agents": ["b"], "else": [{"parallel": ["c", "d"]}]},
        ),
        script={"a": [gives(n=1)]},
    ),
    Shape("retries", _DIAMOND, script={"b": [stumbles(), stumbles(), gives(by="b")], "d": [stumbles(), gives(n=2)]}),
    Shape("fallback", _rules(_all({"parallel": ["a", "b"]}, "c")), script={"a": [fails()]}, fallbacks={"a": "d"}),
    Shape("tolerated failure", _rules(_all("a", "b", "c"), on_error="continue"), script={"b": [fails("no file")]}),
    Shape("failure and finally", _rules(*_PHASES), script={"a": [fails("no file")]}),
    Shape("one branch fails", _rules(_all({"parallel": ["a", "b", "c"]}, "d")), script={"b": [fails("no file")]}),
    Shape("finally", _rules(*_PHASES)),
    Shape("skips", _rules(_all("a", {"parallel": ["b", "c"]}, "d")), script={"a": [skips()], "c": [skips()]}),
    Shape("rerun", _rules(_all("a", "b", {"sequential": ["a"], "rerun": True}, "c"))),
    Shape("no rule matches", _rules({"name": "never", "condition": "input.x == 1", "agents": ["a"]})),
    Shape("retried", _DIAMOND, script={"b": [fails("no file"), gives(by="b")]}, retried=True),
    Shape("deadline", _rules(*_PHASES), deadline_s=60.0),
    Shape(
        "agent strategy",
        {"strategy": "agent"},
        script={"orchestrator": [asks_for("a", "b"), asks_for("c"), gives(answer=42)], "a": [stumbles(), gives(n=1)]},
        agents=("orchestrator", "a", "b", "c"),
    ),
)
