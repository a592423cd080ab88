"""The SQL of documents, the compare-and-set store, as transaction scripts without I/O (`_script`)."""

import sys
from typing import Any

from agent_framework.infrastructure._json import to_json
from agent_framework.infrastructure.database._codec import loads
from agent_framework.infrastructure.database._rows import document_from
from agent_framework.infrastructure.database._script import DialectScripts, Script, Statement
from agent_framework.types import Document, JSONDict


class DocumentScripts(DialectScripts):
    """Reading, writing, deleting and listing documents."""

    def get_document(self, namespace: str, key: str) -> Script[Document | None]:
        rows = yield Statement(
            f"""SELECT * FROM documents WHERE namespace = :namespace AND key = :key
            AND (expires_at IS NULL OR expires_at > {self._now})""",
            {"namespace": namespace, "key": key},
        )
        return document_from(rows[0]) if rows else None

    def put_document(
        self, namespace: str, key: str, body: JSONDict, expected_version: int, ttl_s: float | None
    ) -> Script[Document | None]:
        stored = to_json(body, what=f"the document {namespace}/{key}")
        params: dict[str, Any] = {"namespace": namespace, "key": key, "body": stored, "ttl": ttl_s}
        if expected_version == 0:
            rows = yield Statement(
                f"""INSERT INTO documents (namespace, key, body, version, expires_at)
                VALUES (:namespace, :key, {self._json("body")}, 1, {self._after("ttl")})
                ON CONFLICT (namespace, key) DO UPDATE SET body = excluded.body, version = documents.version + 1,
                expires_at = excluded.expires_at WHERE documents.expires_at <= {self._now}
                RETURNING version, expires_at""",
                params,
            )
        else:
            rows = yield Statement(
                f"""UPDATE documents SET body = {self._json("body")}, version = version + 1,
                expires_at = {self._after("ttl")}
                WHERE namespace = :namespace AND key = :key AND version = :expected
                AND (expires_at IS NULL OR expires_at > {self._now}) RETURNING version, expires_at""",
                {**params, "expected": expected_version},
            )
        if not rows:
            return None
        return Document(namespace, key, loads(stored), rows[0]["version"], rows[0]["expires_at"])

    def delete_document(self, namespace: str, key: str, expected_version: int | None) -> Script[bool]:
        rows = yield Statement(
            """DELETE FROM documents WHERE namespace = :namespace AND key = :key
            AND version = COALESCE(:expected, version) RETURNING key""",
            {"namespace": namespace, "key": key, "expected": expected_version},
        )
        return bool(rows)

    def list_documents(self, namespace: str, prefix: str, limit: int, after: str | None) -> Script[list[Document]]:
        end = after_all_with(prefix)
        begins_with = "key >= :prefix" if after is None or after < prefix else "key > :after"
        params = {"namespace": namespace, "prefix": prefix, "after": after, "end": end, "limit": limit}
        rows = yield Statement(
            f"""SELECT * FROM documents WHERE namespace = :namespace
            AND {begins_with} {"" if end is None else "AND key < :end"}
            AND (expires_at IS NULL OR expires_at > {self._now}) ORDER BY key LIMIT :limit""",
            params,
        )
        return [document_from(row) for row in rows]

    def purge_documents(self, expired_for_s: float, limit: int) -> Script[int]:
        """The time is asked twice: a document that is made anew meanwhile is not deleted."""
        long_ago = f"expires_at <= {self._before('ago')}"
        rows = yield Statement(
            f"""DELETE FROM documents WHERE {long_ago} AND (namespace, key) IN (
                SELECT namespace, key FROM documents WHERE {long_ago} ORDER BY expires_at LIMIT :limit
            ) RETURNING key""",
            {"ago": expired_for_s, "limit": limit},
        )
        return len(rows)


def after_all_with(prefix: str) -> str | None:
    """The least text after all that begin with ``prefix``, by code points as keys are sorted; None if there is none."""
    kept = prefix.rstrip(chr(sys.maxunicode))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)  # surrogates are no characters
