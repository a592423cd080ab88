"""Runs many schedules on one backend: most of them simulated, every so-many-th with real processes."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.faults.harness.backends import Backend, SqliteBackend
from tests.faults.harness.killed import Forks, KillSchedule
from tests.faults.harness.report import CLEAN, Report
from tests.faults.harness.servers import AuroraBackend, DynamoDBBackend, PostgresBackend
from tests.faults.harness.simulated import Parts, Schedule, Told

BACKENDS: dict[str, Callable[[], Any]] = {
    "sqlite": SqliteBackend,
    "postgres": PostgresBackend,
    "dynamodb": DynamoDBBackend,
    "aurora": AuroraBackend,
}
REAL_EVERY = {"sqlite": 50}
"""One schedule of so many has real processes (which one, the seed tells); `REAL_EVERY_ELSE` on servers."""
REAL_EVERY_ELSE = 10
BATCH = {"dynamodb": 5}
"""Schedules that share a database; `BATCH_ELSE` on others. moto copies a whole table for each transaction."""
BATCH_ELSE = 200
Say = Callable[[str], None]


class Runner:
    """Runs schedules ``seed``, ``seed + 1`` and so on."""

    def __init__(
        self, backend: Backend, *, parts: Parts | None = None, say: Say = print, every_s: float = 10.0
    ) -> None:
        self._backend, self._parts, self._say, self._every_s = backend, parts, say, every_s
        self._real_every = REAL_EVERY.get(backend.name, REAL_EVERY_ELSE)
        self._batch = BATCH.get(backend.name, BATCH_ELSE)
        self._forks: Forks | None = None
        self._stopped = False
        self.report = Report()

    def run(self, count: int, seed: int, *, until_found: bool = False) -> Report:
        """All of them, or with ``until_found`` up to the first that breaks a promise."""
        asyncio.run(self._run(count, seed, until_found))
        return self.report

    def stop(self) -> None:
        """End after the schedule that is running."""
        self._stopped = True

    async def _run(self, count: int, seed: int, until_found: bool) -> None:
        begun = said = time.monotonic()
        try:
            for number in range(count):
                if number % self._batch == 0:
                    await self._backend.open()
                await self._one(seed + number)
                self.report.seconds = time.monotonic() - begun
                if self._stopped or (until_found and self.report.failed):
                    return
                if time.monotonic() - said > self._every_s:
                    said = time.monotonic()
                    self._say(f"{number + 1:,} of {count:,} schedules  {self.report.last_line()}")
        finally:
            if self._forks is not None:
                self._forks.close()
            await self._backend.close()

    async def _one(self, seed: int) -> None:
        real = seed % self._real_every == 0 and self._parts is None
        told = await (self._real(seed) if real else Schedule(self._backend, seed, parts=self._parts).run())
        self.report.add(told, real=real)
        if told.findings:
            self._say(self._failure(seed, told))

    async def _real(self, seed: int) -> Told:
        self._forks = self._forks or Forks()
        return await KillSchedule(self._forks, self._backend, seed).run()

    def _failure(self, seed: int, told: Told) -> str:
        lines = [f"FAILED seed {seed}: a job of shape {told.shape!r}, faults: {'; '.join(told.story) or 'none'}"]
        lines += [f"  {finding.kind}: {finding.text}" for finding in told.findings]
        lines.append(f"  again: make faults BACKEND={self._backend.name} COUNT=1 SEED={seed}")
        return "\n".join(lines)


def run_clean(backend: str, count: int) -> Report:
    """The schedules from seed 1, of which none may break a promise."""
    said: list[str] = []
    report = Runner(BACKENDS[backend](), say=said.append).run(count, 1)
    assert report.last_line() == CLEAN, "\n".join(said)
    assert report.counts["crashes"] > 0
    assert report.counts["kills"] > 0, "no real process was killed"
    assert report.counts["pauses"] > 0
    return report
