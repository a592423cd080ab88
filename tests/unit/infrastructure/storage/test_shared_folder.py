"""A folder that several processes use, and what crashes leave in it."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from agent_framework.infrastructure.storage.local import LocalStorage

WRITER = """
import asyncio, sys
from agent_framework.infrastructure.storage.local import LocalStorage

async def main():
    storage = LocalStorage(sys.argv[1])
    for number in range(40):
        await storage.put("shared", f"{sys.argv[2]} {number} ".encode() * 2000)

asyncio.run(main())
"""


def test_processes_that_write_one_object_leave_it_whole_at_every_moment(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    asyncio.run(storage.put("shared", b"first 0 "))
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "abc"]
    read: set[bytes] = set()
    while any(writer.poll() is None for writer in writers):
        data = asyncio.run(storage.get("shared"))
        assert len(set(data.split(b" ")[::2])) == 2, "one writer's name, and the empty end"
        read.add(data)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(read) > 1
    assert asyncio.run(storage.get("shared")).split(b" ")[1] == b"39"


def test_what_crashes_left_is_removed_after_a_day(tmp_path: Path) -> None:
    folder = tmp_path / ".meta" / "tmp"
    folder.mkdir(parents=True)
    for name in ("old", "new"):
        (folder / name).write_bytes(b"half")
    yesterday = time.time() - 90_000
    os.utime(folder / "old", (yesterday, yesterday))
    asyncio.run(LocalStorage(tmp_path).put("x", b"1"))
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_reading_makes_nothing(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    assert asyncio.run(storage.stat("x")) is None
    assert not asyncio.run(storage.delete("x"))
    assert list(tmp_path.iterdir()) == []
