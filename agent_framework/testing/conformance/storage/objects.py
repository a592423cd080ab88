"""Objects: stored whole, read back as they were, described, replaced, deleted, listed."""

import hashlib

import pytest

from agent_framework.errors import ProviderError, StoredObjectMissingError
from agent_framework.infrastructure.storage.base import StorageProvider
from agent_framework.testing.conformance.storage.harness import StorageCase, keys, scenario

CONTENT_TYPES = ["text/html", "text/plain; charset=utf-8", "image/svg+xml", "application/vnd.api+json", "x-a/x_b.c"]
NO_CONTENT_TYPES = ["", "html", "text/", "/html", "text/html\r\nX-Evil: 1", "text/h\x00tml", "tëxt/html", " text/html"]


class ObjectTests(StorageCase):
    """One object at a time, then many."""

    @scenario
    async def test_an_object_reads_back_as_it_was_stored(self, storage: StorageProvider) -> None:
        data = bytes(range(256)) * 10
        await storage.put("a/b.bin", data)
        assert await storage.get("a/b.bin") == data

    @scenario
    async def test_storing_and_asking_tell_the_same_facts(self, storage: StorageProvider) -> None:
        stored = await storage.put("report.html", b"<p>", content_type="text/html")
        assert (stored.key, stored.size_bytes, stored.content_type) == ("report.html", 3, "text/html")
        assert stored.sha256 == hashlib.sha256(b"<p>").hexdigest()
        assert "://" in stored.url
        assert await storage.stat("report.html") == stored
        assert await storage.exists("report.html")

    @scenario
    async def test_an_empty_object_is_an_object(self, storage: StorageProvider) -> None:
        assert (await storage.put("empty", b"")).size_bytes == 0
        assert await storage.get("empty") == b""
        assert await storage.exists("empty")

    @scenario
    async def test_an_object_without_a_type_has_the_general_one(self, storage: StorageProvider) -> None:
        assert (await storage.put("x", b"1")).content_type == "application/octet-stream"

    @pytest.mark.parametrize("content_type", CONTENT_TYPES)
    @scenario
    async def test_the_content_type_is_kept(self, storage: StorageProvider, content_type: str) -> None:
        await storage.put("x", b"1", content_type=content_type)
        stored = await storage.stat("x")
        assert stored is not None
        assert stored.content_type == content_type

    @pytest.mark.parametrize("content_type", NO_CONTENT_TYPES, ids=ascii)
    @scenario
    async def test_what_is_no_content_type_is_refused(self, storage: StorageProvider, content_type: str) -> None:
        with pytest.raises(ProviderError, match="content type"):
            await storage.put("x", b"1", content_type=content_type)
        assert not await storage.exists("x")

    @scenario
    async def test_storing_again_replaces_bytes_and_facts(self, storage: StorageProvider) -> None:
        await storage.put("x", b"a long first version", content_type="text/html")
        stored = await storage.put("x", b"short", content_type="text/plain")
        assert await storage.get("x") == b"short"
        assert await storage.stat("x") == stored
        assert await keys(storage) == ["x"]

    @scenario
    async def test_storing_the_same_again_changes_nothing(self, storage: StorageProvider) -> None:
        first = await storage.put("x", b"same")
        assert await storage.put("x", b"same") == first
        assert await storage.get("x") == b"same"

    @scenario
    async def test_an_object_outlives_the_provider_that_stored_it(
        self, storage: StorageProvider, other: StorageProvider
    ) -> None:
        stored = await storage.put("x", b"1", content_type="text/csv")
        await storage.close()
        assert await other.get("x") == b"1"
        assert await other.stat("x") == stored

    @scenario
    async def test_a_missing_object_is_said_to_be_missing(self, storage: StorageProvider) -> None:
        await storage.put("there", b"1")
        with pytest.raises(StoredObjectMissingError, match="there is no object 'x'"):
            await storage.get("x")
        assert await storage.stat("x") is None
        assert not await storage.exists("x")

    @scenario
    async def test_deleting_tells_whether_there_was_something(self, storage: StorageProvider) -> None:
        await storage.put("a/x", b"1")
        assert await storage.delete("a/x")
        assert not await storage.delete("a/x")
        assert await storage.stat("a/x") is None
        assert await keys(storage) == []
        with pytest.raises(StoredObjectMissingError):
            await storage.get("a/x")
        await storage.put("a/x", b"2")
        assert await storage.get("a/x") == b"2"

    @scenario
    async def test_deleting_one_leaves_its_neighbours(self, storage: StorageProvider) -> None:
        for key in ("a", "a.b", "ab", "b/a"):
            await storage.put(key, key.encode())
        await storage.delete("a")
        assert await keys(storage) == ["a.b", "ab", "b/a"]
        assert await storage.get("a.b") == b"a.b"

    @scenario
    async def test_an_empty_storage_lists_nothing(self, storage: StorageProvider) -> None:
        assert await keys(storage) == []
        assert await keys(storage, "a/b") == []

    @scenario
    async def test_keys_are_listed_by_prefix_and_in_order(self, storage: StorageProvider) -> None:
        stored = ["a.b", "a/b/1", "a/b/2", "a/c", "ab", "b", "Z", "é", "💥", "\uffee", "a-b", "a b"]
        for key in stored:
            await storage.put(key, b"")
        assert await keys(storage) == sorted(stored, key=str.encode)
        assert await keys(storage, "a/") == ["a/b/1", "a/b/2", "a/c"]
        assert await keys(storage, "a/b") == ["a/b/1", "a/b/2"]
        assert await keys(storage, "a/b/") == ["a/b/1", "a/b/2"]
        assert await keys(storage, "a/b/2") == ["a/b/2"]
        assert await keys(storage, "ab/") == []
        assert await keys(storage, "a") == ["a b", "a-b", "a.b", "a/b/1", "a/b/2", "a/c", "ab"]
        assert await keys(storage, "A") == []
        assert await keys(storage, "%") == []

    @scenario
    async def test_a_key_below_an_object_is_kept_or_refused_clearly(self, storage: StorageProvider) -> None:
        await storage.put("a", b"1")
        try:
            await storage.put("a/b", b"2")
        except ProviderError as exc:
            assert "choose another key" in str(exc)  # noqa: PT017 - both answers are right
        else:
            assert await storage.get("a/b") == b"2"
        assert await storage.get("a") == b"1"
        assert not await storage.exists("a/c")
