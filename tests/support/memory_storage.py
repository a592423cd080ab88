"""A storage that a project could bring: only what a provider must have, in memory."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from agent_framework.errors import StoredObjectChangedError, StoredObjectMissingError
from agent_framework.infrastructure.storage import StorageProvider, StoredObject
from agent_framework.infrastructure.storage.base import (
    DEFAULT_TYPE,
    check_expires,
    check_key,
    check_prefix,
    check_put,
    sha256_of,
)
from agent_framework.types import JSONDict


class MemoryStorage(StorageProvider):
    """``objects`` holds the bytes; storages with the same ``objects`` and ``facts`` are one."""

    name = "memory"

    def __init__(self, objects: dict[str, bytes] | None = None, facts: dict[str, StoredObject] | None = None) -> None:
        self.objects = {} if objects is None else objects
        self._facts = {} if facts is None else facts

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "MemoryStorage":
        return cls(**config)

    async def put(self, key: str, data: bytes, *, content_type: str = DEFAULT_TYPE) -> StoredObject:
        check_put(key, content_type)
        self.objects[key] = data
        self._facts[key] = StoredObject(key, len(data), sha256_of(data), content_type, f"memory://{key}")
        return replace(self._facts[key])

    async def get(self, key: str) -> bytes:
        if check_key(key) not in self.objects:
            raise StoredObjectMissingError(f"there is no object {key!r}")
        if self._facts[key].sha256 != sha256_of(self.objects[key]):
            raise StoredObjectChangedError(f"{key!r} was changed")
        return self.objects[key]

    async def stat(self, key: str) -> StoredObject | None:
        return self._facts[key] if check_key(key) in self.objects else None

    async def delete(self, key: str) -> bool:
        return self.objects.pop(check_key(key), None) is not None

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        for key in sorted(self.objects, key=str.encode):
            if key.startswith(check_prefix(prefix)):
                yield key
        check_prefix(prefix)

    async def signed_url(self, key: str, expires_s: int = 3600) -> str:
        check_expires(expires_s)
        if check_key(key) not in self.objects:
            raise StoredObjectMissingError(f"there is no object {key!r}")
        return f"data:,{self.objects[key].decode()}"
