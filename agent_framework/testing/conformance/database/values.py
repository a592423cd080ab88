"""Values: whatever is JSON comes back as it was, and what is not is refused with a clear error."""

from functools import reduce
from typing import Any

import pytest

from agent_framework.errors import ProviderError
from agent_framework.infrastructure.database.base import DatabaseProvider
from agent_framework.testing.conformance.database.harness import (
    Case,
    kept_or_refused,
    new_job,
    same,
    scenario,
    started,
    success,
)

_VALUES: dict[str, tuple[Any, str | None]] = {
    "empty object": ({}, None),
    "empty list": ([], None),
    "empty string": ("", None),
    "null": (None, None),
    "booleans beside numbers": ([True, 1, False, 0], None),
    "nested empties": ({"a": {}, "b": [], "c": "", "d": [[], {}, None]}, None),
    "accents": ("Grüße aus Kōbe, naïve café", None),
    "emoji": ("👩‍👩‍👧 🇩🇪 🏴‍☠️", None),
    "right to left": ("שלום עולם مرحبا \u202eabc\u202c", None),
    "chinese": ("数据分析报告", None),
    "beyond the basic plane": ("𝒳𐍈", None),
    "combining and not": (["e\u0301", "é"], None),
    "control characters": ("tab\t newline\n return\r bell\u0007 nul\u0000 del\u007f", None),
    "line separators": ("a\u2028b\u2029c", None),
    "quotes and backslashes": ("'\"`\\ \\n \\u0041 $1 %s :name ? {}", None),
    "sql": ("'; DROP TABLE jobs; --", None),
    "looks like a time": ("2026-01-01T00:00:00Z", None),
    "looks like a number": (["007", "1e5", "-0"], None),
    "odd keys": ({"a.b": 1, "c d": 2, "e'f": 3, 'g"h': 4, "": 5, "$i": 6, "#j": 7, ":k": 8, "l\\m": 9, "%s": 10}, None),
    "keys of any script": ({"ключ": 1, "🔑": 2, "مفتاح": 3}, None),
    "many keys": ({f"key_{n}": n for n in range(1000)}, None),
    "integers": ([0, -1, 2**31, -(2**31), 2**53, 2**53 + 1, 2**63 - 1, -(2**63)], None),
    "floats": ([0.1, 0.1 + 0.2, 1 / 3, -2.5, 1e-7, 123456789.123456789, 3.141592653589793], None),
    "whole floats": ([1.0, 0.0, 1e15, -3.0], None),
    "large floats": ([1e22, 1.5e100, 1e-100], None),
    "extreme floats": ([1.7976931348623157e308, 5e-324, 2.2250738585072014e-308], "extreme_floats"),
    "a 38-digit integer": (int("9" * 38), None),
    "39-digit integers": ([int("1" * 39), -int("9" * 39)], "big_integers"),
    "a 200-digit integer": (10**200 + 7, "big_integers"),
    "deep lists": (reduce(lambda inner, _: [inner], range(100), "bottom"), None),
    "deep objects": (reduce(lambda inner, n: {f"level_{n}": inner}, range(100), "bottom"), None),
    "100 KB of text": ("0123456789" * 10_240, None),
    "100 KB in small pieces": ([{"n": n, "text": "x" * 40} for n in range(1700)], None),
    "1 MB of text": ("éñ漢🎉" * 95_000, "large_values"),
}

_REFUSED = {
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "a lone surrogate": "\ud800",
    "bytes": b"bytes",
    "a set": {1, 2},
}
_NAMES = ["Grüße", "o'brien", 'a "quoted" name', "用户", "👤", "a:b", "%s", "x" * 200, " spaces "]


class ValueTests(Case):
    """What every method promises about the JSON it is given."""

    @pytest.mark.parametrize("name", _VALUES)
    @scenario
    async def test_an_output_comes_back_as_it_was(self, db: DatabaseProvider, name: str) -> None:
        value, capability = _VALUES[name]
        payload = {"value": value}
        job_id = await new_job(db)
        must = capability is None or capability in self.capabilities
        if await kept_or_refused(lambda: db.store_agent_output(job_id, "writer", payload), must=must):
            self._check(await db.get_agent_output(job_id, "writer"), payload)
            job = await db.get_job(job_id)
            assert job is not None
            self._check(job.agent_results, {"writer": payload})

    @pytest.mark.parametrize("name", _VALUES)
    @scenario
    async def test_a_request_and_a_document_come_back_as_they_were(self, db: DatabaseProvider, name: str) -> None:
        value, capability = _VALUES[name]
        payload = {"value": value}
        must = capability is None or capability in self.capabilities
        ids: list[str] = []

        async def write() -> None:
            ids.append(await new_job(db, payload))
            await db.put_document("n", "k", payload, expected_version=0)

        if await kept_or_refused(write, must=must):
            snapshot = await db.load(ids[0])
            assert snapshot is not None
            self._check(snapshot.job.request_payload, payload)
            document = await db.get_document("n", "k")
            assert document is not None
            self._check(document.body, payload)

    @pytest.mark.parametrize("name", ["emoji", "odd keys", "integers", "floats", "deep objects", "100 KB of text"])
    @scenario
    async def test_an_outcome_comes_back_as_it_was(self, db: DatabaseProvider, name: str) -> None:
        payload = {"value": _VALUES[name][0]}
        key = await started(db)
        assert await db.commit_outcome(key, "worker", success(payload), produced_by="writer")
        [result] = await db.get_results(key.job_id)
        self._check(result.payload, payload)

    @pytest.mark.parametrize("place", ["job", "output", "outcome", "document"])
    @pytest.mark.parametrize("name", _REFUSED)
    @scenario
    async def test_row_22_what_is_not_json_is_refused(self, db: DatabaseProvider, name: str, place: str) -> None:
        payload = {"deep": [{"value": _REFUSED[name]}]}
        key = await started(db)
        writes = {
            "job": lambda: new_job(db, payload),
            "output": lambda: db.store_agent_output(key.job_id, "writer", payload),
            "outcome": lambda: db.commit_outcome(key, "worker", success(payload), produced_by="writer"),
            "document": lambda: db.put_document("n", "k", payload, expected_version=0),
        }
        with pytest.raises(ProviderError):
            await writes[place]()
        assert len(await db.list_jobs()) == 1
        assert await db.get_agent_output(key.job_id, "writer") is None
        assert await db.get_document("n", "k") is None
        assert await db.commit_outcome(key, "worker", success({"n": 1}), produced_by="writer")

    @pytest.mark.parametrize("text", _NAMES)
    @scenario
    async def test_users_types_and_errors_are_any_text(self, db: DatabaseProvider, text: str) -> None:
        job_id = await db.create_job(text, text, {}, client_key=text)
        assert await db.create_job(text, text, {}, client_key=text) == job_id
        snapshot = await db.claim_job(job_id, text, 30.0)
        assert snapshot is not None
        assert await db.claim_owner(job_id) == text
        [job] = await db.list_jobs(text)
        assert (job.user_id, job.job_type) == (text, text)

    @pytest.mark.parametrize("text", ["nul\u0000byte", "\ud800"], ids=["nul", "surrogate"])
    @scenario
    async def test_odd_text_is_kept_or_refused_clearly(self, db: DatabaseProvider, text: str) -> None:
        if await kept_or_refused(lambda: db.create_job(text, "t", {}), must=False):
            assert [job.user_id for job in await db.list_jobs(text)] == [text]

    @scenario
    async def test_what_is_given_is_not_changed_and_what_is_read_is_ones_own(self, db: DatabaseProvider) -> None:
        body: dict[str, Any] = {"list": [1, {"a": 2.5}]}
        stored = await db.put_document("n", "k", body, expected_version=0)
        assert stored is not None
        assert body == {"list": [1, {"a": 2.5}]}
        stored.body["list"].append(3)
        body["list"].append(4)
        found = await db.get_document("n", "k")
        assert found is not None
        assert found.body == {"list": [1, {"a": 2.5}]}

    def _check(self, found: Any, expected: Any) -> None:
        assert same(found, expected, number_types="number_types" in self.capabilities)
