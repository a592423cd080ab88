"""Keys: all good ones can be kept beside each other, all others are refused by every method."""

import pytest

from agent_framework.errors import StorageKeyError
from agent_framework.infrastructure.storage.base import MAX_KEY_BYTES, StorageProvider
from agent_framework.testing.conformance.storage.harness import StorageCase, chunked, keys, read_stream, scenario

GOOD_KEYS = [
    "a", "a.json", "a.json.json", "a b", "reports/2026/summary.html", ".hidden", "..a", "a..", "...", "a/.../b", "~",
    "-rf", "$HOME", "a;b", "a'b\"c", "a%2e%2e", "a%2Fb", "a+b", "a:b", "a?b", "a#b", "a&b=c", "a*b", "a|b", "<a>",
    "{a}", "CON", "ключ", "é", "e\u0301", "日本/語.txt", "👩‍👩‍👧", "שלום", "a\u202eb", "\u200b", "x" * 250,
    "/".join(["y" * 100] * 8),
]  # fmt: skip
HOSTILE_KEYS = [
    "", "/", "//", ".", "..", "./a", "a/.", "a/./b", "../a", "../../etc/passwd", "a/..", "a/../b", "a/../../b", "/a",
    "/etc/passwd", "a/", "a//b", "..\\a", "a\\b", "\\\\server\\share", "\x00", "a\x00b", "a\nb", "a\rb", "a\tb",
    "\x1b[31m", "a\x7f", " a", "a ", "a/ b", "a /b", "\u3000a", "\ud800", "a/\udfff", "x" * 251, "é" * 126,
    "x/" * 451 + "x", ".meta", ".meta/notes/a", "/".join(["z" * 200] * 6),
]  # fmt: skip
HOSTILE_PREFIXES = ["/", "..", "../", "a/../", "./", "a//", "a\x00", "/etc/", "\\", "../../etc/pass"]


class KeyTests(StorageCase):
    """What a key may be."""

    @scenario
    async def test_good_keys_are_kept_beside_each_other(self, storage: StorageProvider) -> None:
        for key in GOOD_KEYS:
            await storage.put(key if key != "a" else "a-folder-of-its-own/a", key.encode())
        for key in GOOD_KEYS:
            assert await storage.get(key if key != "a" else "a-folder-of-its-own/a") == key.encode()
        assert len(await keys(storage)) == len(GOOD_KEYS)

    @scenario
    async def test_the_longest_key_is_kept(self, storage: StorageProvider) -> None:
        key = "/".join(["x" * 99] * 9)
        assert len(key) == MAX_KEY_BYTES - 1
        await storage.put(key, b"1")
        assert await keys(storage, key) == [key]

    @pytest.mark.parametrize("key", HOSTILE_KEYS, ids=[f"{n} {key[:20]!a}" for n, key in enumerate(HOSTILE_KEYS)])
    @scenario
    async def test_row_35_every_method_refuses_a_hostile_key(self, storage: StorageProvider, key: str) -> None:
        for attempt in (
            storage.put(key, b"1"),
            storage.put_stream(key, chunked(b"1")),
            storage.get(key),
            read_stream(storage, key),
            storage.stat(key),
            storage.exists(key),
            storage.delete(key),
            storage.signed_url(key),
        ):
            with pytest.raises(StorageKeyError, match="storage key"):
                await attempt
        assert await keys(storage) == []

    @pytest.mark.parametrize("prefix", HOSTILE_PREFIXES, ids=ascii)
    @scenario
    async def test_row_35_a_hostile_prefix_is_refused(self, storage: StorageProvider, prefix: str) -> None:
        with pytest.raises(StorageKeyError, match="storage key"):
            await keys(storage, prefix)
