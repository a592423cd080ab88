"""The thread that writes: what waits shares a transaction, what is of one kind is done together, nothing is lost."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_framework.errors import ProviderError
from agent_framework.infrastructure._sqlite import MAX_BATCH, SqliteWorker, open_file
from tests.support.sqlite_faults import failing_commits


class Kind:
    """Work of one kind: inserts numbers, refuses negative ones; notes what it was given together."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    def __call__(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        connection.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in numbers])
        if min(numbers) < 0:
            raise ValueError(f"{min(numbers)} is negative")
        return [number * 10 for number in numbers]


def with_worker(path: Path, use: Callable[[SqliteWorker], Awaitable[None]], *, failures: int = 0) -> list[int]:
    """Use a worker on a file with a table of numbers; what is in it afterwards."""
    file = path / "numbers.sqlite"
    setup = sqlite3.connect(file)
    setup.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    setup.close()

    def connect() -> Any:
        return failing_commits(open_file(file, clock=lambda: 0.0, what="file"), failures)

    async def go() -> None:
        worker = SqliteWorker(connect, write=True, name="numbers")
        try:
            async with asyncio.timeout(20):
                await use(worker)
        finally:
            await asyncio.to_thread(worker.stop)

    asyncio.run(go())
    reader = sqlite3.connect(file)
    try:
        return [number for (number,) in reader.execute("SELECT number FROM numbers ORDER BY number")]
    finally:
        reader.close()


def test_what_is_of_one_kind_is_done_together_and_answered_in_order(tmp_path: Path) -> None:
    kind = Kind()

    async def use(worker: SqliteWorker) -> None:
        answers = await asyncio.gather(*(worker.run_together(kind, number) for number in (3, 1, 2)))
        assert answers == [30, 10, 20]

    assert with_worker(tmp_path, use) == [1, 2, 3]
    assert kind.groups == [[3, 1, 2]]


def test_what_fails_is_told_to_its_own_request_and_the_others_stand(tmp_path: Path) -> None:
    kind = Kind()

    async def use(worker: SqliteWorker) -> None:
        asked = (worker.run_together(kind, number) for number in (1, -2, 3))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [answers[0], answers[2]] == [10, 30]
        assert isinstance(answers[1], ValueError)

    assert with_worker(tmp_path, use) == [1, 3]
    assert kind.groups == [[1, -2, 3], [1], [-2], [3]]


def test_what_fails_alone_is_tried_once_and_the_next_is_served(tmp_path: Path) -> None:
    kind, undone = Kind(), list[int]()

    async def use(worker: SqliteWorker) -> None:
        with pytest.raises(ValueError, match="-1 is negative"):
            await worker.run_together(kind, -1, undone=undone.append)
        assert await worker.run_together(kind, 2) == 20

    assert with_worker(tmp_path, use) == [2]
    assert kind.groups == [[-1], [2]]
    assert undone == [-1]


def test_where_one_kind_fails_the_others_are_undone_and_done_again(tmp_path: Path) -> None:
    good, bad, undone = Kind(), Kind(), list[int]()

    async def use(worker: SqliteWorker) -> None:
        answers = await asyncio.gather(
            worker.run_together(good, 1, undone=undone.append),
            worker.run_together(good, 2, undone=undone.append),
            worker.run_together(bad, 3),
            worker.run_together(bad, -4),
            worker.run_together(bad, 5, last=True),
            return_exceptions=True,
        )
        assert [answer for answer in answers if not isinstance(answer, Exception)] == [10, 20, 30, 50]
        assert str(answers[3]) == "-4 is negative"

    assert with_worker(tmp_path, use) == [1, 2, 3, 5]
    assert good.groups == [[1, 2], [1], [2]]
    assert undone == [1, 2], "once, before they are done again"


def test_what_comes_last_comes_after_everything_that_waits(tmp_path: Path) -> None:
    first, last, order = Kind(), Kind(), list[str]()

    def note(what: str, kind: Kind) -> Any:
        def work(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
            order.append(what)
            return kind(connection, numbers)

        return work

    async def use(worker: SqliteWorker) -> None:
        finally_, before = note("last", last), note("first", first)
        await asyncio.gather(
            worker.run_together(finally_, 1, last=True),
            worker.run_together(before, 2),
            worker.run(lambda connection: order.append("plain")),
            worker.run_together(finally_, 3, last=True),
        )

    assert with_worker(tmp_path, use) == [1, 2, 3]
    assert order == ["first", "plain", "last"]
    assert last.groups == [[1, 3]]


def test_what_was_done_in_a_transaction_that_fails_is_taken_back(tmp_path: Path) -> None:
    undone: list[int] = []

    async def use(worker: SqliteWorker) -> None:
        with pytest.raises(ProviderError, match="full; free some space"):
            await worker.run_together(Kind(), 1, undone=undone.append)
        assert undone == [1], "before anything else is done"
        assert await worker.run_together(Kind(), 2, undone=undone.append) == 20

    assert with_worker(tmp_path, use, failures=1) == [2]
    assert undone == [1]


def test_more_than_a_batch_takes_several_transactions(tmp_path: Path) -> None:
    count, kind = 5 * MAX_BATCH, Kind()

    async def use(worker: SqliteWorker) -> None:
        answers = await asyncio.gather(*(worker.run_together(kind, number) for number in range(count)))
        assert answers == [10 * number for number in range(count)]

    assert with_worker(tmp_path, use) == list(range(count))
    assert max(map(len, kind.groups)) < 2 * MAX_BATCH


def test_what_comes_last_is_left_out_when_nobody_waits_for_it(tmp_path: Path) -> None:
    kind = Kind()

    async def use(worker: SqliteWorker) -> None:
        gone = [worker.run_together(kind, n, last=n == 1) for n in (1, 2)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        assert await worker.run_together(kind, 3) == 30

    assert with_worker(tmp_path, use) == [2, 3]


def test_a_worker_that_is_stopped_finishes_what_waits(tmp_path: Path) -> None:
    kind = Kind()

    async def use(worker: SqliteWorker) -> None:
        asked = worker.run_together(kind, 1)
        await asyncio.sleep(0)
        worker.stop()
        assert await asked == 10

    assert with_worker(tmp_path, use) == [1]


def test_a_file_that_cannot_be_opened_is_told_to_everybody_who_waits() -> None:
    def connect() -> sqlite3.Connection:
        raise ProviderError("it cannot be opened")

    async def go() -> None:
        worker = SqliteWorker(connect, write=True, name="nothing")
        asked = (worker.run(lambda connection: None) for _ in range(3))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(answer) for answer in answers] == ["it cannot be opened"] * 3
        await asyncio.to_thread(worker.stop)

    asyncio.run(asyncio.wait_for(go(), 20))
