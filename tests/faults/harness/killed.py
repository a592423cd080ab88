"""One schedule with real processes: killed and stopped at crash points, until one of them is left alone to finish.

A seed chooses shape and faults. How the system's scheduler interleaves two processes is not ours to choose, so a replay
does the same faults, and nearly the same.
"""

import json
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent_framework.types import Snapshot
from tests.faults.harness.audit import Finding
from tests.faults.harness.checks import check
from tests.faults.harness.child import LOCKED, WRITING, database
from tests.faults.harness.clocks import FileClock
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.points import POINTS
from tests.faults.harness.shapes import SHAPES, Shape
from tests.faults.harness.simulated import Told

REPOSITORY = Path(__file__).parents[3]


class Forks:
    """The process that forks the others, which wait ``patience_s`` for SQLite's lock."""

    def __init__(self, *, patience_s: float = 5.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.harness.child", str(patience_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    def order(self, **order: Any) -> Any:
        """Give one order and read its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)


@contextmanager
def _folder() -> Iterator[Path]:
    memory = Path("/dev/shm")  # a kill loses nothing of a file there; only a power cut would
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


class KillSchedule:
    """One job whose processes die. ``deaths`` are where (``point:n``), one after another; else the seed says.

    ``stopped_at`` is where a process is stopped before them, while it holds SQLite's lock.
    """

    def __init__(
        self, forks: Forks, backend: Any, seed: int, *, deaths: Sequence[str] = (), stopped_at: str | None = None
    ) -> None:
        self._deaths, self._stopped_at = deaths, stopped_at
        self._forks, self._backend = forks, backend
        self._config = getattr(backend, "child_config", {"kind": "sqlite", "config": {}})
        self._random = random.Random(seed)
        self._shape = self._random.choice(SHAPES) if not deaths else _shape("diamond")
        self._job = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self._told = Told(self._shape.name)
        self._stopped: list[int] = []

    async def run(self) -> Told:
        """Run it to the end, and check what must hold then."""
        with _folder() as folder:
            FileClock.make(folder / "clock")
            if self._stopped_at:
                self._die(folder, self._stopped_at, stop=WRITING)
            for at in self._deaths:
                self._die(folder, at)
            for _ in range(0 if self._deaths else self._random.randint(1, 4)):
                self._one_dies(folder)
            ended = await self._last(folder)
            if ended == f"exit {LOCKED}" and self._stopped:
                self._told.counts["locked"] += 1  # SQLite's lock is held by a stopped process until that goes on
                self._let_go_on()
                ended = await self._last(folder)
            if ended != "exit 0":
                self._told.findings.append(Finding("stuck", f"the process that was left alone ended with {ended}"))
            over = await self._load(folder) if ended == "exit 0" else None
            self._let_go_on()
            await self._check(folder, over)
        return self._told

    async def _last(self, folder: Path) -> str:
        """How a process ends to which nothing happens."""
        last = self._fork(folder, None)
        await self._maybe_restart()
        return self._forks.order(wait=last)

    def _let_go_on(self) -> None:
        """All of them at once: one may hold what another waits for."""
        for pid in self._stopped:
            self._forks.order(**{"continue": pid})
        while self._stopped:
            self._forks.order(wait=self._stopped.pop())

    def _one_dies(self, folder: Path) -> None:
        point, n = self._random.choice(POINTS), self._random.choice((1, 1, 1, 2, 3))
        beside = self._random.choice(POINTS) if self._random.random() < 0.2 else None
        self._die(folder, f"{point}:{n}", stop=self._random.random() < 0.25, beside=beside)

    def _die(self, folder: Path, at: str, *, stop: bool | str = False, beside: str | None = None) -> None:
        self._told.story.append(f"{'stop' if stop else 'kill'} at {at}")
        if beside:
            self._told.story.append(f"and another process at {beside}")
        pids = [self._fork(folder, at, stop=stop), *([self._fork(folder, beside)] if beside else [])]
        for pid in pids:
            self._count(pid, self._forks.order(wait=pid))

    def _fork(self, folder: Path, at: str | None, *, stop: bool | str = False) -> int:
        order = {"folder": str(folder), "job": self._job, "shape": self._shape.name, "at": at, "stop": stop}
        return self._forks.order(**order, backend=self._config)

    def _count(self, pid: int, ended: str) -> None:
        if ended == "stopped":
            self._stopped.append(pid)
            self._told.counts["pauses"] += 1
        elif ended == "killed":
            self._told.counts["kills"] += 1
        elif ended != "exit 0" and not (ended == f"exit {LOCKED}" and self._stopped):
            self._told.findings.append(Finding("stuck", f"a process ended with {ended}"))

    async def _maybe_restart(self) -> None:
        if "restart" in self._backend.faults and self._random.random() < 0.15:
            self._told.story.append("restart")
            self._told.counts[await self._backend.hurt("restart")] += 1

    async def _load(self, folder: Path) -> Snapshot | None:
        db, _ = database(self._config, folder)
        try:
            return await db.load(self._job)
        finally:
            await db.close()

    async def _check(self, folder: Path, over: Snapshot | None) -> None:
        """``over`` is the job as it was before stopped processes went on, if it was over by then."""
        rests = await self._load(folder)
        ledger = Ledger(folder / "ledger.sqlite")
        self._told.findings += check(self._shape, rests, ledger.effects(self._job), cancelled=False)
        ledger.close()
        if over is not None and _content(over) != _content(rests):
            self._told.findings.append(Finding("stale", "a process that was stopped changed a job that was over"))


def _shape(name: str) -> Shape:
    return next(shape for shape in SHAPES if shape.name == name)


def _content(snapshot: Snapshot | None) -> Any:
    return None if snapshot is None else (snapshot.job, snapshot.events, snapshot.attempts, snapshot.results)
