"""Storage in a folder: plain files that a browser opens, durable writes, and a hash for each."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from agent_framework.errors import StoredObjectMissingError
from agent_framework.infrastructure._places import check_folder
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.storage._folder import Folder
from agent_framework.infrastructure.storage.base import (
    CHUNK_BYTES,
    DEFAULT_TYPE,
    StorageProvider,
    StoredObject,
    check_expires,
    check_key,
    check_prefix,
    check_put,
)
from agent_framework.types import JSONDict

T = TypeVar("T")


class LocalStorageConfig(BaseModel):
    """``infrastructure.storage.config`` of provider ``local``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = ".agent-framework/storage"


class LocalStorage(StorageProvider):
    """Objects as files under ``root``, which processes may share; it is made when something is stored."""

    name = "local"

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()
        self._folder = Folder(self.root, f"storage provider {self.name} ({self.root})", self.check)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "LocalStorage":
        """Make it from ``infrastructure.storage.config``; a relative path starts at ``root``."""
        settings: LocalStorageConfig = validated(LocalStorageConfig, config, what="storage provider local")
        return cls(root / settings.path)

    def check(self) -> None:
        """Called before anything is touched: raise `ProviderError` if the folder must not be used."""

    async def put(self, key: str, data: bytes, *, content_type: str = DEFAULT_TYPE) -> StoredObject:
        check_put(key, content_type)

        def write() -> StoredObject:
            draft = self._folder.draft()
            try:
                draft.write(data)
                return self._folder.commit(draft, key, content_type)
            finally:
                draft.discard()

        return await self._run(key, "written", write)

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], *, content_type: str = DEFAULT_TYPE
    ) -> StoredObject:
        check_put(key, content_type)
        draft = await self._run(key, "written", self._folder.draft)
        try:
            async for chunk in chunks:
                await self._run(key, "written", lambda chunk=chunk: draft.write(chunk))
            return await self._run(key, "written", lambda: self._folder.commit(draft, key, content_type))
        finally:
            draft.discard()

    async def get(self, key: str) -> bytes:
        def read() -> bytes:
            reader, known = self._folder.open(key)
            try:
                data = reader.read()
            finally:
                reader.close()
            reader.verify(known)
            return data

        return await self._run(check_key(key), "read", read)

    async def get_stream(self, key: str) -> AsyncIterator[bytes]:
        reader, known = await self._run(check_key(key), "read", lambda: self._folder.open(key))
        try:
            while chunk := await self._run(key, "read", lambda: reader.read(CHUNK_BYTES)):
                yield chunk
            reader.verify(known)
        finally:
            reader.close()

    async def stat(self, key: str) -> StoredObject | None:
        return await self._run(check_key(key), "read", lambda: self._folder.stat(key))

    async def delete(self, key: str) -> bool:
        return await self._run(check_key(key), "deleted", lambda: self._folder.delete(key))

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        for key in await self._run(check_prefix(prefix), "listed", lambda: self._folder.keys(prefix)):
            yield key

    async def signed_url(self, key: str, expires_s: int = 3600) -> str:
        check_expires(expires_s)
        stored = await self.stat(key)
        if stored is None:
            raise StoredObjectMissingError(f"storage provider {self.name} ({self.root}): there is no object {key!r}")
        return stored.url

    async def probe(self) -> str:
        found = await super().probe()
        await asyncio.to_thread(check_folder, self.root, f"storage provider {self.name} ({self.root})")
        return found

    async def _run(self, key: str, tried: str, work: Callable[[], T]) -> T:
        with self._folder.errors(key, tried):
            return await asyncio.to_thread(work)
