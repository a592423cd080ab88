"""The limit with asyncio: the records of `raw_sqlite`, each agent a task with a time limit that awaits its commit.

A thread writes all that waits in one transaction. There are no plans, retries, budgets or copies: it is the least that
an engine does that runs agents as tasks of an event loop and acknowledges nothing before it is durable.
"""

import asyncio
import queue
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.contestants.raw_sqlite import STEPS, Writer
from benchmarks.contestants.turn import answer, clock_starts, order

LIMIT_S = 60.0
Request = tuple[Callable[[Writer], None], "asyncio.Future[None]"]


class Thread:
    """Writes what it is asked for; of one turn of the event loop all together, and what waits by then too."""

    def __init__(self, path: str) -> None:
        self.settings: dict[str, str | int] = {}
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._gathered: list[Request] = []
        self._requests: queue.SimpleQueue[list[Request] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def ask(self, work: Callable[[Writer], None]) -> "asyncio.Future[None]":
        """Done when ``work`` is durable."""
        future: asyncio.Future[None] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append((work, future))
        return future

    def stop(self) -> None:
        """Nothing more comes."""
        self._requests.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._requests.put(gathered)

    def _serve(self) -> None:
        writer = Writer(self._path, each=False)
        stopped = False
        while not stopped:
            waiting = [self._requests.get()]
            while not self._requests.empty():
                waiting.append(self._requests.get())
            stopped = None in waiting
            requests = [request for requests in waiting for request in requests or ()]
            for work, _ in requests:
                work(writer)
            writer.commit()
            self._loop.call_soon_threadsafe(_resolve, requests)
        self.settings = writer.settings()
        writer.connection.close()


def _resolve(requests: Sequence[Request]) -> None:
    for _, future in requests:
        future.set_result(None)


async def work() -> dict[str, bool]:
    """The agent."""
    return {"ok": True}


async def run(thread: Thread, job: str, steps: "list[list[str]]") -> None:
    """One job: what follows on a step shares the commit of its last outcome."""
    await thread.ask(lambda writer: writer.submit(job))
    tasks: list[asyncio.Task[None]] = []
    for step in steps:
        await thread.ask(lambda writer, step=step: writer.start(job, step))
        over, running = asyncio.Event(), len(step)

        async def agent(name: str, over: asyncio.Event = over) -> None:
            nonlocal running
            async with asyncio.timeout(LIMIT_S):
                assert await work()
            stored = thread.ask(lambda writer: writer.settle(job, [name]))
            running -= 1
            if not running:
                over.set()
            await stored

        tasks += [asyncio.create_task(agent(name)) for name in step]
        await over.wait()
    await thread.ask(lambda writer: writer.finish(job))
    await asyncio.gather(*tasks)


async def measured(given: dict[str, Any], path: str) -> tuple[float, dict[str, str | int]]:
    """Seconds that the jobs take, and how durable they are."""
    thread = Thread(path)
    steps = STEPS[given["workload"]]
    room = asyncio.Semaphore(given["at_once"])

    async def one(name: str) -> None:
        async with room:
            await run(thread, name, steps)

    try:
        await one("warm")
        begun = clock_starts()
        await asyncio.gather(*(one(str(n)) for n in range(given["jobs"])))
        seconds = time.perf_counter() - begun
    finally:
        await asyncio.to_thread(thread.stop)
    return seconds, thread.settings


def main() -> None:
    """One turn."""
    given = order()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/raw.sqlite"
        seconds, settings = asyncio.run(measured(given, path))
        connection = sqlite3.connect(path)
        [stored] = connection.execute("SELECT count(*) FROM jobs WHERE status = 'completed'").fetchone()
        connection.close()
        assert stored == given["jobs"] + 1
    answer(given, seconds, versions={"sqlite": sqlite3.sqlite_version}, settings=settings)


if __name__ == "__main__":
    main()
