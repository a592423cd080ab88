"""The contract of a storage: named objects of bytes under one root, each with a hash.

Keys are relative POSIX paths that every backend can keep; `check_key` refuses everything else, in one place.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from agent_framework.errors import StorageKeyError

MAX_KEY_BYTES = 900
_PART = re.compile(r"[^\x00-\x1f\x7f\\]+")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of a stored object. ``url`` opens it where it is: a ``file://`` or ``s3://`` address."""

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
    try:
        key.encode()
    except UnicodeEncodeError as exc:
        raise StorageKeyError(f"storage key {key[:80]!r}: is not valid Unicode") from exc
    return key


def sha256_of(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


class StorageProvider(ABC):
    """Where files live. `StorageKeyError` means a bad key, `ProviderError` what the backend refuses."""

    name: str = "custom"

    @abstractmethod
    async def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> StoredObject:
        """Store ``data`` under ``key``, whole or not at all, replacing what was there."""

    @abstractmethod
    async def get(self, key: str) -> bytes:
        """The object's bytes.

        Raises:
            ProviderError: there is none, or what is there is not what was stored.
        """

    @abstractmethod
    async def stat(self, key: str) -> StoredObject | None:
        """What is known of the object; None if there is none."""

    @abstractmethod
    async def delete(self, key: str) -> bool:
        """Delete the object; whether there was one."""

    @abstractmethod
    def list(self, prefix: str = "") -> AsyncIterator[str]:
        """Keys that start with ``prefix``, in order."""

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return await self.stat(key) is not None

    async def close(self) -> None:  # noqa: B027 - a folder or a bucket holds nothing
        """Release what the provider holds."""
