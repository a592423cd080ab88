"""Claim-check: a large value goes to the storage, a small stub that is read almost like it stays where the value was.

    stub = await claims.put(output, keep=["confidence", "summary.total"])
    {"$stored": {"key": ..., "sha256": ..., "size_bytes": ...}, "confidence": 0.9, "summary": {"total": 12}}

It knows nothing of databases or queues; whoever meets a size limit uses it.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeGuard

from agent_framework.errors import StorageKeyError, StoredObjectChangedError
from agent_framework.infrastructure._json import to_json, to_object
from agent_framework.infrastructure.storage.base import StorageProvider, check_key
from agent_framework.types import JSONDict, is_object

MARK = "$stored"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ABSENT = object()


def is_stub(value: object) -> TypeGuard[JSONDict]:
    """Whether ``value`` has the form of a stub. A value from outside can have it too: check before storing it."""
    if not is_object(value):
        return False
    stored: object = value.get(MARK)
    return (
        is_object(stored)
        and stored.keys() == {"key", "sha256", "size_bytes"}
        and isinstance(stored["key"], str)
        and isinstance(stored["sha256"], str)
        and _SHA256.fullmatch(stored["sha256"]) is not None
        and type(stored["size_bytes"]) is int
    )


class ClaimCheck:
    """Stores values as JSON under ``prefix``, each under its own hash: storing one again changes nothing."""

    def __init__(self, storage: StorageProvider, prefix: str) -> None:
        self._storage = storage
        self._prefix = f"{check_key(prefix.rstrip('/'))}/"

    async def put(self, value: JSONDict, keep: Collection[str] = ()) -> JSONDict:
        """Store ``value`` and return its stub; the dotted paths of ``keep`` read the same in both.

        Raises:
            ProviderError: the value is not JSON, or the storage refuses it.
        """
        data = to_json(value, what="a value for the storage").encode()
        sha256 = hashlib.sha256(data).hexdigest()
        key = f"{self._prefix}{sha256}.json"
        await self._storage.put(key, data, content_type="application/json")
        return {**kept(value, keep), MARK: {"key": key, "sha256": sha256, "size_bytes": len(data)}}

    async def get(self, stub: Mapping[str, Any]) -> JSONDict:
        """The value that ``stub`` stands for.

        Raises:
            StorageKeyError: it is no stub, or leads out of ``prefix``.
            StoredObjectMissingError: the stored value is gone.
            StoredObjectChangedError: the stored value is not the one that the stub was made for.
        """
        if not is_stub(stub):
            raise StorageKeyError(f"this is no stub of a stored value: it has no {MARK!r} with key, sha256, size_bytes")
        stored = stub[MARK]
        key = check_key(stored["key"])
        if not key.startswith(self._prefix):
            raise StorageKeyError(f"the stub leads to {key!r}, which is not under {self._prefix!r}")
        data = await self._storage.get(key)
        if len(data) != stored["size_bytes"] or hashlib.sha256(data).hexdigest() != stored["sha256"]:
            raise StoredObjectChangedError(f"the stored value {key!r} is not the one that its stub was made for")
        try:
            return to_object(data)
        except ValueError as exc:
            raise StoredObjectChangedError(f"the stored value {key!r} is {exc}") from exc


def kept(value: Mapping[str, Any], keep: Collection[str]) -> JSONDict:
    """The part of ``value`` that the dotted paths of ``keep`` name, each at its own place; absent ones stay absent.

    A path steps through objects only, like the paths of conditions. What is under ``$stored`` is never kept.
    """
    result: JSONDict = {}
    for path in sorted(keep):  # a path comes before those that go deeper
        parts = path.split(".")
        found = _read(value, parts)
        if found is not _ABSENT and parts[0] != MARK:
            _place(result, parts, found)
    return result


def _read(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if not is_object(value) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _place(result: JSONDict, parts: list[str], found: Any) -> None:
    """Put ``found`` at its place, unless something above it is there whole."""
    level = result
    for part in parts[:-1]:
        level = level.setdefault(part, {})
    level[parts[-1]] = found
