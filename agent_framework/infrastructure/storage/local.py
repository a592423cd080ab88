"""Storage in a folder: atomic writes, and a note beside each object with its type and hash."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agent_framework.errors import ProviderError, StorageKeyError
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.storage.base import StorageProvider, StoredObject, check_key, sha256_of
from agent_framework.types import JSONDict

_NOTES = ".meta"


class LocalStorageConfig(BaseModel):
    """``infrastructure.storage.config`` of provider ``local``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = ".agent-framework/storage"


class LocalStorage(StorageProvider):
    """Objects as files under ``root``; their notes under ``root/.meta``."""

    name = "local"

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "LocalStorage":
        """Make it from ``infrastructure.storage.config``; a relative path starts at ``root``."""
        settings: LocalStorageConfig = validated(LocalStorageConfig, config, what="storage provider local")
        return cls(root / settings.path)

    async def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> StoredObject:
        path, note = self._paths(key)
        stored = StoredObject(key, len(data), sha256_of(data), content_type, path.as_uri())
        try:
            await asyncio.to_thread(_write_both, path, data, note, stored)
        except OSError as exc:
            raise ProviderError(f"local storage {self.root}: {key} cannot be written: {exc.strerror}") from exc
        return stored

    async def get(self, key: str) -> bytes:
        path, _ = self._paths(key)
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError as exc:
            raise ProviderError(f"local storage {self.root}: there is no object {key!r}") from exc
        except OSError as exc:
            raise ProviderError(f"local storage {self.root}: {key} cannot be read: {exc.strerror}") from exc
        stored = await self.stat(key)
        if stored is not None and stored.sha256 != sha256_of(data):
            raise ProviderError(f"local storage {self.root}: {key} was changed since it was stored (its hash differs)")
        return data

    async def stat(self, key: str) -> StoredObject | None:
        path, note = self._paths(key)
        if not path.is_file():
            return None
        try:
            known = json.loads(await asyncio.to_thread(note.read_text, "utf-8"))
        except (OSError, ValueError) as exc:
            raise ProviderError(f"local storage {self.root}: the note of {key} is missing or damaged") from exc
        return StoredObject(key, known["size_bytes"], known["sha256"], known["content_type"], path.as_uri())

    async def delete(self, key: str) -> bool:
        path, note = self._paths(key)
        existed = path.is_file()
        path.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
        return existed

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        files = await asyncio.to_thread(lambda: sorted(path for path in self.root.rglob("*") if path.is_file()))
        for path in files:
            key = path.relative_to(self.root).as_posix()
            if not key.startswith(f"{_NOTES}/") and key.startswith(prefix):
                yield key

    def _paths(self, key: str) -> tuple[Path, Path]:
        check_key(key)
        if key.split("/")[0] == _NOTES:
            raise StorageKeyError(f"storage key {key!r}: {_NOTES} is where local storage keeps its own notes")
        path = self.root / key
        if not path.parent.resolve().is_relative_to(self.root.resolve()):
            raise StorageKeyError(f"storage key {key!r} leaves the storage's folder through a link")
        return path, self.root / _NOTES / f"{key}.json"


def _write_both(path: Path, data: bytes, note: Path, stored: StoredObject) -> None:
    text = json.dumps({"size_bytes": stored.size_bytes, "sha256": stored.sha256, "content_type": stored.content_type})
    _write_atomically(note, text.encode())
    _write_atomically(path, data)


def _write_atomically(path: Path, data: bytes) -> None:
    """Write beside the target, sync, and rename over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
