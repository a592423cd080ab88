"""What attempts have to do: the view of one step that all its attempts share, and from it the work of each.

What an agent gets of it is a copy (`agent_runner`): it may change that, and neither the engine nor its siblings see it.
"""

from collections.abc import Mapping
from typing import Any

from agent_framework.core.cursor import Mode
from agent_framework.core.pinned import PinnedPlan
from agent_framework.infrastructure._json import json_copy
from agent_framework.types import Attempt, AttemptKey, AttemptState, EventKind, Job, JSONDict, Snapshot, value


@value
class Work:
    """What one attempt has to do.

    ``results`` are the outputs of earlier steps, never of siblings (None: whatever is stored). ``previous_turn`` is the
    detail of the orchestrator's last interrupted turn. ``occurrence``: the how-manieth result of the agent in this job
    it is for. ``waits``: attempts of this step that have waited for approvals; ``waited`` is what the last of them
    saved, and ``decisions`` what was decided since, by approval.
    ``job`` is there where the attempt is one of the engine's.
    """

    key: AttemptKey
    performer: str
    mode: Mode
    plan: PinnedPlan
    results: Mapping[str, JSONDict] | None = None
    previous_turn: JSONDict | None = None
    answers: Mapping[str, Any] | None = None
    job: Job | None = None
    owner: str | None = None
    user_id: str = ""
    occurrence: int = 1
    waits: int = 0
    waited: JSONDict | None = None
    decisions: Mapping[str, JSONDict] | None = None


class StepView:
    """The step ``seq`` of a job, as the snapshot knows it."""

    def __init__(self, snapshot: Snapshot, plan: PinnedPlan, seq: int) -> None:
        self._snapshot = snapshot
        self._plan = plan
        step, approval = _recorded(snapshot, seq), EventKind.APPROVAL
        self.agents: list[str] = step["agents"]
        self._mode = Mode(step["mode"])
        self._is_turn = self._mode is Mode.TURN
        self._results = {name: result.payload for name, result in snapshot.results.items() if result.seq != seq}
        self._decisions = {e.data["approval"]: e.data for e in snapshot.events if e.kind is approval}
        self._by_agent: dict[str, list[Attempt]] = {}
        for attempt in snapshot.attempts:
            self._by_agent.setdefault(attempt.key.agent, []).append(attempt)

    def work(self, attempt: Attempt) -> Work:
        """What the attempt has to do."""
        key, job = attempt.key, self._snapshot.job
        own = self._by_agent.get(key.agent, [])
        waited: list[Attempt] = []
        occurrence = 1
        if len(own) > 1:
            own = sorted(own, key=_in_time)
            waited = [a for a in own if a.key.seq == key.seq and a.state is AttemptState.WAITING]
            occurrence += len({a.key.seq for a in own if a.state is AttemptState.SUCCEEDED and a.key.seq < key.seq})
        last = waited[-1] if waited and waited[-1].performer == attempt.performer else None
        return Work(
            key,
            attempt.performer,
            self._mode,
            self._plan,
            self._results,
            self._previous_turn(key.run) if self._is_turn else None,
            json_copy(_answers(self._snapshot, key.run)) if self._is_turn else None,
            job,
            attempt.owner,
            job.user_id,
            occurrence,
            len(waited),
            json_copy(last.outcome.detail) if last and last.outcome else None,
            self._decisions,
        )

    def _previous_turn(self, run: int) -> JSONDict | None:
        turns = [
            a.outcome.detail
            for a in sorted(self._snapshot.attempts, key=_in_time)
            if a.state is AttemptState.INTERRUPTED and a.key.run == run and a.outcome is not None
        ]
        return json_copy(turns[-1]) if turns else None


def _recorded(snapshot: Snapshot, seq: int) -> JSONDict:
    """What the record of a step says."""
    for event in reversed(snapshot.events):
        if event.seq == seq:
            return event.data
    raise ValueError(f"job {snapshot.job.id} has no step {seq}")


def _in_time(attempt: Attempt) -> tuple[int, int]:
    return attempt.key.seq, attempt.key.number


def _answers(snapshot: Snapshot, run: int) -> dict[str, Any]:
    """What each worker is known to have answered: its result, or why there is none."""
    answers: dict[str, Any] = {}
    for attempt in sorted(snapshot.attempts, key=_in_time):
        if attempt.key.run == run and attempt.outcome is not None and attempt.outcome.error is not None:
            word = "skipped" if attempt.state is AttemptState.SKIPPED else "error"
            answers[attempt.key.agent] = {word: attempt.outcome.error}
    return {**answers, **{name: result.payload for name, result in snapshot.results.items()}}
