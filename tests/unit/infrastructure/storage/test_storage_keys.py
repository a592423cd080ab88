"""Storage keys: what every backend can keep, and nothing that leaves its root."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.errors import StorageKeyError
from agent_framework.infrastructure.storage.base import check_key
from agent_framework.infrastructure.storage.local import LocalStorage

HOSTILE = [
    "", "/", "//", ".", "..", "./a", "a/.", "a/..", "../a", "a/../b", "a/../../b", "a//b", "/a", "a/", "/etc/passwd",
    "..\\a", "a\\b", "\\\\server\\share", "C:\\x", "\x00", "a\x00b", "a\nb", "a\rb", "\x1b[31m", "a\x7f", " a", "a ",
    "a/ b", "a /b", "\ta", "a\t", "\u3000a", "\ud800", "a/\udfff", "x" * 251, "é" * 126, "a/" * 451, "x/" * 500 + "x",
    "\u00a0", "a/\u2003/b", ".. /a", "... /../a",
]  # fmt: skip
GOOD = [
    "a", "a.txt", "reports/2026/summary.html", "...", "..a", "a..", ".hidden", "é/ü.json", "💥", "a b/c d", "x" * 250,
    "a%2e%2e/b", "a:b", "~", "-rf", "$HOME", "a;b", "con", "a'b\"c", "/".join("x" * 20),
]  # fmt: skip


@pytest.mark.parametrize("key", HOSTILE, ids=[f"{index}: {key[:20]!a}" for index, key in enumerate(HOSTILE)])
def test_a_key_that_some_backend_cannot_keep_is_refused(key: str) -> None:
    with pytest.raises(StorageKeyError, match="storage key"):
        check_key(key)


@pytest.mark.parametrize("key", GOOD)
def test_a_good_key_is_kept_as_it_is(key: str) -> None:
    assert check_key(key) == key


@given(st.text(max_size=30) | st.text(alphabet="./\\ab \x00~", max_size=12))
def test_whatever_is_accepted_stays_under_the_root(key: str) -> None:
    root = Path("/some/root")
    try:
        check_key(key)
    except StorageKeyError as exc:
        assert "storage key" in str(exc)  # noqa: PT017 - most are refused
        return
    target = Path(str(root / key)).resolve()
    assert target.is_relative_to(root)
    assert target != root


@pytest.mark.parametrize("key", [".meta", ".meta/a.json", ".meta/notes/x"])
def test_no_key_reaches_the_notes_of_local_storage(tmp_path: Path, key: str) -> None:
    with pytest.raises(StorageKeyError):
        asyncio.run(LocalStorage(tmp_path).put(key, b"{}"))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
