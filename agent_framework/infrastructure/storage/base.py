"""The contract of a storage: named objects of bytes under one root, each with its type and its hash.

Keys are relative POSIX paths that every backend can keep; `check_key` refuses everything else, in one place.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from agent_framework.errors import ProviderError, StorageKeyError

MAX_KEY_BYTES = 900
CHUNK_BYTES = 1 << 20
"""How much a stream reads at once."""
MAX_EXPIRES_S = 604_800
DEFAULT_TYPE = "application/octet-stream"

_PART = re.compile(r"[^\x00-\x1f\x7f\\]+")
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;[\x20-\x7e]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of a stored object. ``url`` names where it is: a ``file://`` or ``s3://`` address."""

    key: str
    size_bytes: int
    sha256: str
    content_type: str
    url: str


def check_key(key: str) -> str:
    """``key`` if every backend can keep it and it stays under its root.

    Raises:
        StorageKeyError: it is empty, absolute, leaves the root, or has parts that not every backend takes.
    """
    parts = key.split("/")
    if not key or len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise StorageKeyError(f"storage key {key[:80]!r}: must have 1 to {MAX_KEY_BYTES} bytes")
    for part in parts:
        if part in ("", ".", "..") or not _PART.fullmatch(part) or part != part.strip():
            raise StorageKeyError(
                f"storage key {key[:80]!r}: the part {part[:80]!r} is not allowed; write a relative path such as "
                "'reports/2026/summary.html'"
            )
        if len(part.encode("utf-8", "surrogatepass")) > 250:
            raise StorageKeyError(f"storage key {key[:80]!r}: a part is longer than 250 bytes")
    if parts[0] == ".meta":
        raise StorageKeyError(f"storage key {key[:80]!r}: .meta is where storages in a folder keep their own notes")
    try:
        key.encode()
    except UnicodeEncodeError as exc:
        raise StorageKeyError(f"storage key {key[:80]!r}: is not valid Unicode") from exc
    return key


def check_prefix(prefix: str) -> str:
    """``prefix`` if it can begin a key; empty means all keys. Raises as `check_key`."""
    if prefix:
        check_key(prefix.removesuffix("/") if prefix != "/" else prefix)
    return prefix


def check_put(key: str, content_type: str) -> str:
    """``key`` if it and the content type can be stored.

    Raises:
        StorageKeyError: as `check_key`.
        ProviderError: the content type is not one; headers are made of it.
    """
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise ProviderError(
            f"storage: content type {content_type[:80]!r} of {key[:80]!r}: write one such as 'text/html'"
        )
    return check_key(key)


def check_expires(expires_s: int) -> int:
    """``expires_s`` if a signed address can live so long.

    Raises:
        ProviderError: it is not 1 to 604,800 (seven days).
    """
    if not 1 <= expires_s <= MAX_EXPIRES_S:
        raise ProviderError(f"storage: expires_s {expires_s}: must be 1 to {MAX_EXPIRES_S:,} s (seven days)")
    return expires_s


def sha256_of(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


class StorageProvider(ABC):
    """Where files live. `StorageKeyError` means a bad key, `ProviderError` what the backend refuses."""

    name: str = "custom"

    @abstractmethod
    async def put(self, key: str, data: bytes, *, content_type: str = DEFAULT_TYPE) -> StoredObject:
        """Store ``data`` under ``key``, whole or not at all, replacing what was there."""

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], *, content_type: str = DEFAULT_TYPE
    ) -> StoredObject:
        """Store what ``chunks`` yields, whole or not at all: if it raises, what was there before stays.

        Unless a backend does better, everything is held in memory.
        """
        return await self.put(key, b"".join([chunk async for chunk in chunks]), content_type=content_type)

    @abstractmethod
    async def get(self, key: str) -> bytes:
        """The object's bytes.

        Raises:
            StoredObjectMissingError: there is none.
            StoredObjectChangedError: what is there is not what was stored.
        """

    async def get_stream(self, key: str) -> AsyncIterator[bytes]:
        """The object's bytes in chunks. The hash is known at the end: a changed object raises after its last chunk.

        Raises:
            StoredObjectMissingError: there is none.
            StoredObjectChangedError: what was read is not what was stored; do not use it.
        """
        data = await self.get(key)
        for start in range(0, len(data), CHUNK_BYTES):
            yield data[start : start + CHUNK_BYTES]

    @abstractmethod
    async def stat(self, key: str) -> StoredObject | None:
        """What is known of the object, without reading it; None if there is none."""

    @abstractmethod
    async def delete(self, key: str) -> bool:
        """Delete the object; whether there was one."""

    @abstractmethod
    def list(self, prefix: str = "") -> AsyncIterator[str]:
        """Keys that start with ``prefix``, in the order of their UTF-8 bytes."""

    @abstractmethod
    async def signed_url(self, key: str, expires_s: int = 3600) -> str:
        """An address that opens the object without credentials for ``expires_s`` seconds (1 to 604,800).

        In a folder it is the ``file://`` address, which does not expire.

        Raises:
            StoredObjectMissingError: there is none.
        """

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return await self.stat(key) is not None

    async def probe(self) -> str:
        """Look whether the storage can be used, and write nothing: what was found, in a few words.

        Raises:
            ProviderError: it cannot be reached, refuses us, or does not exist.
        """
        async for _ in self.list():
            return "it can be read, and holds objects"
        return "it can be read, and is empty"

    async def close(self) -> None:  # noqa: B027 - not every backend holds something
        """Release what the provider holds."""
