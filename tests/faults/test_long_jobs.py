"""A job that takes longer than any function may: every message is handled by a process of its own, which then ends."""

import asyncio

from agent_framework.core.job_manager import JobManager
from agent_framework.core.messages import advance_message
from agent_framework.types import JobStatus
from tests.faults.harness.backends import SqliteBackend
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.process import Messages, Process
from tests.faults.harness.shapes import Shape
from tests.faults.harness.turns import Turns

LAMBDAS_LIMIT_S = 900.0
AGENT_S = 800.0
SHAPE = Shape("long", {"strategy": "sequential"}, agents=tuple("abcdef"), timeout_s=850)


class SlowLedger(Ledger):
    """An agent's work takes its time, on the database's clock."""

    def __init__(self, backend: SqliteBackend) -> None:
        super().__init__()
        self._backend = backend

    def act(self, key: object) -> None:
        super().act(key)  # pyright: ignore[reportArgumentType]
        self._backend.clock.pass_(AGENT_S)


def test_row_12_a_job_longer_than_any_functions_limit_holds_no_function_and_repeats_no_step() -> None:
    async def go() -> None:
        backend, messages, turns = SqliteBackend(), Messages(), Turns()
        await backend.open()
        ledger, db = SlowLedger(backend), backend.database(0.0)
        job = await JobManager(db).submit({})
        begun, longest, functions = backend.clock(), 0.0, 0
        messages.waiting.append((advance_message(job), 0))
        while messages.waiting:
            body, received = messages.waiting.pop(0)
            functions += 1
            function = Process(
                f"function-{functions}",
                db,
                raw_db=db,
                shape=SHAPE,
                ledger=ledger,
                turns=turns,
                messages=messages,
                jobs=JobManager,
                is_dead=lambda owner: False,
            )
            invoked = backend.clock()
            work = function.start("invocation", function.handle(body, received + 1))
            while not work.over:
                await turns.step(work)
            assert work.error is None
            longest = max(longest, backend.clock() - invoked)
        stored = await JobManager(db).get(job)
        assert stored.status is JobStatus.COMPLETED
        assert backend.clock() - begun > 5 * LAMBDAS_LIMIT_S
        assert longest < LAMBDAS_LIMIT_S, "a function waited for more than its own agent"
        assert ledger.effects(job) == dict.fromkeys(SHAPE.agents, 1)
        assert set(ledger.calls(job).values()) == {1}, "a finished step ran again"
        await backend.close()

    asyncio.run(go())
