"""Documents: the compare-and-set store under budgets, sessions, approvals and caches."""

import pytest

from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.testing.conformance.database.harness import Case, Sleep, scenario

_PREFIXED = ["a%b", "a_b", "axb", "a", "ab/c", "ab/d", "b", "é/x", "A%b"]


class DocumentTests(Case):
    """What the four document methods promise."""

    @scenario
    async def test_a_new_document_has_version_one(self, db: DatabaseProvider) -> None:
        stored = await db.put_document("budget", "job", {"usd": 1.5}, expected_version=0)
        assert stored is not None
        assert (stored.namespace, stored.key, stored.body, stored.version) == ("budget", "job", {"usd": 1.5}, 1)
        assert stored.expires_at is None
        assert await db.get_document("budget", "job") == stored

    @scenario
    async def test_a_missing_document_is_none(self, db: DatabaseProvider) -> None:
        assert await db.get_document("budget", "job") is None

    @scenario
    async def test_each_write_raises_the_version(self, db: DatabaseProvider) -> None:
        for version in range(4):
            stored = await db.put_document("n", "k", {"v": version}, expected_version=version)
            assert stored is not None
            assert (stored.version, stored.body) == (version + 1, {"v": version})

    @pytest.mark.parametrize("expected", [0, 1, 3, 99])
    @scenario
    async def test_another_version_writes_nothing(self, db: DatabaseProvider, expected: int) -> None:
        await db.put_document("n", "k", {"v": 1}, expected_version=0)
        await db.put_document("n", "k", {"v": 2}, expected_version=1)
        assert await db.put_document("n", "k", {"v": "wrong"}, expected_version=expected) is None
        kept = await db.get_document("n", "k")
        assert kept is not None
        assert (kept.body, kept.version) == ({"v": 2}, 2)

    @scenario
    async def test_a_version_of_a_missing_document_writes_nothing(self, db: DatabaseProvider) -> None:
        assert await db.put_document("n", "k", {}, expected_version=1) is None
        assert await db.get_document("n", "k") is None

    @scenario
    async def test_namespaces_are_apart(self, db: DatabaseProvider) -> None:
        await db.put_document("one", "k", {"n": 1}, expected_version=0)
        assert await db.get_document("two", "k") is None
        assert await db.put_document("two", "k", {"n": 2}, expected_version=0) is not None
        assert [document.body for document in await db.list_documents("one")] == [{"n": 1}]

    @scenario
    async def test_an_expired_document_is_gone(self, db: DatabaseProvider, sleep: Sleep) -> None:
        stored = await db.put_document("n", "k", {"v": 1}, expected_version=0, ttl_s=0.3)
        assert stored is not None
        assert stored.expires_at == pytest.approx(await db.now() + 0.3, abs=0.2)
        assert await db.get_document("n", "k") is not None
        await sleep(0.4)
        assert await db.get_document("n", "k") is None
        assert await db.list_documents("n") == []
        assert await db.put_document("n", "k", {"v": 2}, expected_version=1) is None

    @scenario
    async def test_an_expired_document_can_be_made_anew(self, db: DatabaseProvider, sleep: Sleep) -> None:
        await db.put_document("n", "k", {"v": 1}, expected_version=0, ttl_s=0.2)
        assert await db.put_document("n", "k", {"v": 2}, expected_version=0) is None
        await sleep(0.3)
        stored = await db.put_document("n", "k", {"v": 2}, expected_version=0)
        assert stored is not None
        assert (stored.body, stored.expires_at) == ({"v": 2}, None)
        assert await db.get_document("n", "k") == stored

    @scenario
    async def test_a_write_renews_or_drops_the_expiry(self, db: DatabaseProvider, sleep: Sleep) -> None:
        await db.put_document("n", "k", {}, expected_version=0, ttl_s=0.3)
        await db.put_document("n", "k", {}, expected_version=1)
        await sleep(0.4)
        assert await db.get_document("n", "k") is not None

    @scenario
    async def test_deleting_tells_whether_there_was_one(self, db: DatabaseProvider) -> None:
        assert not await db.delete_document("n", "k")
        await db.put_document("n", "k", {}, expected_version=0)
        assert await db.delete_document("n", "k")
        assert not await db.delete_document("n", "k")
        assert await db.get_document("n", "k") is None

    @scenario
    async def test_deleting_at_a_version_needs_that_version(self, db: DatabaseProvider) -> None:
        await db.put_document("n", "k", {"v": 1}, expected_version=0)
        await db.put_document("n", "k", {"v": 2}, expected_version=1)
        assert not await db.delete_document("n", "k", expected_version=1)
        assert await db.get_document("n", "k") is not None
        assert await db.delete_document("n", "k", expected_version=2)

    @scenario
    async def test_a_deleted_document_can_be_made_anew(self, db: DatabaseProvider) -> None:
        await db.put_document("n", "k", {"v": 1}, expected_version=0)
        await db.delete_document("n", "k")
        assert await db.put_document("n", "k", {"v": 2}, expected_version=0) is not None

    @scenario
    async def test_documents_are_listed_by_key(self, db: DatabaseProvider) -> None:
        for key in ("b", "a/2", "c", "a/10", "B"):
            await db.put_document("n", key, {"key": key}, expected_version=0)
        assert [document.key for document in await db.list_documents("n")] == ["B", "a/10", "a/2", "b", "c"]
        assert [document.key for document in await db.list_documents("n", limit=2)] == ["B", "a/10"]

    @pytest.mark.parametrize(
        ("prefix", "keys"),
        [
            ("a%", ["a%b"]),
            ("a_", ["a_b"]),
            ("a", ["a", "a%b", "a_b", "ab/c", "ab/d", "axb"]),
            ("ab/", ["ab/c", "ab/d"]),
            ("é", ["é/x"]),
            ("%", []),
            ("zzz", []),
        ],
    )
    @scenario
    async def test_a_prefix_is_taken_literally(self, db: DatabaseProvider, prefix: str, keys: list[str]) -> None:
        for key in _PREFIXED:
            await db.put_document("n", key, {}, expected_version=0)
        assert [document.key for document in await db.list_documents("n", prefix=prefix)] == keys

    @scenario
    async def test_a_page_begins_behind_the_last_key_of_the_one_before(self, db: DatabaseProvider) -> None:
        for key in _PREFIXED:
            await db.put_document("n", key, {}, expected_version=0)
        found: list[str] = []
        while page := await db.list_documents("n", limit=2, after=found[-1] if found else None):
            found += [document.key for document in page]
        assert found == sorted(_PREFIXED)
        for after, keys in (("ab/c", ["ab/d"]), ("ab/d", []), ("a", ["ab/c", "ab/d"]), ("b", [])):
            assert [document.key for document in await db.list_documents("n", prefix="ab/", after=after)] == keys, after

    @scenario
    async def test_what_expired_long_ago_is_purged_some_at_a_time(self, db: DatabaseProvider, sleep: Sleep) -> None:
        for key in ("a", "b", "c"):
            await db.put_document("n", key, {}, expected_version=0, ttl_s=0.1)
        await db.put_document("n", "later", {}, expected_version=0, ttl_s=100.0)
        await db.put_document("n", "never", {}, expected_version=0)
        await sleep(0.2)
        await db.put_document("n", "c", {"anew": True}, expected_version=0)
        assert await db.purge_documents() == 0, "it waits a day"
        purged = [await db.purge_documents(expired_for_s=0.0, limit=1) for _ in range(3)]
        assert purged in ([1, 1, 0], [0, 0, 0]), "a database that removes them by itself has nothing to do"
        assert [document.key for document in await db.list_documents("n")] == ["c", "later", "never"]

    @pytest.mark.parametrize("key", ["a b", "a'b", 'a"b', "a\\b", "ключ", "a:b", ":name", "%s", "a" * 300, "🗝️"])
    @scenario
    async def test_any_text_is_a_key(self, db: DatabaseProvider, key: str) -> None:
        assert await db.put_document("n", key, {"k": key}, expected_version=0) is not None
        found = await db.get_document("n", key)
        assert found is not None
        assert (found.key, found.body) == (key, {"k": key})
        assert [document.key for document in await db.list_documents("n", prefix=key)] == [key]
