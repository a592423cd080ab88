"""Local storage: whole or not at all, with a hash that notices what was changed."""

import asyncio
import json
import os
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent_framework.errors import ConfigError, ProviderError, StorageKeyError
from agent_framework.infrastructure.storage import StorageFactory
from agent_framework.infrastructure.storage.local import LocalStorage


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "storage")


def go(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


async def keys(storage: LocalStorage, prefix: str = "") -> list[str]:
    return [key async for key in storage.list(prefix)]


def test_an_object_reads_back_with_its_facts(storage: LocalStorage) -> None:
    stored = go(storage.put("reports/é.html", b"<p>", content_type="text/html"))
    assert (stored.key, stored.size_bytes, stored.content_type) == ("reports/é.html", 3, "text/html")
    assert stored.url.startswith("file:///")
    assert go(storage.get("reports/é.html")) == b"<p>"
    assert go(storage.stat("reports/é.html")) == stored
    assert go(storage.exists("reports/é.html"))
    assert go(storage.put("reports/é.html", b"")).size_bytes == 0
    assert go(storage.get("reports/é.html")) == b""


def notes(storage: LocalStorage) -> list[Path]:
    """The files in which the storage keeps what it knows of its objects."""
    found = [path for path in storage.root.rglob("*") if path.is_file() and ".meta" in path.parts]
    return [path for path in found if path.read_bytes().startswith(b"{")]


class KilledError(BaseException):
    """In the place of a SIGKILL: nobody catches it."""


def cut_off(monkeypatch: pytest.MonkeyPatch, storage: LocalStorage, key: str, *, renames: int) -> None:
    """Put ``b"new"`` under ``key`` and die at a rename; nothing is cleaned up."""
    real, left = os.replace, [renames]

    def dies(source: Any, target: Any) -> None:
        if left[0] == 0:
            raise KilledError
        left[0] -= 1
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dies)
        patch.setattr(Path, "unlink", lambda *arguments, **options: None)
        with suppress(KilledError):
            go(storage.put(key, b"new", content_type="text/plain"))


def test_keys_are_listed_in_order_by_prefix_without_notes_or_leftovers(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("b", "a/2", "a/1", "ab"):
        go(storage.put(key, b"x"))
    cut_off(monkeypatch, storage, "half", renames=0)
    assert go(keys(storage)) == ["a/1", "a/2", "ab", "b"]
    assert go(keys(storage, "a/")) == ["a/1", "a/2"]
    assert go(keys(LocalStorage(storage.root / "nowhere"))) == []


def test_what_is_not_there_is_said_so(storage: LocalStorage) -> None:
    with pytest.raises(ProviderError, match="there is no object 'x'"):
        go(storage.get("x"))
    assert go(storage.stat("x")) is None
    assert not go(storage.exists("x"))
    assert not go(storage.delete("x"))
    go(storage.put("x", b"1"))
    assert go(storage.delete("x"))
    assert go(keys(storage)) == []
    assert notes(storage) == []


@pytest.mark.parametrize("data", [b"", b"changed", b"origina"])
def test_an_object_that_somebody_changed_is_refused(storage: LocalStorage, data: bytes) -> None:
    go(storage.put("x", b"original"))
    (storage.root / "x").write_bytes(data)
    with pytest.raises(ProviderError, match="was changed since it was stored"):
        go(storage.get("x"))


def test_an_object_without_its_note_or_with_a_damaged_one_is_refused(storage: LocalStorage) -> None:
    go(storage.put("x", b"1"))
    (note,) = notes(storage)
    for content in ("{", "[]", "{}", json.dumps({"size_bytes": 1}), ""):
        note.write_text(content)
        for attempt in (storage.get("x"), storage.stat("x")):
            with pytest.raises(ProviderError, match="note"):
                go(attempt)
    note.unlink()
    with pytest.raises(ProviderError, match="note"):
        go(storage.get("x"))
    go(storage.put("x", b"2"))
    assert go(storage.get("x")) == b"2", "a new write mends it"


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_write_that_is_cut_off_leaves_the_old_object_or_the_new_one(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    go(storage.put("x", b"old"))
    cut_off(monkeypatch, storage, "x", renames=renames)
    found = go(storage.get("x"))
    assert found == (b"new" if renames >= 2 else b"old")
    stat = go(storage.stat("x"))
    assert stat is not None
    assert stat.content_type == ("text/plain" if found == b"new" else "application/octet-stream")
    assert go(keys(storage)) == ["x"]
    cut_off(monkeypatch, storage, "y", renames=renames)
    assert go(keys(storage)) == (["x", "y"] if renames >= 2 else ["x"])
    go(storage.put("x", b"newer"))
    assert go(storage.get("x")) == b"newer"


def test_readers_never_see_half_of_a_write(storage: LocalStorage) -> None:
    versions = [bytes([65 + n]) * 5000 for n in range(20)]

    async def main() -> None:
        await storage.put("x", versions[0])
        done = asyncio.Event()

        async def write() -> None:
            for _ in range(3):
                for version in versions:
                    await storage.put("x", version)
            done.set()

        async def read() -> int:
            count = 0
            while not done.is_set():
                assert await storage.get("x") in versions
                count += 1
            return count

        counts = await asyncio.gather(read(), read(), write())
        assert counts[0]

    go(main())


def test_concurrent_writers_of_one_key_leave_one_whole_object(storage: LocalStorage) -> None:
    async def main() -> None:
        await asyncio.gather(*(storage.put("x", b"%d" % n * 1000) for n in range(20)))
        data = await storage.get("x")
        assert data in {b"%d" % n * 1000 for n in range(20)}

    go(main())


def test_a_link_that_leads_out_of_the_folder_is_not_followed(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_bytes(b"secret")
    storage.root.mkdir()
    (storage.root / "link").symlink_to(tmp_path / "secret")
    (storage.root / "direct").symlink_to(tmp_path / "secret" / "file")
    for attempt in (storage.get("link/file"), storage.put("link/file", b"x"), storage.stat("link/file")):
        with pytest.raises(StorageKeyError, match="through a link"):
            go(attempt)
    for attempt in (storage.get("direct"), storage.put("direct", b"mine"), storage.delete("direct")):
        with pytest.raises(StorageKeyError, match="leads through a link"):
            go(attempt)
    assert (tmp_path / "secret" / "file").read_bytes() == b"secret"


def test_a_key_below_an_object_is_a_clear_error(storage: LocalStorage) -> None:
    go(storage.put("a", b"1"))
    with pytest.raises(ProviderError, match="cannot be written") as info:
        go(storage.put("a/b", b"2"))
    assert not info.value.retryable
    assert go(storage.get("a")) == b"1"
    go(storage.put("c/d", b"3"))
    with pytest.raises(ProviderError, match="cannot be written"):
        go(storage.put("c", b"4"))
    assert go(storage.stat("c")) is None


def test_every_good_key_can_be_written_beside_every_other(storage: LocalStorage) -> None:
    for key in ("x", "x.json", "x.json/y".replace("/", "-"), "..a", "x" * 250, "/".join(["y" * 100] * 8)):
        go(storage.put(key, key.encode()))
        assert go(storage.get(key)) == key.encode()


@pytest.mark.parametrize("method", ["get", "stat", "delete"])
def test_every_method_checks_its_key(storage: LocalStorage, method: str) -> None:
    with pytest.raises(StorageKeyError):
        go(getattr(storage, method)("../x"))
    with pytest.raises(StorageKeyError):
        go(storage.put("../x", b""))


def test_the_factory_makes_local_storage_and_refuses_the_rest(tmp_path: Path) -> None:
    made = StorageFactory.create("local", {"path": "files"}, root=tmp_path)
    assert isinstance(made, LocalStorage)
    assert made.root == tmp_path / "files"
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("loca", {}, "did you mean 'local'"),
        ("local", {"folder": "x"}, "extra inputs"),
    ]
    for name, config, message in wrong:
        with pytest.raises(ConfigError, match=message):
            StorageFactory.create(name, config, root=tmp_path)
