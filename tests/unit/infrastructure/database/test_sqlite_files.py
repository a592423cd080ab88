"""SQLite files that are damaged, locked, read-only or of another version: a clear error, and nothing is lost."""

import asyncio
import json
import os
import sqlite3
import threading
from importlib.resources import files
from pathlib import Path

import pytest

from agent_framework.errors import ProviderError, SchemaVersionError
from agent_framework.infrastructure import _sqlite as module
from agent_framework.infrastructure.database.base import Changes
from agent_framework.infrastructure.database.sqlite import SqliteDatabase
from agent_framework.types import JobStatus


async def submit(path: Path) -> str:
    async with SqliteDatabase(path) as db:
        return await db.create_job("ann", "t", {})


@pytest.mark.parametrize(
    "content", [b"this is no database at all " * 50, b"\x00" * 4096, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(content)
    with pytest.raises(ProviderError, match=r"sqlite database .*jobs\.sqlite.*move it away to start anew"):
        asyncio.run(submit(path))
    assert path.read_bytes() == content


def test_a_damaged_page_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    asyncio.run(submit(path))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(ProviderError, match=r"malformed.*the file is damaged"):
        asyncio.run(submit(path))


def test_row_27_a_database_that_stays_locked_is_told_after_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobs.sqlite"
    first = asyncio.run(submit(path))
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    async def go() -> None:
        db = SqliteDatabase(path)
        assert await db.get_job(first) is not None, "reading goes on"
        with pytest.raises(ProviderError, match="locked; another process held it") as info:
            await db.create_job("ann", "t", {})
        assert info.value.retryable
        holder.execute("COMMIT")
        assert await db.create_job("ann", "t", {}), "the same connection works again"
        await db.close()

    asyncio.run(go())
    holder.close()


def test_a_short_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    asyncio.run(submit(path))
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, lambda: holder.execute("COMMIT"))
    release.start()
    assert asyncio.run(submit(path))
    release.join()
    holder.close()


def test_a_newer_schema_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    asyncio.run(submit(path))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SchemaVersionError, match=r"has schema version 99.*upgrade the package"):
        asyncio.run(submit(path))


def test_jobs_of_the_first_schema_are_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    first = files("agent_framework.infrastructure.database") / "migrations" / "sqlite" / "0001_initial.sql"
    plan = {"digest": "d", "version": 1}
    old = sqlite3.connect(path)
    old.executescript(first.read_text("utf-8"))
    for number, pinned in enumerate((plan, plan, {"version": 2}, None)):
        old.execute(
            """INSERT INTO jobs (id, user_id, job_type, status, request_payload, plan, created_at, updated_at)
            VALUES (?, 'ann', 't', 'running', ?, ?, 1.5, 2.5)""",
            (f"job {number}", json.dumps({"n": number}), pinned and json.dumps(pinned)),
        )
    old.execute("INSERT INTO agent_results VALUES ('job 0', 'a', '{\"x\": 1}', 1, 5, NULL, NULL, 2.0)")
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()

    async def go() -> None:
        async with SqliteDatabase(path) as db:
            jobs = [await db.get_job(f"job {number}") for number in range(4)]
            assert [(job.request_payload, job.plan) for job in jobs if job is not None] == [
                ({"n": 0}, plan),
                ({"n": 1}, plan),
                ({"n": 2}, {"version": 2}),
                ({"n": 3}, None),
            ]
            assert jobs[0] is not None
            assert (jobs[0].agent_results, jobs[0].created_at, jobs[0].updated_at) == ({"a": {"x": 1}}, 1.5, 2.5)
            decided = await db.decide_job("job 0", "me", 30.0, lambda snapshot: Changes(status=JobStatus.COMPLETED))
            assert decided is not None
            assert decided.snapshot.job.plan == plan
            assert [job.id for job in await db.list_jobs()] == ["job 3", "job 2", "job 1", "job 0"]

    asyncio.run(go())
    new = sqlite3.connect(path)
    assert new.execute("SELECT count(*) FROM plans").fetchone() == (2,), "the same plan is there once"
    assert new.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert new.execute("PRAGMA foreign_key_check").fetchall() == []
    new.close()


def test_a_file_that_may_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    asyncio.run(submit(path))
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        if os.access(path, os.W_OK):
            pytest.skip("the user is root, who may write anything")
        with pytest.raises(ProviderError, match="sqlite database"):
            asyncio.run(submit(path))
    finally:
        tmp_path.chmod(0o755)


def test_a_place_where_no_file_can_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ProviderError, match="cannot be opened"):
        asyncio.run(submit(tmp_path / "file" / "jobs.sqlite"))
    with pytest.raises(ProviderError, match="cannot be opened"):
        asyncio.run(submit(tmp_path))


def test_row_27_a_full_database_is_told_and_what_was_stored_stays(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"

    async def go() -> None:
        async with SqliteDatabase(path) as db:
            first = await db.create_job("ann", "t", {})
            await db._writer.run(_limit_pages)
            with pytest.raises(ProviderError, match="full; free some space"):
                await db.create_job("ann", "t", {"x": "y" * 1_000_000})
            assert await db.get_job(first) is not None

    asyncio.run(go())
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def _limit_pages(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 60")


def test_several_migrations_at_once_make_one_schema(tmp_path: Path) -> None:
    async def go() -> list[int]:
        databases = [SqliteDatabase(tmp_path / "jobs.sqlite") for _ in range(8)]
        versions = await asyncio.gather(*(db.migrate() for db in databases))
        await asyncio.gather(*(db.close() for db in databases))
        return versions

    versions = asyncio.run(go())
    assert len(set(versions)) == 1


def test_closing_twice_and_closing_unused_is_fine(tmp_path: Path) -> None:
    async def go() -> None:
        db = SqliteDatabase(tmp_path / "jobs.sqlite")
        await db.close()
        await db.migrate()
        await db.close()
        await db.close()

    asyncio.run(go())
    assert not (tmp_path / "jobs.sqlite-wal").exists()


def test_one_bad_write_does_not_spoil_the_others_of_its_batch(tmp_path: Path) -> None:
    async def go() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db:
            answers = await asyncio.gather(
                *(db.create_job("ann", "t", {"n": float("nan") if n % 3 == 0 else n}) for n in range(30)),
                return_exceptions=True,
            )
            assert [isinstance(answer, ProviderError) for answer in answers] == [n % 3 == 0 for n in range(30)]
            assert len(await db.list_jobs(limit=100)) == 20

    asyncio.run(go())


def test_a_waiter_that_gives_up_does_not_disturb_the_others(tmp_path: Path) -> None:
    async def go() -> None:
        async with SqliteDatabase(tmp_path / "jobs.sqlite") as db:
            tasks = [asyncio.create_task(db.create_job("ann", "t", {"n": n})) for n in range(20)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(answer, str) for answer in answers[1::2])

    asyncio.run(go())


def test_one_database_serves_several_event_loops_one_after_another(tmp_path: Path) -> None:
    db = SqliteDatabase(tmp_path / "jobs.sqlite")
    asyncio.run(db.migrate())
    ids = [asyncio.run(db.create_job("ann", "t", {})) for _ in range(3)]
    assert len(set(ids)) == 3
    asyncio.run(db.close())
