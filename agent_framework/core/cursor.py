"""The place of a run in the walk through its plan. Pure.

A `Cursor` moves over recorded events (`state.apply`). A `Place` is where a step's record comes, which many jobs reach
in the same way: what follows there when all goes well is found out once.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum

from agent_framework.types import AttemptState, Event, JobStatus, JSONDict, Snapshot, Step, value

MOST_PLACES = 1024
"""Places of one plan that are kept; most plans have as many as they have steps."""

MOST_SEEN = 256
"""Agents seen before a place that is kept."""


class Phase(StrEnum):
    """Rules run in three phases; `Phase.next` gives their order."""

    SUCCESS = "success"
    FAILURE = "failure"
    FINALLY = "finally"
    DONE = "done"

    def next(self) -> "Phase":
        """The phase after this one."""
        order = list(Phase)
        return order[min(order.index(self) + 1, len(order) - 1)]


class Mode(StrEnum):
    """Why a step runs: a rule's item, the orchestrator's facts, its turn, or the workers that a turn asked for."""

    RULE = "rule"
    PREPARE = "prepare"
    TURN = "turn"
    CALLS = "calls"


@value
class Reached:
    """A rule's item that was reached, and which of its agents exposed nothing there."""

    step: Step
    silent: frozenset[str] = frozenset()


@value
class OpenStep:
    """A step whose agents have not all settled."""

    seq: int
    mode: Mode
    agents: tuple[str, ...]
    on_error: str
    rerun: bool = False


@dataclass
class Cursor:
    """A position in the walk through the plan, and what was seen on the way."""

    phase: Phase = Phase.SUCCESS
    rule: int = -1
    branch: str | None = None
    item: int = 0
    offset: int = 0
    last_seq: int = 0
    matched: bool = False
    prepared: bool = False
    turns: int = 0
    calls: tuple[str, ...] | None = None
    turned: bool = False
    stopped: bool = False
    fatal: str | None = None
    review: str | None = None
    waiting: bool = False
    finished: bool = False
    cancelled: bool = False
    deadline: bool = False
    open: OpenStep | None = None
    previous: Reached | None = None
    failed: dict[str, str] = field(default_factory=dict[str, str])
    seen: dict[str, str] = field(default_factory=dict[str, str])
    unmatched: list[JSONDict] = field(default_factory=list[JSONDict])

    def copy(self) -> "Cursor":
        """An independent cursor at the same place."""
        copied = object.__new__(Cursor)
        copied.__dict__.update(self.__dict__)  # `copy.copy` takes a dozen times as long
        copied.failed, copied.seen, copied.unmatched = dict(self.failed), dict(self.seen), list(self.unmatched)
        return copied

    def key(self) -> Hashable:
        """Equal for cursors at the same place. ``unmatched`` is no part of it."""
        told = {**self.__dict__, "failed": tuple(self.failed.items()), "seen": tuple(self.seen.items())}
        del told["unmatched"]
        return tuple(told.values())

    def enter(self, phase: Phase) -> None:
        """Go to the start of ``phase``."""
        self.phase, self.rule, self.branch, self.item, self.offset = phase, -1, None, 0, 0
        self.stopped = False

    def stop(self, reason: str) -> None:
        """Leave the current phase; the job will end failed, for the first such reason."""
        self.stopped = True
        self.fatal = self.fatal or reason


@value
class Onward:
    """What follows on a step all of whose agents succeed: ``events``, and a step of ``agents`` or the end.

    ``place`` is where that step's record comes, ``cursor`` stands behind all of it.
    """

    events: tuple[Event, ...]
    status: JobStatus
    reason: str | None
    cursor: Cursor
    agents: tuple[str, ...] = ()
    place: "Place | None" = None


class Place:
    """Right before the record of a run's last step, with every earlier step settled: nothing to come can change it.

    ``events`` is how many events come before it, and ``cursor`` is not to be moved. ``step`` and ``agents`` are the
    step's; a run that has not begun has none. ``onward`` is known once a job went on from here, if it depends on
    nothing that differs between jobs.
    """

    __slots__ = ("_accounted", "agents", "cursor", "events", "onward", "run", "step")

    def __init__(
        self, run: int, events: int, cursor: Cursor, step: int | None = None, agents: tuple[str, ...] = ()
    ) -> None:
        self.run = run
        self.events = events
        self.cursor = cursor
        self.step = step
        self.agents = agents
        self.onward: Onward | None = None
        self._accounted = frozenset((*cursor.seen, *agents))

    def is_of(self, snapshot: Snapshot) -> bool:
        """Whether it is a place of the run that the snapshot is in."""
        return self.run == snapshot.job.run and self.events < len(snapshot.events)

    def is_quiet(self, snapshot: Snapshot) -> bool:
        """Whether nothing happened since but that every agent of the step succeeded, at its first try."""
        job = snapshot.job
        status, events = (JobStatus.PENDING, 0) if self.step is None else (JobStatus.RUNNING, self.events + 1)
        if job.run != self.run or job.status is not status or len(snapshot.events) != events or job.cancel_requested:
            return False
        settled, succeeded = 0, AttemptState.SUCCEEDED
        for attempt in snapshot.attempts:
            if attempt.key.seq == self.step:
                if attempt.state is not succeeded:
                    return False
                settled += 1
        return settled == len(self.agents) and snapshot.results.keys() <= self._accounted


class Places:
    """The places of one plan, which its jobs share."""

    def __init__(self) -> None:
        self.start = Place(1, 0, Cursor())
        self._kept: dict[Hashable, Place] = {}

    def at(self, place: Place) -> Place:
        """The place that is kept in the same position; one that hardly any other job will come to is not kept."""
        cursor = place.cursor
        if cursor.failed or cursor.unmatched or len(cursor.seen) > MOST_SEEN:
            return place
        if len(self._kept) >= MOST_PLACES:
            self._kept.clear()
        return self._kept.setdefault((place.run, place.events, place.agents, cursor.key()), place)
