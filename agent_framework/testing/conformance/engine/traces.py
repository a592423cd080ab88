"""The trace: what is recorded, and that it is the same wherever a job runs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_framework.testing.conformance.engine.attempts import ATTEMPTS
from agent_framework.testing.conformance.engine.failures import BROKEN, FAILURES
from agent_framework.testing.conformance.engine.harness import Case, Play, Ran
from agent_framework.testing.conformance.engine.place import InProcessPlace, Place
from agent_framework.testing.conformance.engine.rules import ELSE, RULES, UNMATCHED
from agent_framework.testing.conformance.engine.scene import Acts, Scene
from agent_framework.testing.conformance.engine.values import FACTS
from agent_framework.types import JSONDict

STUMBLING: Acts = {"c": [{"stumble": "busy"}]}
PLAYED: dict[str, tuple[Scene, str, Acts, JSONDict]] = {
    "rules in order": (RULES, "order", {}, {}),
    "rules by input": (RULES, "input", {}, {"rows": 101, "kind": "quick"}),
    "else": (ELSE, "", {}, {"rows": 50}),
    "agents once": (RULES, "once", {}, {}),
    "a rerun": (RULES, "rerun", {"a": [{"give": {"n": 1}}, {"give": {"n": 2}}]}, {}),
    "parallel": (RULES, "parallel", {"a": [{"sleep": 0.2}], "c": [{"sleep": 0.1}]}, {}),
    "nothing matched": (UNMATCHED, "y", {}, {"rows": 2}),
    "a failure": (FAILURES, "stop", BROKEN, {"mend": True, "tidy": True}),
    "a tolerated failure": (FAILURES, "go on", BROKEN, {"mend": True}),
    "a skip": (FAILURES, "skip", {"a": [{"skip": "no rows"}]}, {}),
    "repeats": (ATTEMPTS, "a", {"a": [{"stumble": "busy"}, {}]}, {}),
    "a fallback": (ATTEMPTS, "c", STUMBLING, {}),
    "facts": (FACTS, "", {}, {"rows": [1, 2, 3]}),
}


class TraceTests(Case):
    """The canonical trace of a job is that of the checkpoint engine in one process on SQLite."""

    @pytest.fixture(scope="class")
    @classmethod
    def open_reference(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Scene], Place]]:
        """Opens a scene in this process, with its jobs on SQLite in its own folder."""
        opened: dict[str, Place] = {}

        def open_scene(scene: Scene) -> Place:
            if scene.name not in opened:
                opened[scene.name] = InProcessPlace(scene.write(tmp_path_factory.mktemp(f"reference-{scene.name}")))
                opened[scene.name].open()
            return opened[scene.name]

        yield open_scene
        for place in opened.values():
            place.close()

    @pytest.fixture
    def reference(self, open_reference: Callable[[Scene], Place], tmp_path: Path) -> Play:
        """Plays jobs in this process."""
        return Play(open_reference, tmp_path / "reference.log", self.patience_s)

    @pytest.mark.parametrize("name", PLAYED)
    def test_the_trace_is_the_same_as_in_process(self, play: Play, reference: Play, name: str) -> None:
        scene, case, acts, job_input = PLAYED[name]
        here, there = play(scene, case, acts, **job_input), reference(scene, case, acts, **job_input)
        assert here.trace == there.trace
        assert (here.status, here.results, here.failed_agents) == (there.status, there.results, there.failed_agents)

    def test_the_trace_begins_with_the_start_and_ends_with_the_end(self, play: Play) -> None:
        ran: Ran = play(RULES, "order")
        kinds = [entry["kind"] for entry in ran.trace]
        assert (kinds[0], kinds[-1]) == ("started", "finished")
        assert [entry["seq"] for entry in ran.trace] == list(range(1, len(kinds) + 1))
