"""DBOS with workflows of steps, on SQLite or (``url``) PostgreSQL."""

import asyncio
import tempfile
import time
from typing import Any

from dbos import DBOS, DBOSConfig

from benchmarks.contestants.turn import CHAIN, FAN, FIRST, THEN, answer, clock_starts, order
from benchmarks.machine import versions


@DBOS.step()
async def step(name: str) -> dict[str, Any]:
    """A step that does nothing."""
    return {"ok": True}


@DBOS.workflow()
async def chain() -> int:
    """One step after another."""
    return len([await step(name) for name in CHAIN])


@DBOS.workflow()
async def fan() -> int:
    """All steps at once."""
    return len(await asyncio.gather(*(step(name) for name in FAN)))


@DBOS.workflow()
async def jobs() -> int:
    """One step, then three."""
    await step(FIRST)
    return 1 + len(await asyncio.gather(*(step(name) for name in THEN)))


async def measured(given: dict[str, Any]) -> float:
    """Seconds that the jobs take."""
    workflow = {"chain": chain, "fan": fan, "jobs": jobs}[given["workload"]]
    room = asyncio.Semaphore(given["at_once"])

    async def run() -> None:
        async with room:
            handle = await DBOS.start_workflow_async(workflow)
            await handle.get_result()

    await run()
    begun = clock_starts()
    await asyncio.gather(*(run() for _ in range(given["jobs"])))
    return time.perf_counter() - begun


def main() -> None:
    """One turn."""
    given = order()
    with tempfile.TemporaryDirectory() as folder:
        url = given.get("url") or f"sqlite:///{folder}/dbos.sqlite"
        config = DBOSConfig(name="bench", system_database_url=url, log_level="ERROR")
        if "pool" in given:
            config["sys_db_pool_size"] = given["pool"]
        DBOS(config=config)
        DBOS.launch()
        try:
            seconds = asyncio.run(measured(given))
        finally:
            DBOS.destroy()
    settings = {} if given.get("url") else {"journal_mode": "its default"}
    answer(given, seconds, versions=versions(["dbos"]), settings=settings)


if __name__ == "__main__":
    main()
