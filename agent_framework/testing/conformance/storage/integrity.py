"""Objects are whole, and they are what was stored: streams, hashes, concurrent writers, signed addresses."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from urllib.request import urlopen

import pytest

from agent_framework.errors import ProviderError, StoredObjectChangedError, StoredObjectMissingError
from agent_framework.infrastructure.storage.base import StorageProvider
from agent_framework.testing.conformance.storage.harness import (
    StorageCase,
    Tamper,
    chunked,
    keys,
    read_stream,
    scenario,
)

TEN_MB = bytes(range(256)) * 40_960


class IntegrityTests(StorageCase):
    """What the storage promises about bytes."""

    @scenario
    async def test_a_stream_of_ten_megabytes_is_stored_and_read(self, storage: StorageProvider) -> None:
        stored = await storage.put_stream("big", chunked(TEN_MB, 300_001), content_type="video/mp4")
        assert (stored.size_bytes, stored.content_type) == (len(TEN_MB), "video/mp4")
        assert stored.sha256 == hashlib.sha256(TEN_MB).hexdigest()
        assert await storage.stat("big") == stored
        sizes = [len(chunk) async for chunk in storage.get_stream("big")]
        assert len(sizes) > 1
        assert await read_stream(storage, "big") == TEN_MB
        assert await storage.get("big") == TEN_MB

    @scenario
    async def test_ten_megabytes_at_once_are_stored_and_streamed(self, storage: StorageProvider) -> None:
        await storage.put("big", TEN_MB)
        assert await read_stream(storage, "big") == TEN_MB

    @pytest.mark.parametrize("data", [b"", b"x", b"xyz" * 1000], ids=len)
    @scenario
    async def test_small_streams_are_objects_like_others(self, storage: StorageProvider, data: bytes) -> None:
        stored = await storage.put_stream("x", chunked(data, 7))
        assert stored == await storage.put("x", data)
        assert await read_stream(storage, "x") == data

    @pytest.mark.parametrize("before", [None, b"old"], ids=["new", "replacing"])
    @scenario
    async def test_a_stream_that_breaks_off_leaves_what_was_there(
        self, storage: StorageProvider, before: bytes | None
    ) -> None:
        if before is not None:
            await storage.put("x", before)

        async def breaks() -> AsyncIterator[bytes]:
            yield b"half" * 1000
            raise ConnectionError("the source is gone")

        with pytest.raises(ConnectionError, match="the source is gone"):
            await storage.put_stream("x", breaks())
        assert await keys(storage) == ([] if before is None else ["x"])
        if before is not None:
            assert await storage.get("x") == before

    @scenario
    async def test_a_stream_that_is_cancelled_leaves_what_was_there(self, storage: StorageProvider) -> None:
        await storage.put("x", b"old")
        started = asyncio.Event()

        async def stalls() -> AsyncIterator[bytes]:
            yield b"half"
            started.set()
            await asyncio.sleep(60)

        writing = asyncio.create_task(storage.put_stream("x", stalls()))
        await started.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await storage.get("x") == b"old"

    @scenario
    async def test_a_stream_may_be_left_early(self, storage: StorageProvider) -> None:
        await storage.put("x", TEN_MB)
        stream = storage.get_stream("x")
        assert TEN_MB.startswith(await anext(stream))
        await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        assert await storage.delete("x")

    @scenario
    async def test_streaming_a_missing_object_says_so(self, storage: StorageProvider) -> None:
        with pytest.raises(StoredObjectMissingError, match="there is no object 'x'"):
            await read_stream(storage, "x")

    @pytest.mark.parametrize("data", [b"", b"changed!", b"longer than it was"])
    @scenario
    async def test_an_object_that_was_changed_is_refused(
        self, storage: StorageProvider, tamper: Tamper, data: bytes
    ) -> None:
        await storage.put("a/x", b"original")
        await tamper("a/x", data)
        with pytest.raises(StoredObjectChangedError, match="'a/x'"):
            await storage.get("a/x")
        with pytest.raises(StoredObjectChangedError, match="'a/x'"):
            await read_stream(storage, "a/x")
        await storage.put("a/x", b"mended")
        assert await storage.get("a/x") == b"mended"

    @scenario
    async def test_an_object_that_was_removed_is_missing(self, storage: StorageProvider, tamper: Tamper) -> None:
        await storage.put("x", b"original")
        await tamper("x", None)
        with pytest.raises(StoredObjectMissingError):
            await storage.get("x")
        assert await storage.stat("x") is None
        assert not await storage.delete("x")

    @scenario
    async def test_concurrent_writers_of_one_key_leave_one_whole_object(
        self, storage: StorageProvider, other: StorageProvider
    ) -> None:
        versions = [b"%d" % number * 5_000 for number in range(20)]
        await storage.put("x", versions[0])
        done = asyncio.Event()

        async def read() -> None:
            while not done.is_set():
                assert await storage.get("x") in versions
                await asyncio.sleep(0)

        reading = [asyncio.create_task(read()) for _ in range(2)]
        writers = ((storage if number % 2 else other).put("x", data) for number, data in enumerate(versions))
        await asyncio.gather(*writers)
        done.set()
        await asyncio.gather(*reading)
        assert await other.get("x") in versions
        assert await keys(storage) == ["x"]

    @scenario
    async def test_concurrent_writers_of_many_keys_lose_nothing(
        self, storage: StorageProvider, other: StorageProvider
    ) -> None:
        names = [f"deep/{number % 3}/{number:02}" for number in range(40)]
        await asyncio.gather(
            *((storage if number % 2 else other).put(name, name.encode()) for number, name in enumerate(names))
        )
        assert await keys(storage) == sorted(names)
        assert await asyncio.gather(*(other.get(name) for name in names)) == [name.encode() for name in names]

    @scenario
    async def test_concurrent_writing_and_deleting_leaves_all_or_nothing(
        self, storage: StorageProvider, other: StorageProvider
    ) -> None:
        for _ in range(5):
            await asyncio.gather(*(storage.put("x", b"1") for _ in range(3)), *(other.delete("x") for _ in range(3)))
            assert await keys(storage) in ([], ["x"])
            assert not await storage.exists("x") or await storage.get("x") == b"1"

    @scenario
    async def test_a_signed_address_opens_the_object(self, storage: StorageProvider) -> None:
        await storage.put("a b/ü%41#?.html", b"<p>tea</p>", content_type="text/html")
        address = await storage.signed_url("a b/ü%41#?.html", 60)

        def read() -> bytes:
            with urlopen(address) as answer:
                return answer.read()

        assert await asyncio.to_thread(read) == b"<p>tea</p>"

    @scenario
    async def test_there_is_no_signed_address_of_a_missing_object(self, storage: StorageProvider) -> None:
        with pytest.raises(StoredObjectMissingError):
            await storage.signed_url("x")

    @pytest.mark.parametrize("expires_s", [0, -1, 604_801])
    @scenario
    async def test_a_signed_address_lives_up_to_seven_days(self, storage: StorageProvider, expires_s: int) -> None:
        await storage.put("x", b"1")
        with pytest.raises(ProviderError, match="expires_s"):
            await storage.signed_url("x", expires_s)
