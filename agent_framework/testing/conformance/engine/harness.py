"""How the tests run: scenes opened once per class in the place under test, jobs played in them, and what came of it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Protocol

import pytest

from agent_framework.core.approval import Approval
from agent_framework.core.trace import canonical, trace
from agent_framework.testing.conformance.engine.acting import write_line
from agent_framework.testing.conformance.engine.place import Place
from agent_framework.testing.conformance.engine.scene import Acts, Scene
from agent_framework.types import Attempt, AttemptState, EventKind, JobStatus, JSONDict, Snapshot

CAPABILITIES = frozenset({"crashes", "models"})
"""``crashes``: an agent may kill the process it runs in. ``models``: agents can reach ``model_endpoint``."""

OpenPlace = Callable[[Path], Place]


class ModelEndpoint(Protocol):
    """A model server in the tests' own process that speaks OpenAI's Chat Completions or Responses."""

    url: str
    """What goes into ``llm.base_url``."""

    def script(self, *replies: str | list[str]) -> None:
        """Answer the next requests by these: a text, or a list of tools to call (with ``{"reason": "..."}``)."""
        ...

    def asked(self) -> int:
        """Requests since the last `script`."""
        ...


class Ran:
    """A job that rests, and what its agents left in the log."""

    def __init__(self, snapshot: Snapshot, log: list[str]) -> None:
        self.snapshot = snapshot
        self.log = [line.partition(" ")[2] for line in log if line.startswith(f"{snapshot.job.id} ")]

    @property
    def status(self) -> JobStatus:
        """Where the job stands."""
        return self.snapshot.job.status

    @property
    def reason(self) -> str:
        """The job's error message."""
        return self.snapshot.job.error_message or ""

    @property
    def results(self) -> dict[str, JSONDict]:
        """Outputs by agent."""
        return self.snapshot.job.agent_results

    @property
    def begun(self) -> list[str]:
        """Agents in the order in which they really began, every run of them."""
        return [line.removesuffix(" begun") for line in self.log if line.endswith(" begun")]

    def attempts(self, agent: str) -> list[Attempt]:
        """The stored attempts of an agent, in order."""
        found = [attempt for attempt in self.snapshot.attempts if attempt.key.agent == agent]
        return sorted(found, key=lambda attempt: (attempt.key.run, attempt.key.seq, attempt.key.number))

    def states(self, agent: str) -> list[AttemptState]:
        """How each attempt of an agent ended."""
        return [attempt.state for attempt in self.attempts(agent)]

    def events(self, kind: EventKind) -> list[JSONDict]:
        """The data of all events of one kind."""
        return [event.data for event in self.snapshot.events if event.kind is kind]

    @property
    def steps(self) -> list[list[str]]:
        """The agents of each step that started any."""
        return [data["agents"] for data in self.events(EventKind.STEP) if data["agents"]]

    @property
    def skipped(self) -> dict[str, str]:
        """Agents that a step left out, with the reason."""
        return {name: why for data in self.events(EventKind.STEP) for name, why in data["skipped"].items()}

    def verdict(self, rule: str) -> bool:
        """What was recorded for a rule."""
        return next(data["verdict"] for data in self.events(EventKind.RULE) if data["rule"] == rule)

    @property
    def failed_agents(self) -> dict[str, str]:
        """What the end of the last run says about failed agents."""
        return self.events(EventKind.FINISHED)[-1]["failed_agents"]

    @property
    def trace(self) -> list[JSONDict]:
        """The canonical trace."""
        return canonical(trace(self.snapshot))


class Playing:
    """A job on its way."""

    def __init__(self, place: Place, log: Path, job_id: str, patience_s: float) -> None:
        self.id = job_id
        self.place = place
        self._log = log
        self._patience_s = patience_s

    def lines(self) -> list[str]:
        """What the agents have left so far."""
        return self._log.read_text("utf-8").splitlines() if self._log.exists() else []

    def until_begun(self, *agents: str) -> None:
        """Wait until these agents have begun."""
        end = time.monotonic() + self._patience_s
        while missing := [name for name in agents if f"{self.id} {name} begun" not in self.lines()]:
            self.place.load(self.id)
            assert time.monotonic() < end, f"{missing} did not begin within {self._patience_s:g} s"
            time.sleep(0.02)

    def say(self, word: str) -> None:
        """Let agents go on that wait ``until`` this word."""
        write_line(self._log, f"{self.id} {word}")

    def cancel(self) -> None:
        """Ask for its cancellation."""
        self.place.cancel(self.id)

    def retry(self) -> None:
        """Start a new run of it."""
        self.place.retry(self.id)

    def wake(self) -> None:
        """Have it looked at."""
        self.place.wake(self.id)

    def pause(self, seconds: float) -> None:
        """Let time go by."""
        time.sleep(seconds)

    def waits_for(self) -> list[Approval]:
        """The approvals that it waits for."""
        return self.place.waits_for(self.id)

    def decide(self, *, approve: bool, reason: str | None = None) -> None:
        """Decide about the one approval that it waits for, as kim."""
        [approval] = self.waits_for()
        self.place.decide(self.id, approval.id, approve=approve, reason=reason)

    def resolve(self, *, done: bool) -> None:
        """Settle its one unsettled write, as kim."""
        self.place.resolve(self.id, done=done)

    def rest(self) -> Ran:
        """Wait until it rests."""
        return Ran(self.place.rest(self.id, self._patience_s), self.lines())


class Play:
    """Plays jobs in scenes: ``play(SCENE, "case", acts={...})`` until it rests, `start` without waiting."""

    def __init__(self, open_scene: Callable[[Scene], Place], log: Path, patience_s: float) -> None:
        self._open = open_scene
        self._log = log
        self._patience_s = patience_s

    def start(self, scene: Scene, case: str = "", acts: Acts | None = None, **job_input: object) -> Playing:
        """Submit a job."""
        place = self._open(scene)
        whole = {"case": case, "acts": {name: list(does) for name, does in (acts or {}).items()}, **job_input}
        return Playing(place, self._log, place.submit({**whole, "log": str(self._log)}), self._patience_s)

    def __call__(self, scene: Scene, case: str = "", acts: Acts | None = None, **job_input: object) -> Ran:
        """Submit a job and wait until it rests."""
        return self.start(scene, case, acts, **job_input).rest()


class Case:
    """The base of all groups of tests: fixtures to override, and how patient the tests are."""

    capabilities: ClassVar[frozenset[str]] = CAPABILITIES
    patience_s: ClassVar[float] = 60.0
    pace: ClassVar[float] = 1.0
    keep_open: ClassVar[int] = 100

    @pytest.fixture(scope="class")
    @classmethod
    def open_place(cls) -> OpenPlace:
        """Makes the place, not yet open, for the project in a folder."""
        raise NotImplementedError("a subclass of EngineConformance provides the fixture 'open_place'")

    @pytest.fixture(scope="class")
    @classmethod
    def model_endpoint(cls) -> ModelEndpoint | None:
        """A scripted model server; needed for the capability ``models``."""
        return None

    @pytest.fixture(scope="class")
    @classmethod
    def open_scene(
        cls, open_place: OpenPlace, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Callable[[Scene], Place]]:
        """Opens the place of a scene, once per class unless more than ``keep_open`` are used."""
        opened: dict[str, Place] = {}

        def open_scene(scene: Scene) -> Place:
            if scene.name not in opened:
                while len(opened) >= cls.keep_open:
                    opened.pop(next(iter(opened))).close()
                place = open_place(scene.write(tmp_path_factory.mktemp(scene.name)))
                try:
                    place.open()
                except BaseException:
                    place.close()
                    raise
                opened[scene.name] = place
            return opened[scene.name]

        yield open_scene
        for place in opened.values():
            place.close()

    @pytest.fixture
    def play(self, open_scene: Callable[[Scene], Place], tmp_path: Path) -> Play:
        """Plays jobs in the place under test."""
        return Play(open_scene, tmp_path / "ran.log", self.patience_s)

    def need(self, capability: str) -> None:
        """Skip the test where the place cannot do this."""
        if capability not in self.capabilities:
            pytest.skip(f"optional: this place does not declare the capability {capability!r}")
