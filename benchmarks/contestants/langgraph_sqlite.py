"""LangGraph with its SQLite checkpointer; ``durability`` is its own word: ``async`` (the default) or ``sync``."""

import asyncio
import tempfile
import time
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.contestants.turn import CHAIN, FAN, FIRST, THEN, answer, clock_starts, order, steps_of
from benchmarks.machine import versions


def merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Results of parallel nodes side by side."""
    return {**left, **right}


class State(TypedDict):
    """What a graph passes on."""

    input: dict[str, Any]
    results: Annotated[dict[str, Any], merged]


def graph(workload: str) -> Any:
    """The graph of a workload, not compiled."""
    built = StateGraph(State)
    edges = {
        "chain": list(zip((START, *CHAIN), (*CHAIN, END), strict=True)),
        "fan": [edge for name in FAN for edge in ((START, name), (name, END))],
        "jobs": [(START, FIRST), *((FIRST, name) for name in THEN), *((name, END) for name in THEN)],
    }[workload]
    for name in {name for edge in edges for name in edge} - {START, END}:

        async def node(state: State, name: str = name) -> dict[str, Any]:
            return {"results": {name: {"ok": True}}}

        built.add_node(name, node)
    for edge in edges:
        built.add_edge(*edge)
    return built


async def main() -> None:
    """One turn."""
    given = order()
    room = asyncio.Semaphore(given["at_once"])
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncSqliteSaver.from_conn_string(f"{folder}/checkpoints.sqlite") as saver:
            app = graph(given["workload"]).compile(checkpointer=saver)

            async def run(thread: str) -> None:
                async with room:
                    state = await app.ainvoke(
                        {"input": {"n": 1}, "results": {}},
                        {"configurable": {"thread_id": thread}},
                        durability=given["durability"],
                    )
                assert len(state["results"]) == steps_of(given["workload"])

            await run("warm-1")
            await run("warm-2")
            begun = clock_starts()
            await asyncio.gather(*(run(str(n)) for n in range(given["jobs"])))
            seconds = time.perf_counter() - begun
            settings: dict[str, Any] = {}
            for pragma in ("journal_mode", "synchronous"):
                async with saver.conn.execute(f"PRAGMA {pragma}") as cursor:
                    settings[pragma] = (await cursor.fetchone())[0]
    answer(given, seconds, versions=versions(["langgraph", "langgraph-checkpoint-sqlite"]), settings=settings)


if __name__ == "__main__":
    asyncio.run(main())
