"""The local queue: a file that processes share, and that says what is wrong with it."""

import asyncio
import logging
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_framework.errors import ConfigError, ProjectError, ProviderError, SchemaVersionError
from agent_framework.infrastructure.queue import Delivery, QueueFactory
from agent_framework.infrastructure.queue.local import LocalQueue
from agent_framework.types import JSONDict

SENDER = """
import asyncio, sys
from agent_framework.infrastructure.queue.local import LocalQueue

async def main():
    queue = LocalQueue(sys.argv[1])
    for number in range(int(sys.argv[2])):
        await queue.send({"sender": sys.argv[3], "n": number})
        print(number, flush=True)
    if sys.argv[4] == "close":
        await queue.close()
    else:
        await asyncio.sleep(60)

asyncio.run(main())
"""


def sender(path: Path, count: int, name: str, then: str = "close") -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", SENDER, str(path), str(count), name, then]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


async def everything(queue: LocalQueue) -> list[Any]:
    found: list[Any] = []
    while messages := await queue.receive(100):
        found += [(message.body["sender"], message.body["n"]) for message in messages]
        await queue.acknowledge(*messages)
    await queue.close()
    return sorted(found)


def test_processes_share_a_new_file(tmp_path: Path) -> None:
    senders = [sender(tmp_path / "queue.sqlite", 20, name) for name in "abc"]
    for process in senders:
        process.communicate()
        assert process.returncode == 0
    found = asyncio.run(everything(LocalQueue(tmp_path / "queue.sqlite")))
    assert found == [(name, number) for name in "abc" for number in range(20)]


def test_what_was_sent_survives_a_kill(tmp_path: Path) -> None:
    process = sender(tmp_path / "queue.sqlite", 10, "a", then="hang")
    assert process.stdout is not None
    with process.stdout as lines:
        for number in range(10):
            assert lines.readline() == f"{number}\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert asyncio.run(everything(LocalQueue(tmp_path / "queue.sqlite"))) == [("a", number) for number in range(10)]


def test_queues_of_one_file_are_apart(tmp_path: Path) -> None:
    async def main() -> None:
        jobs, agents = (LocalQueue(tmp_path / "q.sqlite", queue=name, max_receives=1) for name in ("jobs", "agents"))
        await jobs.send({"n": 1})
        await agents.send_texts(["not json"])
        assert [message.body for message in await jobs.receive()] == [{"n": 1}]
        assert await agents.receive() == []
        assert await jobs.dead_letters() == []
        assert len(await agents.dead_letters()) == 1
        await agents.purge()
        assert (await jobs.approximate_depth()).total == 1
        await jobs.close()
        await agents.close()

    asyncio.run(main())


def test_the_configuration_reaches_the_queue(tmp_path: Path) -> None:
    config = {"path": "here/q.sqlite", "queue": "x", "visibility_timeout": 7, "max_receives": 2}
    queue = QueueFactory.create("local", config, root=tmp_path)
    assert isinstance(queue, LocalQueue)
    assert (queue.path, queue.queue, queue.visibility_s, queue.max_receives) == (tmp_path / "here/q.sqlite", "x", 7, 2)
    assert not (tmp_path / "here").exists(), "nothing is opened before it is used"


@pytest.mark.parametrize(
    ("name", "config", "error", "message"),
    [
        ("local", {"visibility_timeout": 0}, ConfigError, "visibility_timeout: input should be greater than 0"),
        ("local", {"max_receives": 0, "file": "x"}, ConfigError, "max_receives: .*file: extra inputs"),
        ("loca", {}, ConfigError, "unknown queue provider 'loca'; did you mean 'local'"),
        ("no_such_package:Queue", {}, ProjectError, "no_such_package"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(
    name: str, config: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        QueueFactory.create(name, config)


class OwnQueue(LocalQueue):
    """A project's own."""

    name = "own"

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "OwnQueue":
        return cls(root / config["path"])


def test_a_project_may_bring_its_own_queue(tmp_path: Path) -> None:
    made = QueueFactory.create(f"{__name__}:OwnQueue", {"path": "q.sqlite"}, root=tmp_path)
    assert (type(made), made.name) == (OwnQueue, "own")


def attempt(path: Path) -> None:
    async def main() -> None:
        queue = LocalQueue(path)
        try:
            await queue.send({"n": 1})
        finally:
            await queue.close()

    asyncio.run(main())


def test_a_file_that_is_no_queue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "q.sqlite"
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(ProviderError, match=rf"queue provider local: {path} cannot be opened: .*not a database"):
        attempt(path)


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=f"queue provider local: {tmp_path} cannot be opened"):
        attempt(tmp_path)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "q.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SchemaVersionError, match=r"schema version 99.*upgrade the package"):
        attempt(path)


def test_a_message_that_cannot_be_buried_does_not_stop_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class NoGrave(LocalQueue):
        async def bury(self, delivery: Delivery, note: str) -> None:
            raise ProviderError("no place")

    async def main() -> None:
        queue = NoGrave(tmp_path / "q.sqlite")
        texts: Sequence[str] = ['{"n": 1}', "not json", '{"n": 2}']
        await queue.send_texts(texts)
        assert sorted(message.body["n"] for message in await queue.receive()) == [1, 2]
        assert (await queue.approximate_depth()).in_flight == 3
        await queue.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "cannot be moved to the dead letters: no place" in caplog.text
