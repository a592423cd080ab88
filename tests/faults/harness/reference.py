"""How a job of a shape ends when nothing goes wrong: `decide` over a store in memory, without processes and time."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from agent_framework.types import AttemptState, JobStatus, JSONDict
from tests.faults.harness.shapes import Shape
from tests.support.simulation import Simulation


@dataclass(frozen=True)
class Expected:
    """The end: status, canonical trace, results, and how many effects each agent had."""

    status: JobStatus
    trace: list[JSONDict]
    results: dict[str, JSONDict]
    effects: Counter[str]


@lru_cache(maxsize=64)
def _expected(name: str) -> Expected:
    from tests.faults.harness.shapes import SHAPES

    shape = next(shape for shape in SHAPES if shape.name == name)
    simulation = Simulation(shape.plan, dict(shape.input), shape.script).run()
    if shape.retried:
        simulation.retry()
        simulation.run()
    attempts = simulation.store.attempts.values()
    effects = Counter(attempt.key.agent for attempt in attempts if attempt.state is AttemptState.SUCCEEDED)
    return Expected(simulation.status, simulation.trace, simulation.results, effects)


def expected(shape: Shape) -> Expected:
    """The end of ``shape`` without faults."""
    return _expected(shape.name)
