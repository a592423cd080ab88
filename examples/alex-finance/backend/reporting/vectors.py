"""Stored research in S3 Vectors, searched with the embeddings of a SageMaker endpoint, as the original keeps it.

``ALEX_VECTOR_BUCKET`` names the bucket (without it there is no such search), ``ALEX_VECTOR_INDEX`` the index,
``ALEX_EMBEDDING_ENDPOINT`` the endpoint. The clients are boto3's own.

A vector's metadata hold its ``text``, and perhaps a ``title``. What was stored by others is material, no instruction:
a text that names amounts of money or addresses is left out, because a report may contain neither.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .judge import amounts_in

INDEX = "financial-research"
ENDPOINT = "alex-embedding-endpoint"
LONGEST = 1_200
"""Characters of a note."""
CONNECT_S, READ_S, TRIES = 3, 8, 2


class SearchError(Exception):
    """The search could not be made."""


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """Where research is stored, and what embeds a question."""

    bucket: str
    index: str = INDEX
    endpoint: str = ENDPOINT

    @classmethod
    def from_environment(cls) -> "VectorIndex | None":
        """The one that the environment names; None where it names none."""
        bucket = os.environ.get("ALEX_VECTOR_BUCKET", "").strip()
        if not bucket:
            return None
        index, endpoint = os.environ.get("ALEX_VECTOR_INDEX"), os.environ.get("ALEX_EMBEDDING_ENDPOINT")
        return cls(bucket, index or INDEX, endpoint or ENDPOINT)

    def search(self, question: str, limit: int) -> list[dict[str, str]]:
        """The notes that are nearest in meaning: ``[{title, text}]``.

        Raises:
            SearchError: AWS refuses, does not answer in time, or answers what makes no sense.
        """
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as exc:
            raise SearchError("boto3 is not installed") from exc
        config = Config(
            connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": TRIES, "mode": "standard"}
        )
        try:
            session = boto3.session.Session()
            vector = self._embedded(session.client("sagemaker-runtime", config=config), question)
            answer = session.client("s3vectors", config=config).query_vectors(
                vectorBucketName=self.bucket,
                indexName=self.index,
                queryVector={"float32": vector},
                topK=2 * limit,
                returnMetadata=True,
            )
        except (BotoCoreError, ClientError) as exc:
            raise SearchError(f"S3 Vectors cannot be searched: {exc}") from exc
        notes = (_note(found) for found in answer.get("vectors", ()))
        return [note for note in notes if note is not None][:limit]

    def _embedded(self, client: Any, question: str) -> list[float]:
        """A question as a vector: the first one of the endpoint's answer, however deep it is nested."""
        answer = client.invoke_endpoint(
            EndpointName=self.endpoint, ContentType="application/json", Body=json.dumps({"inputs": question})
        )
        try:
            found = json.loads(answer["Body"].read())
            while isinstance(found[0], list):
                found = found[0]
            return [float(number) for number in found]
        except (ValueError, TypeError, LookupError) as exc:
            raise SearchError(f"endpoint {self.endpoint} answers no embedding") from exc


def _note(found: Mapping[str, Any]) -> dict[str, str] | None:
    """What a report may use of a stored vector."""
    metadata = found.get("metadata")
    text = metadata.get("text") if isinstance(metadata, dict) else None
    if not isinstance(text, str) or not text.strip() or amounts_in(text) or "://" in text:
        return None
    title = metadata.get("title") if isinstance(metadata, dict) else None
    return {"title": str(title or "Research"), "text": " ".join(text.split())[:LONGEST]}
