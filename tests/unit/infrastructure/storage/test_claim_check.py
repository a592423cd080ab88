"""Claim-check: the stub reads like the value where it matters, and leads to it alone."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.errors import ProviderError, StorageKeyError, StoredObjectChangedError, StoredObjectMissingError
from agent_framework.infrastructure.storage import ClaimCheck, is_stub
from agent_framework.infrastructure.storage.base import sha256_of
from agent_framework.types import JSONDict
from tests.support.memory_storage import MemoryStorage

ABSENT = "absent"


def go(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def claims(storage: MemoryStorage) -> ClaimCheck:
    return ClaimCheck(storage, "jobs/j1")


VALUE: JSONDict = {
    "confidence": 0.9,
    "summary": {"total": 12, "words": ["a", "b"], "detail": {"x": None}},
    "rows": [1, 2, 3],
    "note": "tea",
}


def test_a_stub_keeps_what_was_asked_for_at_its_place(claims: ClaimCheck, storage: MemoryStorage) -> None:
    stub = go(claims.put(VALUE, ["confidence", "summary.total", "summary.detail.x", "nothing", "rows.0", "note.a"]))
    stored = stub.pop("$stored")
    assert stub == {"confidence": 0.9, "summary": {"total": 12, "detail": {"x": None}}}
    (key,) = storage.objects
    assert stored == {"key": key, "sha256": sha256_of(storage.objects[key]), "size_bytes": len(storage.objects[key])}
    assert key == f"jobs/j1/{stored['sha256']}.json"


def test_the_value_comes_back(claims: ClaimCheck) -> None:
    stub = go(claims.put(VALUE, ["note"]))
    assert is_stub(stub)
    assert go(claims.get(stub)) == VALUE
    assert go(claims.get(json.loads(json.dumps(stub)))) == VALUE


def test_a_path_and_what_is_under_it_may_both_be_kept(claims: ClaimCheck) -> None:
    stub = go(claims.put(VALUE, ["summary.total", "summary", "summary.detail.x"]))
    assert stub["summary"] == VALUE["summary"]


def test_storing_again_stores_one_object(claims: ClaimCheck, storage: MemoryStorage) -> None:
    assert go(claims.put(VALUE)) == go(claims.put(dict(VALUE)))
    assert len(storage.objects) == 1


def test_a_value_may_have_a_field_of_the_stubs_name(claims: ClaimCheck) -> None:
    value: JSONDict = {"$stored": {"key": "x"}, "a": 1}
    stub = go(claims.put(value, ["$stored", "$stored.key", "a"]))
    assert is_stub(stub)
    assert stub["a"] == 1
    assert go(claims.get(stub)) == value


@pytest.mark.parametrize("value", [float("nan"), {1}, "\ud800"], ids=["nan", "set", "surrogate"])
def test_what_is_not_json_is_refused(claims: ClaimCheck, storage: MemoryStorage, value: Any) -> None:
    with pytest.raises(ProviderError, match="cannot be written as JSON"):
        go(claims.put({"value": value}))
    assert storage.objects == {}


GOOD = {"key": "jobs/j1/x.json", "sha256": "0" * 64, "size_bytes": 2}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"$stored": None},
        {"$stored": []},
        {"$stored": {}},
        {"$stored": {**GOOD, "more": 1}},
        {"$stored": {**GOOD, "key": 1}},
        {"$stored": {**GOOD, "sha256": "0" * 63}},
        {"$stored": {**GOOD, "sha256": "G" * 64}},
        {"$stored": {**GOOD, "size_bytes": "2"}},
        {"$stored": {**GOOD, "size_bytes": True}},
        {"stored": GOOD},
        [],
        "x",
        None,
    ],
    ids=str,
)
def test_what_is_no_stub_is_seen_and_refused(claims: ClaimCheck, value: Any) -> None:
    assert not is_stub(value)
    with pytest.raises(StorageKeyError, match="no stub"):
        go(claims.get(value))


@pytest.mark.parametrize("key", ["jobs/j2/x.json", "jobs/j1", "jobs/j10/x", "../jobs/j1/x", "/etc/passwd", ""])
def test_a_stub_that_leads_elsewhere_is_refused(claims: ClaimCheck, storage: MemoryStorage, key: str) -> None:
    storage.objects[key] = b"{}"
    with pytest.raises(StorageKeyError):
        go(claims.get({"$stored": {**GOOD, "key": key, "sha256": sha256_of(b"{}")}}))


@pytest.mark.parametrize("data", [b"", b"{}", b'{"n": 2}', b"not json"])
def test_a_stored_value_that_was_changed_is_refused(claims: ClaimCheck, storage: MemoryStorage, data: bytes) -> None:
    stub = go(claims.put({"n": 1}))
    go(storage.put(stub["$stored"]["key"], data))
    with pytest.raises(StoredObjectChangedError, match="is not the one"):
        go(claims.get(stub))


def test_a_stored_value_that_is_gone_is_missing(claims: ClaimCheck, storage: MemoryStorage) -> None:
    stub = go(claims.put(VALUE))
    storage.objects.clear()
    with pytest.raises(StoredObjectMissingError):
        go(claims.get(stub))


def test_an_object_that_is_no_json_object_is_refused(claims: ClaimCheck, storage: MemoryStorage) -> None:
    go(storage.put("jobs/j1/x.json", b"[]"))
    with pytest.raises(StoredObjectChangedError, match="JSON, but list"):
        go(claims.get({"$stored": {**GOOD, "sha256": sha256_of(b"[]")}}))


NAMES = st.sampled_from(["a", "b", "c", "$stored", "", "a-b"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map(".".join), max_size=6)


def read(value: Any, path: str) -> Any:
    """What a condition would read."""
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return ABSENT
        value = value[part]
    return value


@given(st.dictionaries(NAMES, VALUES, max_size=4), PATHS)
def test_kept_paths_read_the_same_from_stub_and_value(value: JSONDict, keep: list[str]) -> None:
    before = json.dumps(value)
    claims = ClaimCheck(MemoryStorage(), "p")

    async def main() -> None:
        stub = await claims.put(value, keep)
        assert is_stub(stub)
        for path in keep:
            if path.split(".")[0] != "$stored":
                assert read(stub, path) == read(value, path)
        assert await claims.get(stub) == value

    asyncio.run(main())
    assert json.dumps(value) == before, "the value is left as it was"
