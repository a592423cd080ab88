"""What must hold once a job rests, whatever happened to it: compared with the end that it has without faults."""

from collections import Counter
from collections.abc import Iterator

from agent_framework.core.trace import canonical, trace
from agent_framework.types import EventKind, JobStatus, JSONDict, Snapshot
from tests.faults.harness.audit import Finding
from tests.faults.harness.reference import Expected, expected
from tests.faults.harness.shapes import Shape

_CUT_SHORT = (EventKind.CANCELLED.value, EventKind.DEADLINE.value)


def check(shape: Shape, snapshot: Snapshot | None, effects: Counter[str], *, cancelled: bool) -> Iterator[Finding]:
    """Every promise that a job at rest breaks."""
    if snapshot is None:
        yield Finding("lost", "the job is not there")
        return
    if not snapshot.job.status.is_final:
        yield Finding("stuck", f"the job is {snapshot.job.status}")
        return
    if [attempt for attempt in snapshot.attempts if attempt.state.is_open]:
        yield Finding("stuck", "the job is over, and an attempt is open")
    wanted, told = expected(shape), canonical(trace(snapshot))
    cut = next((n for n, entry in enumerate(told) if entry["kind"] in _CUT_SHORT), None)
    if cut is None:
        yield from _check_whole(wanted, snapshot, told, effects)
    elif not cancelled and shape.deadline_s is None:
        yield Finding("lost", f"the job ended with {told[cut]['kind']}, which nobody asked for")
    else:
        yield from _check_cut(wanted, snapshot, told[:cut], effects)


def _check_whole(
    wanted: Expected, snapshot: Snapshot, told: list[JSONDict], effects: Counter[str]
) -> Iterator[Finding]:
    if snapshot.job.status is not wanted.status:
        reason = snapshot.job.error_message
        yield Finding("lost", f"the job is {snapshot.job.status} ({reason}) and should be {wanted.status}")
        return
    if told != wanted.trace:
        different = [pair for pair in zip(told, wanted.trace, strict=False) if pair[0] != pair[1]]
        yield Finding("lost", f"the trace is another one: {different[:1] or (len(told), len(wanted.trace))}")
    results = {name: result.payload for name, result in snapshot.results.items()}
    if results != wanted.results:
        yield Finding("lost", f"the results are {results} and should be {wanted.results}")
    for agent in sorted(effects.keys() | wanted.effects.keys()):
        had, should = effects[agent], wanted.effects[agent]
        if had != should:
            kind = "duplicated" if had > should else "lost"
            yield Finding(kind, f"agent {agent} had {had} effects and should have {should}")


def _check_cut(wanted: Expected, snapshot: Snapshot, told: list[JSONDict], effects: Counter[str]) -> Iterator[Finding]:
    """A job that was cancelled or ran into its deadline: like the undisturbed one up to there."""
    status = snapshot.job.status
    if status not in (JobStatus.CANCELLED, JobStatus.FAILED):
        yield Finding("lost", f"the job was cut short and is {status}")
    bare = [{key: value for key, value in entry.items() if key != "outcomes"} for entry in wanted.trace]
    if [{key: value for key, value in entry.items() if key != "outcomes"} for entry in told] != bare[: len(told)]:
        yield Finding("lost", "the trace up to the cut is another one")
    for agent, had in effects.items():
        if had > max(1, wanted.effects[agent]):
            yield Finding("duplicated", f"agent {agent} had {had} effects")
