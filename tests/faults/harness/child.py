"""Real processes: ``python -m tests.faults.harness.child`` forks one for each line it reads, and tells how it ended.

A forked child has everything imported, so thousands of real processes can be killed in minutes. It drives one job with
the product's engine until the job rests, unless it is killed (SIGKILL) or stopped (SIGSTOP) at a crash point. One that
takes minutes got stuck, and SIGALRM ends it.
"""

import asyncio
import json
import logging
import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import boto3

from agent_framework.core.crash import arm, kill
from agent_framework.core.engine import Engine
from agent_framework.core.execution import InProcessDispatcher, Performer
from agent_framework.core.job_manager import JobManager
from agent_framework.core.waker import Waker
from agent_framework.core.work import Work
from agent_framework.errors import AgentFrameworkError, ProviderError
from agent_framework.infrastructure import _sqlite
from agent_framework.infrastructure.database.aurora import AuroraConfig
from agent_framework.infrastructure.database.dynamodb import DynamoDBDatabase
from agent_framework.infrastructure.database.postgres import PostgresConfig
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import JobStatus
from tests.faults.harness.clocks import ClockedAurora, ClockedPostgres, FileClock, TableClock
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.process import ShapeRunner
from tests.faults.harness.shapes import SHAPES, Shape
from tests.support.dynamodb import CREDENTIALS

FILE = "jobs.sqlite"
IDLE_S = 0.03
"""Real seconds without anything to do after which a child lets the shared clock go on."""
TICK_S = 5.0
LOCKED = 3
"""How a child ends that waited in vain for SQLite's lock: a stopped process holds it, if it was stopped as it wrote."""
AT_MOST_S = 300
"""Real seconds after which a child that still drives its job is ended: it got stuck."""
WRITING = "writing"
"""The value of an order's ``stop`` that stops a child while it holds SQLite's lock, and not only perhaps."""


def database(config: dict[str, Any], folder: Path) -> tuple[Any, Any]:
    """The database of a child, and the clock that all of them share."""
    kind, given = config["kind"], config["config"]
    if kind in ("postgres", "aurora"):
        clock = TableClock(**config["clock"])
        if kind == "postgres":
            return ClockedPostgres(PostgresConfig.model_validate(given)), clock
        client = boto3.client("rds-data", endpoint_url=given["endpoint_url"], **CREDENTIALS)
        return ClockedAurora(AuroraConfig.model_validate(given), client=client), clock
    file_clock = FileClock(folder / "clock")
    if kind == "dynamodb":
        client = boto3.client("dynamodb", endpoint_url=given["endpoint_url"], **CREDENTIALS)
        return DynamoDBDatabase(given["table_name"], client, clock=file_clock), file_clock
    return SqliteDatabase(folder / FILE, clock=file_clock), file_clock


class NoTurns:
    """Real processes wait for nobody."""

    async def gate(self) -> None:
        await asyncio.sleep(0)


class CountingRunner(ShapeRunner):
    """Knows whether an agent runs here."""

    running = 0

    async def run(self, work: Work) -> Any:
        self.running += 1
        try:
            return await super().run(work)
        finally:
            self.running -= 1


async def at_rest(jobs: JobManager, job_id: str, shape: Shape) -> bool:
    """Whether the job is over for good; one that its shape starts again is started again."""
    job = await jobs.get(job_id)
    if job.status is JobStatus.FAILED and shape.retried and job.run == 1:
        with another_may_be_first():
            await jobs.retry(job_id)
        return False
    return job.status.is_final


@contextmanager
def another_may_be_first() -> Iterator[None]:
    """Another process took the claim over, or the server is away: not so if the file is locked, and stays it."""
    try:
        yield
    except AgentFrameworkError as exc:
        if _is_locked(exc):
            raise


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and "locked" in str(error)


async def drive(order: dict[str, Any]) -> None:
    """Submit the job unless it is there, and drive it until it rests."""
    folder, job_id = Path(order["folder"]), order["job"]
    shape = next(shape for shape in SHAPES if shape.name == order["shape"])
    db, clock = database(order["backend"], folder)
    jobs, waker = JobManager(db), Waker()
    ledger = Ledger(folder / "ledger.sqlite")
    runner = CountingRunner(shape, db, ledger, NoTurns())  # pyright: ignore[reportArgumentType]
    dispatcher = InProcessDispatcher(Performer(db, runner, owner=jobs.owner, wake=waker.wake))
    engine = Engine(jobs, plan=lambda job: shape.plan, known_plan=lambda job: shape.plan, dispatcher=dispatcher)
    bell = waker.bell(job_id)
    await db.migrate()
    await jobs.submit(dict(shape.input), job_id=job_id)
    while not await at_rest(jobs, job_id, shape):
        bell.clear()
        advanced = None
        with another_may_be_first():
            advanced = await engine.advance(job_id)
        if advanced is not None and advanced.due_in_s == 0.0:
            continue
        if not await bell.wait(IDLE_S) and not runner.running:
            clock.pass_(TICK_S)
    await dispatcher.close()
    await db.close()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _stop_writing(file: Path) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    _stop()
    connection.execute("ROLLBACK")
    connection.close()


def _death(order: dict[str, Any]) -> Callable[[], None]:
    if order["stop"] == WRITING:
        return partial(_stop_writing, Path(order["folder"]) / FILE)
    return _stop if order["stop"] else kill


def _child(order: dict[str, Any]) -> None:
    code = 1
    try:
        signal.alarm(AT_MOST_S)
        arm(order["at"], death=_death(order))
        asyncio.run(drive(order))
        code = 0
    except Exception as exc:  # a fork must not go on as its parent; what it died of is told
        code = LOCKED if _is_locked(exc) else code
        if code != LOCKED:
            traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _told(pid: int) -> str:
    """How a child ended, or that it stopped."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return "stopped"
    if not os.WIFSIGNALED(status):
        return f"exit {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    return "killed" if number == signal.SIGKILL else signal.Signals(number).name


@lru_cache
def _warm(kind: str) -> None:
    """Read the service's description once, here, instead of in every child. Nothing is connected."""
    service = {"dynamodb": "dynamodb", "aurora": "rds-data"}.get(kind)
    if service is not None:
        boto3.client(service, **CREDENTIALS).close()


def main() -> None:
    """Orders come as lines: a child to fork, ``wait`` for one, or ``continue`` a stopped one.

    The argument is how many real seconds they wait for SQLite's lock; stopped ones do not let go of it by themselves.
    Children that are left when the orders end, as where the harness was interrupted, are killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; who gives the orders ends
    _sqlite.BUSY_TIMEOUT_S = float(sys.argv[1])
    children: set[int] = set()
    logging.disable(logging.ERROR)  # refused writes and cut connections are what this is about
    for line in sys.stdin:
        order = json.loads(line)
        answer: Any = None
        if "wait" in order:
            answer = _told(order["wait"])
            if answer != "stopped":
                children.discard(order["wait"])
        elif "continue" in order:
            os.kill(order["continue"], signal.SIGCONT)
        else:
            _warm(order["backend"]["kind"])
            answer = os.fork()
            if answer == 0:
                _child(order)
            children.add(answer)
        with suppress(BrokenPipeError):
            print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
